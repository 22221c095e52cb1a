"""Whatever is answered comes through a protocol as it was, whole or streamed, however the stream's bytes are cut."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols import CODECS, hub
from tests.gateway.protocols.strategies import answers, cuts, examples
from tests.gateway.protocols.test_requests import HUBS, every_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gateway.surfaces import Protocol

SAID_AS: dict[Protocol, dict[hub.Stop, hub.Stop]] = {
    "openai-chat": {"stop-sequence": "end", "pause": "end"},
    "openai-responses": {"stop-sequence": "end", "pause": "end"},
    "gemini": {"stop-sequence": "end"},
}
STOPS: tuple[hub.Stop, ...] = ("end", "length", "refusal", "stop-sequence", "pause")


@every_hub
@examples
@given(answer=answers(STOPS))
def test_whole_answers_come_through(protocol: Protocol, answer: hub.Answer) -> None:
    codec = CODECS[protocol]
    read = codec.read_answer(json.loads(json.dumps(codec.write_answer(answer))))
    assert meant(protocol, read) == meant(protocol, answer)


@every_hub
@examples
@given(answer=answers(STOPS), data=st.data())
def test_streams_come_through_however_they_are_cut(protocol: Protocol, answer: hub.Answer, data: st.DataObject) -> None:
    def in_pieces(text: str) -> list[str]:
        ends = [0, *data.draw(cuts(len(text))), len(text)]
        return [text[start:end] for start, end in pairwise(ends)]

    stream = written(protocol, events(answer, in_pieces))
    read = gathered(decoded(protocol, stream, data.draw(cuts(len(stream)))))
    assert meant(protocol, read) == meant(protocol, answer)


@pytest.mark.parametrize("protocol", HUBS)
def test_a_stream_may_be_cut_at_any_byte(protocol: Protocol) -> None:
    parts = (
        hub.Thinking("Zwei Städte."),
        hub.Text("Schau \u2028 👩‍👩‍👧"),
        hub.ToolUse("call_1", "wetter", '{"stadt": "Tromsø"}'),
    )
    answer = hub.Answer("x_1", "model", parts, "tool-use", hub.Usage(9, 5, 3, 1, 2))
    stream = written(protocol, events(answer, lambda text: [text]))
    whole = decoded(protocol, stream, [])
    assert meant(protocol, gathered(whole)) == meant(protocol, answer)
    for cut in range(1, len(stream)):
        assert decoded(protocol, stream, [cut]) == whole, f"cut after {stream[:cut][-20:]!r}"


def test_an_array_of_geminis_holds_what_its_events_hold() -> None:
    answer = hub.Answer("x_1", "model", (hub.Text("Hei."),), "end", hub.Usage(9, 5))
    codec, told = CODECS["gemini"], list(events(answer, list))
    assert codec.array_encoder
    array = codec.array_encoder("model", usage_asked=True)
    chunks = json.loads("".join(text for event in told for text in array.feed(event)))
    lines = written("gemini", told).decode().split("\n")
    assert chunks == [json.loads(line.removeprefix("data: ")) for line in lines if line]


def written(protocol: Protocol, told: Iterable[hub.Event]) -> bytes:
    encoder = CODECS[protocol].encoder("model", usage_asked=True)
    return "".join(text for event in told for text in encoder.feed(event)).encode()


def decoded(protocol: Protocol, stream: bytes, cuts: Sequence[int]) -> list[hub.Event]:
    reader, decoder = CODECS[protocol].reader(), CODECS[protocol].decoder()
    read: list[hub.Event] = []
    for start, end in pairwise([0, *cuts, len(stream)]):
        for name, data in reader.feed(stream[start:end]):
            read += decoder.feed(name, data)
    return [*read, *decoder.end()]


def events(answer: hub.Answer, split: Callable[[str], Iterable[str]]) -> Iterator[hub.Event]:
    """An answer as it is streamed; `split` cuts what a part says into its deltas."""
    yield hub.Started(answer.id, answer.model)
    for part in answer.parts:
        match part:
            case hub.ToolUse(id=call_id, name=name, arguments=text):
                yield hub.Opened(hub.ToolUse(call_id, name))
            case hub.Text(text) | hub.Thinking(text) | hub.Refusal(text):
                yield hub.Opened(type(part)())
        yield from map(hub.Delta, split(text))
        yield hub.Closed()
    yield hub.Finished(answer.stop, answer.usage, answer.stop_sequence)


def gathered(told: Iterable[hub.Event]) -> hub.Answer:
    answer, parts = hub.Answer("", "", (), "end", hub.Usage()), list[hub.Part]()
    for event in told:
        match event:
            case hub.Started():
                answer = replace(answer, id=event.id, model=event.model)
            case hub.Opened(part):
                parts.append(part)
            case hub.Delta(text):
                parts[-1] = _longer(parts[-1], text)
            case hub.Finished():
                answer = replace(answer, stop=event.stop, usage=event.usage, stop_sequence=event.stop_sequence)
            case hub.Failed():
                raise AssertionError(event.message)
    return replace(answer, parts=tuple(parts))


def _longer(part: hub.Part, text: str) -> hub.Part:
    match part:
        case hub.ToolUse():
            return replace(part, arguments=part.arguments + text)
        case hub.Text() | hub.Thinking() | hub.Refusal():
            return replace(part, text=part.text + text)
    raise AssertionError(f"{part} has no deltas")


def meant(protocol: Protocol, answer: hub.Answer) -> hub.Answer:
    """What the protocol has a place for: signatures and cuts within a part are judged elsewhere."""
    usage = answer.usage if protocol != "gemini" else replace(answer.usage, cache_write=0)
    return replace(
        answer,
        id=answer.id.rpartition("_")[2].rpartition("-")[2],
        parts=tuple(_parts(answer.parts)),
        stop=SAID_AS.get(protocol, {}).get(answer.stop, answer.stop),
        usage=usage,
        stop_sequence=answer.stop_sequence if protocol == "anthropic-messages" else None,
    )


def _parts(parts: Iterable[hub.Part]) -> Iterator[hub.Part]:
    for part in parts:
        match part:
            case hub.ToolUse():
                yield replace(part, arguments=json.dumps(json.loads(part.arguments or "{}"), sort_keys=True))
            case hub.Thinking(text):
                yield hub.Thinking(text)
            case _:
                yield part
