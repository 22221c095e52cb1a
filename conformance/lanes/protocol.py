"""What the harness and a lane's worker say to each other: one JSON object a line, one reply to each request.

| request | asks the worker to | the reply's value |
|---|---|---|
| `Call` | call a method of the SDK; with `stream`, to open a stream under the request's own id | the SDK's object |
| `Next` | read one event of a stream | the event; null at the end |
| `Leave` | close a stream, whatever is still to come | null |
| `Cancel` | give up a request that has no reply yet; that one may get none | null |
| `Close` | close a client | null |

A reply holds `value`, or the `failure` that the SDK raised: class, message, and what it kept of the error answer.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, TypeAdapter
from pydantic.dataclasses import dataclass

from conformance.drivers.answer import Failure

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class ClientOf:
    """An SDK client, made at its first call: where it knocks and as whom; `headers` go with every request."""

    id: int
    url: str
    headers: dict[str, str]
    key: str
    retries: int
    seconds: float


@dataclass(frozen=True)
class Call:
    """`path` leads from the SDK's client to the method; `body` holds fields that the SDK may never have heard of."""

    client: ClientOf
    path: tuple[str, ...]
    fields: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    stream: bool = False
    do: Literal["call"] = "call"


@dataclass(frozen=True)
class Next:
    stream: int
    do: Literal["next"] = "next"


@dataclass(frozen=True)
class Leave:
    stream: int
    do: Literal["leave"] = "leave"


@dataclass(frozen=True)
class Cancel:
    call: int
    do: Literal["cancel"] = "cancel"


@dataclass(frozen=True)
class Close:
    client: int
    do: Literal["close"] = "close"


Request = Call | Next | Leave | Cancel | Close


@dataclass(frozen=True, config=_STRICT)
class Reply:
    """The answer to the request of the same id."""

    id: int
    value: Any = None
    failure: Failure | None = None


_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Discriminator("do")])
_REPLY = TypeAdapter(Reply)


def line(id: int, request: Request) -> bytes:  # noqa: A002 - what it is called on the wire
    return b'{"id":%d,%b\n' % (id, _REQUEST.dump_json(request)[1:])


def reply(line: bytes) -> Reply:
    """Raises ValueError for what is no reply."""
    return _REPLY.validate_json(line)
