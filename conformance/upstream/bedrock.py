"""Claude on Bedrock, by InvokeModel: Anthropic's messages, and its events in frames that are called chunk.

There are no pings. `message_stop` carries what Amazon measured.
Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from conformance.upstream import messages_elsewhere
from conformance.upstream.anthropic_messages import unheard_of
from conformance.upstream.bedrock_platform import OVERLOADED, exception
from conformance.upstream.rendering import Event, accompanied, interruption, to_bytes, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import ProviderError, Reply

_MARK = "bdrk"
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


_ENCLOSED = re.compile(rb'"invokeModel"\s*:\s*\{\s*"body"\s*:\s*"([A-Za-z0-9+/=]+)"')


def enclosed(body: bytes) -> bytes:
    """The request inside a request that asks how many tokens it has."""
    found = _ENCLOSED.search(body)
    try:
        return b64decode(found[1], validate=True) if found else b""
    except ValueError:
        return b""


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    return messages_elsewhere.whole(reply, call, _MARK)


def events(reply: Reply, call: Call) -> Iterator[Event]:
    return accompanied(
        (_chunk(event, reply) for event in messages_elsewhere.own_events(reply, call, _MARK)),
        reply.delivery,
        ping=None,
        unknown=lambda: _chunk(unheard_of(), reply),
        error=lambda: [broken(interruption(reply, OVERLOADED))],
    )


def broken(error: ProviderError) -> Event:
    """The exception that ends a stream; there, its name begins small."""
    name = exception(error)
    return Event(name=name[:1].lower() + name[1:], data=to_json({"message": error.message}))


def padded(value: dict[str, Any]) -> str:
    """With padding, so that nobody can tell what is said by its length."""
    return to_json(value | {"p": _PADDING[: len(to_json(value)) % len(_PADDING)]})


def _chunk(event: Event, reply: Reply) -> Event:
    said = json.loads(event.data)
    if said["type"] == "message_stop":
        said["amazon-bedrock-invocationMetrics"] = {
            "inputTokenCount": reply.usage.input,
            "outputTokenCount": reply.usage.output,
            "invocationLatency": 1509,
            "firstByteLatency": 1302,
        }
    held = b64encode(to_bytes(to_json(said))).decode()
    return Event(name="chunk", data=padded({"bytes": held}), content=event.content, own=event.own)
