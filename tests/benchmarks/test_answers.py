from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.answers import Answer
from benchmarks.exchanges import SURFACES, TEXT, is_right, provided, streamed_text, whole_text
from tests.benchmarks.serving import sent

if TYPE_CHECKING:
    from conformance.surface import Surface


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_an_answer_is_read_however_it_is_split(surface: Surface, size: int, *, streamed: bool) -> None:
    expected = provided(surface, streamed=streamed)
    data, answer = sent(expected), Answer()
    for at in range(0, len(data), size):
        assert not answer.complete
        answer.feed(data[at : at + size])
    assert answer.complete
    assert answer.status == 200
    assert answer.body == expected.body
    assert answer.first_byte > 0


@pytest.mark.parametrize("surface", SURFACES)
def test_an_answer_that_a_gateway_wrote_anew_is_right_when_its_text_is(surface: Surface) -> None:
    whole, stream = (provided(surface, streamed=streamed).body for streamed in (False, True))
    assert whole_text(surface, whole) == TEXT
    assert streamed_text(surface, stream) == TEXT
    assert is_right(surface, whole.replace(b", ", b","), streamed=False)
    assert is_right(surface, stream.replace(b"data: ", b"data:  "), streamed=True)
    assert not is_right(surface, whole, streamed=True)
    assert not is_right(surface, b"[]", streamed=False)
