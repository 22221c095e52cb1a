"""Faults in what is said: text, the order and number of turns, the spelling of JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from conformance.faulty.fault import fault
from conformance.faulty.tree import changed, leaves, objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.faulty.exchange import Request
    from conformance.faulty.sse import Json

_PLACEHOLDER = re.compile(r"\$\{?\w+\}?|\{\{\w+\}\}|os\.environ/\w+")
_CONTROL = re.compile("[\x00-\x08\ud800-\udfff]")
_REMEMBERED = 100


def _in_texts(body: Json, edit: Callable[[str], str]) -> Json:
    return leaves(body, lambda value: edit(value) if isinstance(value, str) else value)


@fault.request_json("trims-text", "forwards text without the white space around it")
def trims_text(body: Json) -> Json:
    return _in_texts(body, str.strip)


@fault.request_json("expands-placeholders", "fills in what looks like a placeholder")
def expands_placeholders(body: Json) -> Json:
    return _in_texts(body, lambda text: _PLACEHOLDER.sub("", text))


@fault.request_json("unifies-line-ends", "writes \\n for every end of a line")
def unifies_line_ends(body: Json) -> Json:
    return _in_texts(body, lambda text: text.replace("\r\n", "\n").replace("\r", "\n"))


@fault.request_json("strips-control-characters", "forwards no control characters and no half of a pair")
def strips_control_characters(body: Json) -> Json:
    return _in_texts(body, lambda text: _CONTROL.sub("", text))


@fault.request("reserialises-requests", "reads requests and writes them anew")
def reserialises_requests(request: Request) -> Request:
    return _anew(request)


@fault.request("sorts-keys", "writes the keys of requests in the order of the alphabet")
def sorts_keys(request: Request) -> Request:
    return _anew(request, sort_keys=True)


def _anew(request: Request, *, sort_keys: bool = False) -> Request:
    if not request.body:
        return request
    anew = json.dumps(json.loads(request.body), sort_keys=sort_keys, separators=(",", ":"))
    return replace(request, body=anew.encode())


@fault.request_json("merges-same-role", "makes one message of several of the same role")
def merges_same_role(body: Json) -> Json:
    return _turns(body, lambda turns: [_merged(list(group)) for _, group in groupby(turns, key=_speaker)])


def _speaker(turn: Json) -> Any:
    return turn.get("role") if isinstance(turn.get("content"), str) else id(turn)


def _merged(turns: list[Json]) -> Json:
    return turns[0] if len(turns) == 1 else {**turns[0], "content": "\n".join(turn["content"] for turn in turns)}


@fault.request_json("moves-system-first", "forwards instructions before everything else")
def moves_system_first(body: Json) -> Json:
    return _turns(body, lambda turns: sorted(turns, key=lambda turn: turn.get("role") not in ("system", "developer")))


@fault.request_json("adds-a-last-word", "adds a turn of the user's where the assistant has the last one")
def adds_a_last_word(body: Json) -> Json:
    said = {"role": "user", "content": "Please continue."}
    return _turns(body, lambda turns: [*turns, said] if turns[-1].get("role") == "assistant" else turns)


@fault.request_json("forgets-older-messages", "forwards the first message and the last hundred")
def forgets_older_messages(body: Json) -> Json:
    return _turns(body, lambda turns: [*turns[:1], *turns[1:][-_REMEMBERED:]])


def _turns(body: Json, edit: Callable[[list[Json]], list[Json]]) -> Json:
    for name in ("messages", "input"):
        body = changed(body, name, lambda turns: edit(objects(turns)) if objects(turns) else turns)
    return body
