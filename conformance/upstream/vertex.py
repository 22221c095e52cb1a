"""Claude on Vertex: Anthropic's messages and events, pings included.

Source: https://docs.claude.com/en/api/claude-on-vertex-ai
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.upstream import messages_elsewhere
from conformance.upstream.anthropic_messages import PING, unheard_of
from conformance.upstream.rendering import Event, accompanied, interruption, to_json
from conformance.upstream.vertex_platform import OVERLOADED, said_by_the_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.rendering import Call
    from conformance.upstream.reply import Reply

_MARK = "vrtx"


def whole(reply: Reply, call: Call) -> dict[str, Any]:
    return messages_elsewhere.whole(reply, call, _MARK)


def events(reply: Reply, call: Call) -> Iterator[Event]:
    error = said_by_the_model(interruption(reply, OVERLOADED), call)
    return accompanied(
        messages_elsewhere.own_events(reply, call, _MARK),
        reply.delivery,
        ping=PING,
        unknown=unheard_of,
        error=lambda: [Event(name="error", data=to_json(error))],
    )
