"""The checks' side of the scripted upstream: hand in scripts, open gates, read the journal.

The control API listens on a port of its own, behind a bearer secret: a gateway never sees it.

    PUT    /scripts/{token}                       a Script as JSON
    DELETE /scripts/{token}                       forget script and journal of that token
    PUT    /strangers                             replies as JSON, for requests without a known token; forgets theirs
    POST   /scripts/{token}/release?count=N       open N gates (they may be opened before they are reached)
    GET    /scripts/{token}/progress              {"sent": bytes}, of all its answers, as far as their callers took them
    GET    /journal?token=T&until=U&count=N&timeout=S
           the last 10,000; token absent: requests without a known one
           until: arrived | finished | left (the caller went away)
           answers as soon as N requests are in that state, or with what there is after S seconds
    POST   /journal                               tokens as JSON: what has arrived with each, one token after the other
    GET    /healthz
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlencode
from uuid import uuid4

from conformance.upstream.calling import Caller
from conformance.upstream.journal import JOURNAL, Received
from conformance.upstream.reply import REPLIES, SCRIPT, Reply, Script

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE = 10.0
"""Seconds that a check waits for something that a faithful gateway does at once."""

State = Literal["arrived", "finished", "left"]


class UpstreamUnreachableError(Exception):
    """The scripted upstream does not answer: the harness's fault, never the gateway's."""


@dataclass(frozen=True)
class UpstreamAddress:
    """Where an upstream listens: what a gateway calls, and what checks call."""

    url: str
    control_url: str
    control_secret: str


class Scripted:
    """One case's script, and what the upstream received for it."""

    def __init__(self, upstream: Upstream, script: Script) -> None:
        self._upstream = upstream
        self.token = script.token
        self.replies = script.replies

    @property
    def prompt(self) -> str:
        """The user message that leads a request to this script, through any gateway and any translation."""
        return f"{self.token}: say what you were told to say."

    @property
    def reply(self) -> Reply:
        return self.replies[0]

    async def release(self, count: int = 1) -> None:
        """Open the next gates; they may be opened before they are reached."""
        await self._upstream.release(self.token, count)

    async def progress(self) -> int:
        """How many bytes of answers have left by now: those that the caller does not take stay."""
        return await self._upstream.progress(self.token)

    async def journal(self) -> list[Received]:
        """What has arrived by now."""
        return await self._upstream.journal(self.token)

    async def received(self) -> Received:
        """The one request of this case, when its answer is complete."""
        calls = await self._upstream.journal(self.token, until="finished", count=1, patience=PATIENCE)
        assert calls, "the upstream received no request for this call"
        assert len(calls) == 1, f"the upstream received {len(calls)} requests for one call"
        return calls[0]

    async def arrived(self, count: int = 1) -> list[Received]:
        """Requests as soon as they have arrived, answered or not."""
        calls = await self._upstream.journal(self.token, count=count, patience=PATIENCE)
        assert len(calls) >= count, f"the upstream received {len(calls)} of {count} requests"
        return calls

    async def caller_left(self) -> bool:
        """Whether the gateway hung up on the upstream before the answer was complete."""
        calls = await self._upstream.journal(self.token, until="left", count=1, patience=PATIENCE)
        return any(call.client_left_at is not None for call in calls)

    async def forget(self) -> None:
        await self._upstream.forget(self.token)


class Upstream:
    """The scripted upstream, from the checks' side."""

    def __init__(self, address: UpstreamAddress, caller: Caller | None = None) -> None:
        self._address = address
        self.url = address.url
        self._caller = caller or Caller(address.control_url, address.control_secret)
        self._tokens: list[str] = []

    def afresh(self) -> Upstream:
        """The same upstream over the same connections, with no script handed in yet."""
        return Upstream(self._address, self._caller)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._caller.aclose()

    async def answers(self, *replies: Reply) -> Scripted:
        """Register a script under a new case token; without replies, the plainest one."""
        script = Script(token=f"case-{uuid4().hex[:12]}", replies=replies or (Reply(text="ok"),))
        await self._call("PUT", f"/scripts/{script.token}", SCRIPT.dump_json(script))
        self._tokens.append(script.token)
        return Scripted(self, script)

    async def answers_strangers(self, *replies: Reply) -> None:
        """What requests without a token get from now on: for bodies that must stay as they are, sent one at a time."""
        await self._call("PUT", "/strangers", REPLIES.dump_json(replies))

    async def everything(self) -> list[Received]:
        """What has arrived by now for any of the scripts handed in here."""
        if not self._tokens:
            return []
        return list(JOURNAL.validate_json(await self._call("POST", "/journal", json.dumps(self._tokens).encode())))

    async def release(self, token: str, count: int) -> None:
        await self._call("POST", f"/scripts/{token}/release?count={count}")

    async def progress(self, token: str) -> int:
        return int(json.loads(await self._call("GET", f"/scripts/{token}/progress"))["sent"])

    async def forget(self, token: str) -> None:
        await self._call("DELETE", f"/scripts/{token}")
        self._tokens = [known for known in self._tokens if known != token]

    async def journal(
        self, token: str | None = None, *, until: State = "arrived", count: int = 0, patience: float = 0
    ) -> list[Received]:
        """The requests with a token, or those without any; waits until `count` of them are in that state."""
        params: dict[str, str | float] = {"until": until, "count": count, "timeout": patience}
        asked = urlencode(params if token is None else params | {"token": token})
        return list(JOURNAL.validate_json(await self._call("GET", f"/journal?{asked}")))

    async def _call(self, method: str, path: str, body: bytes = b"") -> bytes:
        try:
            async with asyncio.timeout(5 * PATIENCE):
                status, answer = await self._caller.call(method, path, body)
        except (OSError, EOFError, ValueError) as error:
            raise UpstreamUnreachableError(f"{method} {path}: {error!r}") from error
        if status >= HTTPStatus.BAD_REQUEST:
            raise UpstreamUnreachableError(f"{method} {path}: {status} {answer.decode(errors='replace')}")
        return answer
