"""Ctrl-C, wherever a run stands."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from conformance.run.certify import run
from conformance.run.session import RunStoppedError


def interrupted(*_: object, **__: object) -> None:
    signal.raise_signal(signal.SIGINT)


def interrupted_in_vain(*_: object, **__: object) -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


class Ends:
    def __del__(self) -> None:
        interrupted()


def interrupted_where_nothing_can_be_raised(*_: object, **__: object) -> None:
    Ends()


@pytest.mark.parametrize("where", [interrupted, interrupted_in_vain, interrupted_where_nothing_can_be_raised])
def test_an_interruption_that_pytest_does_not_see_still_ends_the_run_as_one(
    where: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest, "main", where)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RunStoppedError, match="interrupted"):
        run([], console=None)
    assert signal.getsignal(signal.SIGINT) is before
