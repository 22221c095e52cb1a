from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmarks.claims import claims, first_byte_over_added
from benchmarks.figures import Results, Spread, processor_us
from benchmarks.rounds import FIRST_BYTE, STREAMS, WHOLE, Figure, Sample
from benchmarks.table import as_json, claim_line, show
from conformance.surface import Surface

CHAT = Surface.OPENAI_CHAT


def rows(lane: str, figure: Figure, *values: float, processor: float | None = None) -> list[Sample]:
    return [Sample(number, lane, CHAT, figure, value, processor) for number, value in enumerate(values)]


def run(reference: float, first_byte: float, litellm: float | None, limited: float = 650) -> Results:
    """A run of one round in which the relay makes 1000 of everything, and its first byte comes after 1 ms."""
    samples = [*rows("relay", FIRST_BYTE, 1.0), *rows("reference", FIRST_BYTE, first_byte)]
    for figure in (WHOLE, STREAMS):
        samples += [*rows("relay", figure, 1000.0), *rows("reference", figure, reference)]
        samples += rows("limited", figure, limited)
        samples += rows("litellm", figure, litellm) if litellm else []
    return Results(tuple(samples))


def test_ratios_are_those_of_one_round_and_not_of_medians() -> None:
    results = Results((*rows("relay", WHOLE, 100, 1000, 10), *rows("reference", WHOLE, 80, 700, 9)))
    assert results.spread("reference", CHAT, WHOLE) == Spread(80, 9, 700)
    assert results.ratio("reference", "relay", CHAT, WHOLE) == Spread(0.8, 0.7, 0.9)


def test_rounds_that_one_of_the_two_lacks_are_left_out() -> None:
    results = Results((*rows("relay", WHOLE, 100), *rows("reference", WHOLE, 80, 10)))
    assert results.ratio("reference", "relay", CHAT, WHOLE) == Spread(0.8, 0.8, 0.8)
    assert results.ratio("reference", "litellm", CHAT, WHOLE) is None
    assert results.spread("reference", CHAT, WHOLE, processor_us) is None


@pytest.mark.parametrize(
    ("results", "verdicts"),
    [
        (run(700, 1.5, 28), [True, True, True, True, True, True, True]),
        (run(699, 1.5, 28), [False, True, False, True, True, False, False]),
        (run(700, 1.5, 28, 649), [True, False, True, False, True, True, True]),
        (run(700, 1.51, 28), [True, True, True, True, False, True, True]),
        (run(700, 1.5, None), [True, True, True, True, True, None, None]),
        (Results(()), [None] * 7),
    ],
)
def test_a_claim_holds_misses_or_was_not_measured(results: Results, verdicts: list[bool | None]) -> None:
    assert [claim.holds for claim in claims(results, [CHAT])] == verdicts


def test_the_table_shows_medians_and_ratios_to_the_relay() -> None:
    results = Results((*rows("relay", WHOLE, 1000, processor=100), *rows("reference", WHOLE, 750, processor=125)))
    written = io.StringIO()
    show(Console(file=written, width=140), results, ["relay", "reference"], [CHAT])
    for part in ("1,000", "750", "0.75x [0.75-0.75]", "125", "1.25x [1.25-1.25]"):
        assert part in written.getvalue()


def test_a_claim_reads_as_a_sentence_and_as_json() -> None:
    results = run(699, 1.5, None)
    missed, *_, last = claims(results, [CHAT])
    expected = "MISSED        openai-chat, calls/s, c=32: reference / relay ≥ 0.7: 0.70 [0.70 to 0.70]"
    assert claim_line(missed) == expected
    assert claim_line(last).startswith("not measured  ")
    row = as_json(results.samples, [missed])["claims"][0]
    assert row["holds"] is False
    assert row["seen"]["median"] == pytest.approx(0.699)


def test_the_looser_reading_is_a_share_of_what_the_relay_adds_itself() -> None:
    samples = [*rows("direct", FIRST_BYTE, 0.5), *rows("relay", FIRST_BYTE, 1.0), *rows("reference", FIRST_BYTE, 1.5)]
    assert first_byte_over_added(Results(tuple(samples)), CHAT) == Spread(1.0, 1.0, 1.0)
    assert first_byte_over_added(Results(tuple(samples[1:])), CHAT) is None
