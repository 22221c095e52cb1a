from __future__ import annotations

from conformance.run.breaker import HANGS, LIMIT, Breaker, hangs, not_tried
from tests.run.test_results import result


def test_a_target_that_hangs_on_everything_is_given_up() -> None:
    breaker = Breaker()
    for _ in range(LIMIT):
        assert not breaker.is_open
        breaker.saw(result(seconds=HANGS))
    assert breaker.is_open


def test_any_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker()
    for seconds in (HANGS, HANGS, 0.1, HANGS, HANGS):
        breaker.saw(result(seconds=seconds))
    assert not breaker.is_open


def test_what_controls_do_says_nothing_of_the_target() -> None:
    breaker = Breaker()
    for _ in range(LIMIT):
        breaker.saw(result(subject="fault:buffers", seconds=HANGS))
    assert not breaker.is_open


def test_a_target_that_is_gone_is_given_up() -> None:
    breaker = Breaker()
    for _ in range(LIMIT):
        breaker.saw(result(seconds=0.1), is_listening=False)
    assert breaker.is_open


def test_a_slow_pass_does_not_hang() -> None:
    assert not hangs(result(outcome="pass", seconds=HANGS))


def test_what_was_not_tried_was_not_observed() -> None:
    spared = not_tried(result(outcome="pass"))
    assert (spared.outcome, spared.subject) == ("not-observable", "target")
    assert "hung" in spared.message
