from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conformance.lanes import NotInstalledError, UnknownLaneError, chosen, install_lane, lane, lanes, main_lane
from conformance.lanes.installs import described, installed_lane
from conformance.surface import CORE
from conformance.target import InstallFailedError
from tests.target.test_installs import wheel

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.lanes import Lane

MAINS = {main_lane(surface) for surface in CORE}


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONFORMANCE_LANES", str(tmp_path / "lanes"))
    return tmp_path / "lanes"


def seem_installed(directory: Path, *names: str) -> None:
    for each in (lane(name) for name in names):
        home = directory / f"{each.name}@{each.version}"
        home.mkdir(parents=True)
        (home / "installed.json").touch()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lane:
    """A lane whose package is a file, so that no registry is asked."""
    wheel(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    return replace(lane("openai-2"), name="small-1", package="small", version="1.2.3")


def test_a_lane_gets_an_environment_of_its_own(small: Lane, directory: Path) -> None:
    assert installed_lane(small) is None
    home = install_lane(small, print)
    assert home == directory / "small-1@1.2.3" == installed_lane(small)
    assert list(home.glob("lib/python*/site-packages/small.py"))
    assert install_lane(small, pytest.fail) == home  # a second time there is nothing to do


def test_an_installation_that_fails_names_the_lane(small: Lane) -> None:
    with pytest.raises(InstallFailedError, match=r"small-1@9\.9: "):
        install_lane(replace(small, version="9.9"), print)
    assert installed_lane(replace(small, version="9.9")) is None


def test_a_run_drives_its_own_lane_only_unless_asked() -> None:
    assert chosen([]) == ()
    assert chosen(["main", "installed"]) == ()


def test_lanes_are_chosen_by_name_in_the_order_of_the_table(directory: Path) -> None:
    seem_installed(directory, "anthropic-1", "openai-2")
    assert [each.name for each in chosen(["anthropic-1", "openai-2", "anthropic-1"])] == ["openai-2", "anthropic-1"]
    assert chosen(["installed"]) == chosen(["openai-2", "anthropic-1"])


def test_the_generation_of_our_own_process_is_the_main_lane(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seem_installed(directory, "anthropic-1", "openai-2")
    monkeypatch.setattr("conformance.lanes.table.generation", {"anthropic": "anthropic-1", "openai": "openai-3"}.get)
    assert [each.name for each in chosen(["installed"])] == ["openai-2"]


def test_a_lane_that_is_asked_for_and_not_there_is_wrong_usage(directory: Path) -> None:
    seem_installed(directory, "openai-2")
    with pytest.raises(NotInstalledError, match="not installed: openai-1; run: conformance lanes install openai-1"):
        chosen(["openai-1", "openai-2"])
    with pytest.raises(NotInstalledError, match="anthropic-ts"):
        chosen(["all"])
    with pytest.raises(UnknownLaneError, match="no lane is called openai-9; there are openai-1, "):
        chosen(["openai-9"])


def test_the_cache_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONFORMANCE_LANES")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seem_installed(tmp_path / "llm-gateway-conformance" / "lanes", "openai-1")
    assert installed_lane(lane("openai-1"))


def test_every_lane_says_what_it_is() -> None:
    for each in lanes().values():
        told = described(each)
        assert told["name"] == each.name
        assert told["installed"] is None
        assert each.surfaces
        assert each.name not in MAINS, "the main lane needs no second one"
        assert all(each.without.values()), "a check is left out for a reason"
