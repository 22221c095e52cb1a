"""Suites that other packages add, as their users see them; `example_suite` is such a package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.catalogue import _problems, load_suites
from conformance.extensions import Extension
from conformance.target.loading import BUILTIN

if TYPE_CHECKING:
    from conformance.check import Check

ROOT = Path(__file__).parents[1]
EXAMPLE = Path(__file__).with_name("example_suite")
FJORD = Extension("fjord", "fjord_conformance", "fjord-conformance", "1.2.3")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed, as its users would install it."""
    site = tmp_path_factory.mktemp("site")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *offline, "--target", str(site), str(EXAMPLE)], check=True
    )
    return site


def conformance(site: Path, here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=here,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{site}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def relay(here: Path, site: Path, fault: str = "") -> str:
    """The relay's target file, which claims what the example asks for."""
    text = BUILTIN["relay"].read_text(encoding="utf-8")
    text = text.replace("{here}/../../..", f"{ROOT}{os.pathsep}{site}").replace(
        'profiles = [\n  "openai-chat",', 'profiles = [\n  "fjord",'
    )
    text = text.replace('"streaming", "tools",', '"fjord-cost-centres",')
    if fault:
        text = text.replace('"{upstream}"]', f'"{{upstream}}", "--fault", "{fault}"]')
    (here / "relay.toml").write_text(text, encoding="utf-8")
    return "relay.toml"


def report(here: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((here / "out/report.json").read_text(encoding="utf-8"))
    return found


def test_an_installed_suite_is_listed_and_explained(site: Path, tmp_path: Path) -> None:
    listed = conformance(site, tmp_path, "list", "--profile", "fjord")
    assert listed.stdout.split(maxsplit=2) == ["must", "fjord/cost-centre", "the cost centre reaches the provider\n"]
    explained = conformance(site, tmp_path, "explain", "fjord/cost-centre").stdout
    assert "Fjord's platform handbook, https://handbook.fjord.example/gateways" in explained
    assert "forwards every header but the cost centre's" in explained


def test_a_target_that_claims_its_profile_is_certified_with_it(site: Path, tmp_path: Path) -> None:
    done = conformance(
        site, tmp_path, "certify", relay(tmp_path, site), "--profile", "fjord", "--out", "out", "--quiet"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = report(tmp_path)
    assert [(profile["name"], profile["verdict"]) for profile in found["profiles"]] == [("fjord", "conformant")]
    assert {(row["id"], row["outcome"]) for row in found["checks"]} == {("fjord/cost-centre", "pass")}
    assert len(found["checks"]) == 3
    assert found["environment"]["fjord-conformance"] == "1.2.3"
    assert {(control["name"], control["outcome"]) for control in found["controls"]} == {
        ("direct", "pass"),
        ("faulty", "fail"),
    }


def test_a_gateway_with_its_fault_is_not_conformant(site: Path, tmp_path: Path) -> None:
    target = relay(tmp_path, site, fault="fjord-loses-cost-centre")
    done = conformance(site, tmp_path, "certify", target, "--check", "fjord/cost-centre", "--out", "out", "--quiet")
    assert done.returncode == 1, done.stdout + done.stderr
    assert all("found: [] == ['4711']" in row["message"] for row in report(tmp_path)["checks"])


def test_the_selftest_proves_it_like_any_other(site: Path, tmp_path: Path) -> None:
    done = conformance(site, tmp_path, "selftest", "--check", "fjord/cost-centre", "--format", "json")
    assert done.returncode == 0, done.stderr
    caught = json.loads(done.stdout)["caught"]
    assert {pair["fault"] for pair in caught} == {"fjord-loses-cost-centre", "drops-custom-headers"}


# What can be wrong with a package


def package(site: Path, name: str = "fjord", **files: str) -> Path:
    """A package as an installer would leave it, with these modules and ledgers."""
    info = site / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-suite\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[conformance.suites]\n{name} = {name}_suite\n", encoding="utf-8")
    (site / f"{name}_suite").mkdir()
    for file, text in {"__init__": "", **files}.items():
        path = site / f"{name}_suite" / (file if file.endswith(".toml") else f"{file}.py")
        path.write_text(text, encoding="utf-8")
    return site


HEAD = 'source = "S"\nurl = "https://s.example"\nread = 2026-11-20\n'


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"__init__": "import nonsense"}, "fjord_suite cannot be imported: ModuleNotFoundError: No module named"),
        ({"test_x": "raise OSError('gone')"}, "fjord_suite.test_x cannot be imported: OSError: gone"),
        ({"own.toml": "["}, "own.toml: not valid TOML"),
        ({"own.toml": f"{HEAD}[profile]"}, "own.toml: profile: Extra inputs are not permitted"),
        ({"own.toml": f'{HEAD}[features]\ncost = "c"'}, "own.toml: cost must be fjord or begin with fjord-"),
        (
            {
                "test_x": "from conformance.api import check\n"
                "@check('plain/text', requirement='r', feature='body', catches=())\n"
                "async def test_x(): ..."
            },
            "two checks are called plain/text",
        ),
        (
            {
                "faults": "from conformance.faulty import fault\n"
                "@fault.request('loses-x', 'loses x')\ndef loses(request): return request"
            },
            "the fault loses-x must begin with fjord-",
        ),
        (
            {
                "own.toml": f'{HEAD}[requirements.fjord-x]\nkeyword = "may"\ntext = "X."\nchecks = ["fjord/x"]',
            },
            "the requirement fjord-x names fjord/x, which is no check",
        ),
        (
            {
                "own.toml": f'{HEAD}[requirements.fjord-x]\nkeyword = "may"\ntext = "X."\nexcluded = "no"',
                "two.toml": f'{HEAD}[requirements.fjord-x]\nkeyword = "may"\ntext = "X."\nexcluded = "no"',
            },
            "two.toml: requirement fjord-x stands in S already",
        ),
    ],
)
def test_a_package_that_cannot_be_used_is_told_with_its_name(files: dict[str, str], told: str, tmp_path: Path) -> None:
    done = conformance(package(tmp_path, **files), tmp_path, "list")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("Error: the suite fjord (package fjord_suite of fjord-suite 1): ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_with_such_a_package_does_not_begin(tmp_path: Path) -> None:
    site = package(tmp_path, test_x="raise OSError('gone')")
    done = conformance(site, tmp_path, "certify", "relay", "--out", "out", "--quiet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("Error: ") == 2  # ours, and the one that it names
    assert "fjord_suite.test_x cannot be imported" in done.stderr


def test_a_name_that_is_ours_is_taken(tmp_path: Path) -> None:
    done = conformance(package(tmp_path, "headers"), tmp_path, "list")
    assert "its name is taken: there is headers/" in done.stderr


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"id": "cost-centre"}, "must be called fjord/cost-centre"),
        ({"profile": "headers"}, "must count in a profile of its own package, not in headers"),
        ({"profile": None}, "must count in a profile of its own package, not in that of its surface"),
        ({"feature": "cost"}, "needs the feature cost, which nobody knows"),
        ({"requirement": "content-unchanged"}, "is not listed by its requirement content-unchanged"),
        ({"catches": ("drops-beta", "nothing")}, "catches nothing, which is no fault"),
    ],
)
def test_a_check_must_be_its_packages_own(wrong: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known: Check = load_suites()["plain/text"]
    monkeypatch.setattr("conformance.catalogue.added_profiles", lambda: {"fjord": "f"})
    monkeypatch.setattr("conformance.catalogue.ledger", lambda: {"r": replace(known.held, checks=("fjord/x",))})
    own = replace(known, id="fjord/x", profile="fjord", requirement="r")
    assert list(_problems(FJORD, own)) == []
    assert told in list(_problems(FJORD, replace(own, **wrong)))
