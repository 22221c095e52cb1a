"""Whole runs on a lane, by command and under pytest; the lane's SDK is that of our own environment."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from conformance.cli import main
from conformance.lanes import lane

if TYPE_CHECKING:
    from pathlib import Path

ONE = ("--check", "plain/text")


@pytest.fixture(autouse=True)
def lanes_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_LANES", str(tmp_path / "lanes"))
    monkeypatch.chdir(tmp_path)


def stand_in(directory: Path, name: str, script: str) -> None:
    """A lane whose interpreter is a script."""
    home = directory / "lanes" / f"{name}@{lane(name).version}"
    (home / "bin").mkdir(parents=True)
    (home / "installed.json").touch()
    python = home / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)


def conformance(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def certified(tmp_path: Path, *words: str) -> tuple[Result, dict[str, Any]]:
    done = conformance("certify", "relay", *ONE, "--out", str(tmp_path / "out"), *words)
    return done, json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_lane_is_driven_beside_the_main_one(tmp_path: Path, workers: tuple[str, ...]) -> None:
    stand_in(tmp_path, "openai-2", f'exec {sys.executable} "$@"')
    done, report = certified(tmp_path, "--lane", "openai-2", *workers)
    assert done.exit_code == 0, done.output
    found = {
        (row["case"]["surface"], row["case"]["driver"], row["outcome"])
        for row in report["checks"]
        if row["case"]["driver"].startswith("openai-2")
    }
    assert found == {
        (surface, f"openai-2 {mode}", "pass")
        for surface in ("openai-chat", "openai-responses")
        for mode in ("async", "async-stream")
    }
    assert report["environment"]["openai-2"] == lane("openai-2").version
    evidence = next(row["evidence"] for row in report["checks"] if row["case"]["driver"] == "openai-2 async")
    assert "case-" in (tmp_path / "out" / evidence / "cassette.yaml").read_text(encoding="utf-8")


def test_without_being_asked_a_run_drives_its_own_lane_only(tmp_path: Path) -> None:
    stand_in(tmp_path, "openai-2", f'exec {sys.executable} "$@"')
    _, report = certified(tmp_path)
    assert not [row for row in report["checks"] if row["case"]["driver"].startswith("openai-2")]
    assert "openai-2" not in report["environment"]


def test_a_lane_that_breaks_is_our_error_and_measures_nothing(tmp_path: Path) -> None:
    stand_in(tmp_path, "openai-2", "echo 'no such library' >&2; exit 3")
    done, report = certified(tmp_path, "--lane", "openai-2")
    assert done.exit_code == 3
    assert report["verdict"] == "not-measured"
    broken = [row for row in report["checks"] if row["case"]["driver"].startswith("openai-2")]
    assert {row["outcome"] for row in broken} == {"error"}
    assert "the worker of lane openai-2" in broken[0]["message"]
    assert "no such library" in broken[0]["message"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("openai-9", "no lane is called openai-9"),
        ("openai-1", "lane not installed: openai-1; run: conformance lanes install openai-1"),
    ],
)
def test_a_lane_that_cannot_be_driven_is_wrong_usage(name: str, told: str) -> None:
    done = conformance("certify", "relay", *ONE, "--lane", name)
    assert done.exit_code == 2
    assert told in done.output


def test_lanes_are_listed(tmp_path: Path) -> None:
    stand_in(tmp_path, "anthropic-1", "exit 3")
    told = conformance("lanes", "list").output
    assert "anthropic-1   anthropic 1.17.0: anthropic-messages\n              installed\n" in told
    assert "not installed; run: conformance lanes install openai-ts" in told
    rows = {row["name"]: row for row in json.loads(conformance("lanes", "list", "--format", "json").output)}
    assert rows["anthropic-1"]["installed"].endswith("anthropic-1@1.17.0")
    assert rows["openai-ts"]["installed"] is None


def test_installing_says_where(tmp_path: Path) -> None:
    stand_in(tmp_path, "anthropic-1", "exit 3")
    done = conformance("lanes", "install", "anthropic-1")
    assert (done.exit_code, done.output) == (0, f"installed in {tmp_path}/lanes/anthropic-1@1.17.0\n")
    assert conformance("lanes", "install", "anthropic-9").exit_code == 2
