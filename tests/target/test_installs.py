from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from conformance.target import InstallFailedError, Missing, builtin, install, installed, load
from conformance.target.loading import BUILTIN
from tests.target.samples import TOML, written


@pytest.fixture(autouse=True)
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "targets"
    monkeypatch.setenv("CONFORMANCE_TARGETS", str(directory))
    return directory


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of programs before all others; there is no uv but the one that a test puts there."""
    directory = tmp_path / "tools"
    directory.mkdir()
    others = [found for found in os.environ["PATH"].split(os.pathsep) if not (Path(found) / "uv").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join([str(directory), *others]))
    return directory


def program(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def with_install(directory: Path, table: str) -> str:
    return written(directory, TOML.replace("[target.start]", f"[target.install]\n{table}\n[target.start]"))


def wheel(directory: Path) -> Path:
    """A distribution of one module, so that no registry is asked."""
    path = directory / "small-1.2.3-py3-none-any.whl"
    info = "small-1.2.3.dist-info"
    with ZipFile(path, "w") as archive:
        archive.writestr("small.py", "print('here')")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.2.3\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_python_software_gets_an_environment_of_its_own(tmp_path: Path, targets: Path) -> None:
    path = with_install(tmp_path, f'pip = ["{wheel(tmp_path).as_posix().replace("1.2.3", "{version}")}"]')
    half_built = targets / "mine@1.2.3" / "left-over"
    half_built.mkdir(parents=True)
    assert installed(load(path)) == Missing("not installed; run: conformance targets install mine@1.2.3")

    lines: list[str] = []
    home = install(path, lines.append)

    assert home == targets / "mine@1.2.3" == installed(load(path))
    assert list(home.glob("lib/python*/site-packages/small.py"))
    assert not half_built.exists()
    assert any("Successfully installed small-1.2.3" in line for line in lines)
    assert install(path, pytest.fail) == home  # a second time there is nothing to do


def test_uv_installs_where_it_is_found(tmp_path: Path, targets: Path, tools: Path) -> None:
    program(tools, "uv", f'echo "uv $@"; test "$1" != venv || mkdir -p {targets}/mine@1.2.3/bin')
    lines: list[str] = []
    home = install(with_install(tmp_path, 'pip = ["small=={version}", "other<2"]'), lines.append)
    assert lines == [
        f"uv venv --python {sys.executable} {home}",
        f"uv pip install --python {home}/bin/python small==1.2.3 other<2",
    ]


def test_pip_has_the_last_word_where_uv_finds_no_way(tmp_path: Path, tools: Path) -> None:
    program(tools, "uv", 'echo "no such index" >&2; exit 2')
    lines: list[str] = []
    home = install(with_install(tmp_path, f'pip = ["{wheel(tmp_path).as_posix()}"]'), lines.append)
    assert lines[:2] == ["no such index", "uv could not; now pip"]
    assert list(home.glob("lib/python*/site-packages/small.py"))


def test_targets_that_run_the_same_software_share_an_installation(tmp_path: Path, targets: Path) -> None:
    path = with_install(tmp_path, f'pip = ["{wheel(tmp_path).as_posix()}"]\nname = "small"')
    assert install(path, print) == installed(load(path)) == targets / "small@1.2.3"


def test_an_installation_that_fails_has_the_installers_last_words(tmp_path: Path) -> None:
    path = with_install(tmp_path, f'pip = ["{tmp_path}/no-such-{{version}}.whl"]')
    with pytest.raises(InstallFailedError, match=r"mine@1\.2\.3: .* ended with 1:\n(.|\n)*no-such-1\.2\.3\.whl"):
        install(path, print)
    assert isinstance(installed(load(path)), Missing)


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = with_install(tmp_path, 'pip = ["x"]\npython = "no-such-python"')
    with pytest.raises(InstallFailedError, match=r"mine@1\.2\.3: no-such-python: No such file or directory"):
        install(path, print)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_node_software_gets_a_directory_of_its_own(tmp_path: Path) -> None:
    package = tmp_path / "small"
    package.mkdir()
    (package / "package.json").write_text(json.dumps({"name": "small", "version": "1.2.3"}), encoding="utf-8")
    home = install(with_install(tmp_path, f'npm = ["{package}"]'), print)
    assert (home / "node_modules" / "small" / "package.json").is_file()


def test_what_comes_from_the_system_is_named_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.installs.find_executable", {}.get)
    reason = "nginx is not installed; run: apt-get install nginx-light"
    assert installed(load("nginx")) == Missing(reason)
    with pytest.raises(InstallFailedError, match=reason):
        install("nginx", pytest.fail)


def test_what_needs_no_software_of_its_own_uses_ours() -> None:
    assert installed(load("reference")) == Path(sys.prefix)
    assert install("reference", pytest.fail) == Path(sys.prefix)


def test_the_cache_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONFORMANCE_TARGETS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    home = tmp_path / "llm-gateway-conformance" / "targets" / "litellm@1.106.2"
    home.mkdir(parents=True)
    assert isinstance(installed(load("litellm")), Missing)
    (home / "installed.json").touch()
    assert installed(load("litellm")) == home


def test_the_builtins_say_whether_they_can_start() -> None:
    entries = {entry.name: entry for entry in builtin()}
    assert set(entries) == {path.stem for path in BUILTIN.values()} >= {"litellm", "nginx", "reference", "relay"}
    assert all(entry.description for entry in entries.values())
    assert entries["reference"].missing is None
    assert entries["litellm"].missing == "not installed; run: conformance targets install litellm@1.106.2"
