"""A case that ends the gateway twice is told of both ends, however late the second is written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from conformance.drivers import Mode
from conformance.run import session
from conformance.run.results import Result
from conformance.run.session import Run
from conformance.run.stage import TARGET
from conformance.surface import Surface
from conformance.target import Pulse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from reports import Outcome


class LateJournal:
    """A gateway that dies of every call, and a supervisor that writes an end down once somebody misses the gateway."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.deaths, self.written = path, 0, 0
        monkeypatch.setattr(Pulse, "is_listening", lambda _: self.is_listening())

    def die(self) -> None:
        self.deaths += 1

    def is_listening(self) -> bool:
        missing = self.deaths > self.written
        if missing:
            self.written += 1
            self._write("ended", f"was killed, {self.written}")
            self._write("serves", "")
        return not missing

    def _write(self, event: str, told: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "told": told}) + "\n")


def judged(monkeypatch: pytest.MonkeyPatch, pulse: Pulse, outcomes: Sequence[Outcome], journal: LateJournal) -> Result:
    left = list(outcomes)

    def tried(*_: object) -> tuple[list[pytest.TestReport], Result]:
        if (outcome := left.pop(0)) == "fail":
            journal.die()
        return [], Result("body/large", TARGET, Surface.OPENAI_CHAT, Mode.ASYNC, outcome, seconds=0.0)

    run = Run.__new__(Run)
    monkeypatch.setattr(session, "_pulse", lambda _: pulse)
    monkeypatch.setattr(run, "_tried", tried)
    monkeypatch.setattr(run, "_tried_again", tried)
    _, result = run._judged(cast("pytest.Item", None), None)
    return result


def test_a_case_that_kills_it_again_is_told_of_both_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journal = LateJournal(tmp_path / "journal", monkeypatch)
    pulse = Pulse("http://127.0.0.1:1", journal.path)
    assert judged(monkeypatch, pulse, ["fail", "fail"], journal).ends == ("was killed, 1", "was killed, 2")
    assert pulse.ends() == ("was killed, 1", "was killed, 2")


def test_a_case_that_was_another_s_victim_is_told_of_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journal = LateJournal(tmp_path / "journal", monkeypatch)
    pulse = Pulse("http://127.0.0.1:1", journal.path)
    result = judged(monkeypatch, pulse, ["fail", "pass"], journal)
    assert (result.outcome, result.ends) == ("pass", ("was killed, 1",))
