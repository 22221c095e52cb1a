"""Anthropic's messages as clouds sell them: plainer, and with the cloud's mark in every id."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.upstream import anthropic_messages
from conformance.upstream.rendering import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call, Event
    from conformance.upstream.reply import Reply

_AT_HOME_ALONE = ("service_tier", "inference_geo")
_SOLD_AS = re.compile(r"(?:[a-z]+\.)?(?:anthropic\.)?(?P<name>.+?)(?:-v\d+(?::\d+)?)?")


def whole(reply: Reply, call: Call, mark: str) -> dict[str, Any]:
    return _plainer(anthropic_messages.whole(reply, call), mark)


def own_events(reply: Reply, call: Call, mark: str) -> Iterator[Event]:
    for event in anthropic_messages.own_events(reply, call):
        said = json.loads(event.data)
        yield replace(event, data=to_json(_event(said, mark)))


def _event(said: dict[str, Any], mark: str) -> dict[str, Any]:
    match said["type"]:
        case "message_start":
            return said | {"message": _plainer(said["message"], mark)}
        case "content_block_start":
            return said | {"content_block": _block(said["content_block"])}
        case "message_delta":
            return said | {"delta": _ending(said["delta"])}
        case _:
            return said


def _plainer(message: dict[str, Any], mark: str) -> dict[str, Any]:
    usage = {name: count for name, count in message["usage"].items() if name not in _AT_HOME_ALONE}
    return _ending(message) | {
        "id": message["id"].replace("msg_", f"msg_{mark}_", 1),
        "model": _by_its_own_name(message["model"]),
        "content": [_block(block) for block in message["content"]],
        "usage": usage,
    }


def _by_its_own_name(model: str) -> str:
    """`eu.anthropic.claude-haiku-4-5-20251001-v1:0` is `claude-haiku-4-5-20251001`, as is `…@20251001`."""
    found = _SOLD_AS.fullmatch(model.replace("@", "-"))
    return found["name"] if found else model


def _ending(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name != "stop_details" or member}


def _block(block: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in block.items() if name != "caller"}
