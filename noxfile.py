"""What a developer and CI run. `nox -l` lists the sessions; each makes its own environment."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
PYTHON = "3.11"
HUBS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
GATEWAYS = ("litellm", "litellm-keys", "portkey", "mlflow", "claude-code-router")

nox.options.sessions = ["lint", "tests", "certify"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True


def _install(session: nox.Session, *groups: str) -> None:
    session.install("-q", "-e", ".", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """The tests of our own code."""
    _install(session, "test")
    ours = ["-m", "not gateway and not containers", "-n", "2", "--dist", "loadfile"]
    session.run("pytest", *(session.posargs or ours))


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Style, types, and who may import whom."""
    _install(session, "test", "lint")
    session.install("-q", "nox")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session(python=PYTHON)
def certify(session: nox.Session) -> None:
    """Certify the reference gateway, or the targets named: `nox -s certify -- my-gateway.toml`."""
    _install(session)
    for target in session.posargs or ["reference"]:
        session.run("conformance", "certify", target, "-n", "2")


@nox.session(python=PYTHON)
def gateways(session: nox.Session) -> None:
    """Certify real gateways, each in an environment of its own; show them side by side, held against what is known."""
    _install(session, "test")
    chosen = session.posargs or GATEWAYS
    for target in chosen:
        session.run("conformance", "targets", "install", target)
        session.run("conformance", "certify", target, "-n", "2", success_codes=[0, 1])
    reports = [f"reports/out/{target}" for target in chosen]
    for form, name in (("markdown", "gateways.md"), ("html", "gateways.html")):
        with (ROOT / "reports/out" / name).open("w", encoding="utf-8") as page:
            session.run("conformance", "table", *reports, "--format", form, stdout=page)
    session.run("conformance", "table", *reports)
    files = [f"tests/gateways/test_{target.replace('-', '_')}.py" for target in chosen]
    if sheets := [file for file in files if (ROOT / file).exists()]:
        session.run("pytest", *sheets, env={"CONFORMANCE_REPORTS": str(ROOT / "reports/out")})


@nox.session(python=PYTHON)
def containers(session: nox.Session) -> None:
    """Images built and used: targets in containers, clients without a network. CONFORMANCE_BASE names their base."""
    _install(session, "test")
    base = ["--base", os.environ["CONFORMANCE_BASE"]] if "CONFORMANCE_BASE" in os.environ else []
    session.run("python", "-m", "conformance.containers", "build", *base)
    session.run("pytest", *(session.posargs or ["tests/containers", "-m", "containers"]), env={"CI": "true"})


@nox.session(python=PYTHON)
def pins(session: nox.Session) -> None:
    """Pairs of LiteLLM's versions: each known change is seen. All of them, or `nox -s pins -- usage-conserved`."""
    _install(session)
    session.install("-q", "uv")  # LiteLLM's versions share most of their files: uv installs one in seconds
    session.run("python", "-m", "tests.gateways.pins", *session.posargs)


@nox.session(python=PYTHON)
def pairs(session: nox.Session) -> None:
    """The reference gateway's dialects, asked by every client: `certify` asks them by clients of their own protocol."""
    _install(session)
    known = (ROOT / "conformance/target/builtin/reference.toml").read_text(encoding="utf-8")
    bridged = r'(name = "\w+-by-\w+"\nupstream = "(.+)"\nupstream_name = .+\nsurfaces = ).+'
    target = Path(session.create_tmp()) / "pairs.toml"
    target.write_text(re.sub(bridged, _asked_by_all, known), encoding="utf-8")
    session.run(
        "conformance", "certify", str(target), "--profile", "translation", "--out", "reports/out/pairs", "-n", "2"
    )


def _asked_by_all(model: re.Match[str]) -> str:
    return f"{model[1]}{[hub for hub in HUBS if hub != model[2]]}"


@nox.session(python=PYTHON)
def lanes(session: nox.Session) -> None:
    """Every SDK generation, installed and driven against gateways without a fault: no lane may raise a false alarm."""
    _install(session)
    session.run("conformance", "lanes", "install")
    for target in session.posargs or ["reference", "relay", "nginx"]:
        session.run("conformance", "certify", target, "--lane", "all", "-n", "2")


@nox.session(python=PYTHON)
def selftest(session: nox.Session) -> None:
    """Judge the checks themselves: every fault caught, no false alarm."""
    _install(session)
    session.run("conformance", "selftest", *(session.posargs or ["-n", "4"]))  # faults that hang wait


@nox.session(python=PYTHON)
def replay(session: nox.Session) -> None:
    """Real provider traffic through the targets named; CONFORMANCE_RECORDINGS says where it is."""
    _install(session)
    for target in session.posargs or ["reference", "relay", "nginx"]:
        session.run("conformance", "replay", target)


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """The reference gateway beside a bare relay, nginx and LiteLLM, in one run."""
    _install(session)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """Write the pages that are made from the checks and the ledger."""
    _install(session)
    session.run("python", "docs/generate.py", *session.posargs)


@nox.session(python=PYTHON)
def build(session: nox.Session) -> None:
    """The wheel, installed into an empty environment and asked for its version and its checks."""
    session.install("-q", "build")
    session.run("python", "-m", "build", "--wheel", "--outdir", "dist")
    wheel = max((ROOT / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("-q", "--force-reinstall", str(wheel))
    with session.chdir(session.create_tmp()):
        session.run("conformance", "--version")
        session.run("conformance", "certify", "relay", "--check", "plain/text", "--out", "report")
