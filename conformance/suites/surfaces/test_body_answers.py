"""Answers with all that the SDKs document, and with what nobody has documented yet: the client gets all of it."""

import json
import re
from typing import Any
from uuid import uuid4

from conformance.api import (
    CHAT,
    MESSAGES,
    RESPONSES,
    Client,
    Exchange,
    Http,
    Mode,
    Received,
    Reply,
    Surface,
    Upstream,
    Verbatim,
    check,
    differences,
    documented,
    parse,
)
from conformance.suites.surfaces.raw import Sender, Variant

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
CONTENT = {CHAT: "choices", RESPONSES: "output", MESSAGES: "content"}
_LAST_COUNTS = {"role", "id", "type", "name", "index", "finish_reason"}
_SHOWN = 12
_ROUTING = re.compile(r"\.(id|item_id|container_id)\b")
"""Ids that a gateway may need to write anew, to find the same provider again."""


@check(
    "body/answer-documented",
    requirement="answer-content-unchanged",
    feature="body",
    modes=BOTH,
    catches=("knows-plain-answers", "drops-citations", "drops-logprobs", "first-choice-only"),
)
async def test_every_documented_block_item_and_choice_reaches_the_client(
    client: Client, http: Http, upstream: Upstream
) -> None:
    answer, received = await _answered(Sender(client, http, upstream), _everything(client))
    read = _assembled if client.mode.streams else _whole
    seen, sent = (read(client.surface, body) for body in (answer.content, received.sent))
    found = [line for line in differences(seen, sent) if not line.startswith("added ")]
    _assert_none([line for line in found if not _ROUTING.search(line)])


@check(
    "body/answer-everything",
    requirement="answer-unchanged",
    feature="body",
    modes=BOTH,
    catches=("adds-answer-field", "drops-null-answer-fields", "rewrites-answer-id"),
)
async def test_every_documented_field_of_an_answer_reaches_the_client(
    client: Client, http: Http, upstream: Upstream
) -> None:
    _assert_same(client, *await _answered(Sender(client, http, upstream), _everything(client)))


@check(
    "body/answer-unknown",
    requirement="answer-unchanged",
    feature="body",
    modes=BOTH,
    catches=("knows-plain-answers", "drops-fields-within-answers", "drops-unknown-answer-fields"),
)
async def test_what_is_still_to_come_in_answers_reaches_the_client(
    client: Client, http: Http, upstream: Upstream
) -> None:
    _assert_same(client, *await _answered(Sender(client, http, upstream), _tomorrow(client)))


@check(
    "body/stop-reasons",
    requirement="stop-reason-unchanged",
    feature="body",
    surfaces=(CHAT, MESSAGES),
    modes=BOTH,
    catches=("knows-four-stops", "flattens-stop-reason"),
)
async def test_every_documented_reason_to_stop_reaches_the_client(
    client: Client, http: Http, upstream: Upstream
) -> None:
    field = "finish_reason" if client.surface == CHAT else "stop_reason"
    lost = []
    for stop in documented.stops(client.surface):
        answer, _ = await _answered(Sender(client, http, upstream), _ending(client, stop))
        if f'"{field}":"{stop}"'.encode() not in answer.content.replace(b": ", b":"):
            lost.append(stop)
    assert not lost, f"the client never saw {field} {', '.join(lost)}"


@check("body/answer-numbers", requirement="answer-unchanged", feature="body", catches=("rounds-numbers",))
async def test_numbers_of_an_answer_keep_their_precision(client: Client, http: Http, upstream: Upstream) -> None:
    whole = documented.answer(client.surface) | {"n": "NUMBERS"}
    numbers = b"[12345678901234567890, -0.1234567890123456, 0.1, 1.5e-07]"
    body = json.dumps(whole).encode().replace(b'"NUMBERS"', numbers)
    answer, received = await _answered(Sender(client, http, upstream), _said(body))
    seen, sent = json.loads(answer.content), json.loads(received.sent)
    _assert_none(list(differences(seen.get("n"), sent["n"])))


def _said(body: bytes, *, streams: bool = False) -> Reply:
    kind = "text/event-stream; charset=utf-8" if streams else "application/json"
    return Reply(verbatim=Verbatim(200, (("content-type", kind),), body))


def _everything(client: Client) -> Reply:
    if client.mode.streams:
        return _said(documented.stream(client.surface), streams=True)
    return _said(json.dumps(documented.answer(client.surface)).encode())


def _tomorrow(client: Client) -> Reply:
    """A further field in each object, and a block, an item or a choice of a type nobody has heard of."""
    unheard = f"unheard_{uuid4().hex[:8]}"
    if client.mode.streams:
        return _said(_strange_stream(client.surface, unheard), streams=True)
    whole, held = documented.answer(client.surface), CONTENT[client.surface]
    block = {"type": unheard, "id": "x_1", "detail": {"deep": [1, None]}}
    more = [] if client.surface == CHAT else [block]
    whole = documented.with_field_everywhere(whole, f"field_{unheard}", {"kept": [None, ""]})
    return _said(json.dumps(whole | {held: [*whole[held], *more]}).encode())


def _strange_stream(surface: Surface, unheard: str) -> bytes:
    """The documented stream with a further field in each event, whose numbering stays as it is."""
    events = []
    for event in parse(documented.stream(surface)).events:
        name = f"event: {event.name}\n" if surface != CHAT else ""
        data = event.data if event.data == "[DONE]" else json.dumps({**event.json, f"field_{unheard}": {"kept": None}})
        events.append(f"{name}data: {data}\n\n")
    return "".join(events).encode()


def _ending(client: Client, stop: str) -> Reply:
    """The plainest answer that ends for that reason."""
    if client.surface == CHAT:
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": stop}
        said = {"role": "assistant", "content": "ok"}
        base = {"id": "chatcmpl-1", "created": 1, "model": "a-model"}
        if not client.mode.streams:
            whole = base | {"object": "chat.completion", "choices": [choice | {"message": said}]}
            return _said(json.dumps(whole).encode())
        chunks = [choice | {"delta": said, "finish_reason": None}, choice | {"delta": {}}]
        data = [json.dumps(base | {"object": "chat.completion.chunk", "choices": [chunk]}) for chunk in chunks]
        return _said("".join(f"data: {line}\n\n" for line in [*data, "[DONE]"]).encode(), streams=True)
    if not client.mode.streams:
        whole = documented.answer(MESSAGES) | {"content": [{"type": "text", "text": "ok"}], "stop_reason": stop}
        return _said(json.dumps(whole).encode())
    first = documented.stream(MESSAGES)
    return _said(first.replace(b'"stop_reason":"end_turn"', f'"stop_reason":"{stop}"'.encode()), streams=True)


async def _answered(sender: Sender, reply: Reply) -> tuple[Exchange, Received]:
    """What the client saw, and what the upstream had sent."""
    script = await sender.upstream.answers(reply)
    streams = sender.client.mode.streams
    counted = {"stream_options": {"include_usage": True}} if streams and sender.client.surface == CHAT else {}
    answer = await sender.post(sender.body(Variant({"stream": streams, **counted}), script.prompt))
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:300]!r}"
    return answer, await script.received()


def _assert_same(client: Client, answer: Exchange, received: Received) -> None:
    seen, sent = (
        [event.data for event in parse(body).events] if client.mode.streams else [body.decode()]
        for body in (answer.content, received.sent)
    )
    found = differences(_values(seen), _values(sent))
    _assert_none([line for line in found if not (line.startswith("changed") and ".model:" in line)])


def _values(texts: list[str]) -> list[Any]:
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def _whole(surface: Surface, body: bytes) -> Any:
    return json.loads(body).get(CONTENT[surface])


def _assembled(surface: Surface, body: bytes) -> Any:
    """What a stream's events add up to, however they were cut."""
    events = [event.json for event in parse(body).without_done]
    if surface == RESPONSES:
        return [event["item"] for event in events if event["type"] == "response.output_item.done"]
    found: dict[int, Any] = {}
    for event in events:
        for index, part in _parts(event):
            found[index] = _grown(found.get(index, {}), part)
    return [_read(found[index]) for index in sorted(found)]


def _read(block: Any) -> Any:
    """The input of a tool by its values, whatever its spelling."""
    return block | {"partial_json": json.loads(block["partial_json"])} if "partial_json" in block else block


def _parts(event: dict[str, Any]) -> list[tuple[int, Any]]:
    if "choices" in event:
        return [(choice["index"], choice) for choice in event["choices"]]
    if "content_block" in event:
        return [(event["index"], event["content_block"])]
    if event.get("type") != "content_block_delta":
        return []
    delta = {name: value for name, value in event["delta"].items() if name != "type"}
    return [(event["index"], {"citations": [delta["citation"]]} if "citation" in delta else delta)]


def _grown(old: Any, new: Any) -> Any:
    """Texts and lists grow, objects grow field by field, null adds nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        grown = {name: _grown(old.get(name), value) for name, value in new.items() if name not in _LAST_COUNTS}
        last = {name: value for name, value in new.items() if name in _LAST_COUNTS and value is not None}
        return old | grown | last
    if isinstance(old, str) and isinstance(new, str):
        return old + new
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    return old if new is None else new


def _assert_none(found: list[str]) -> None:
    assert not found, "; ".join(
        [*sorted(found)[:_SHOWN], *([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])]
    )
