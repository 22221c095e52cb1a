"""One request on its way through the gateway, and what becomes of it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import hdrs, web
from multidict import CIMultiDict

from gateway import errors, metering, surfaces
from gateway.headers import tell_limits, without_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.admission import Admission
    from gateway.limits import Subject
    from gateway.routes import Place, Route

End = Literal["complete", "client-abort", "upstream-cut", "withdrawn", "refused", "error"]
GATEWAY_REQUEST_ID = "x-gateway-request-id"
DENIALS = (401, 403)  # of the gateway's own


class RequestIds:
    """Unique among all processes, not secret: each draws a prefix once, a forked one too."""

    def __init__(self) -> None:
        self._numbers = count()
        self._draw()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._draw)

    def _draw(self) -> None:
        self._process = token_hex(6)

    def next(self) -> str:
        return f"req_{self._process}{next(self._numbers):012x}"


REQUEST_IDS = RequestIds()


class Answer(web.StreamResponse):
    """A response with the headers that it is given: aiohttp adds the framing, and nothing that speaks for itself.

    `at_once` sends the head before there is a body; else it leaves together with the first bytes.
    """

    def __init__(self, status: int, reason: str | None, headers: CIMultiDict[str], *, at_once: bool = False) -> None:
        super().__init__(status=status, reason=reason, headers=headers)
        self._send_headers_immediately = at_once

    async def _prepare_headers(self) -> None:
        unnamed = [name for name in (hdrs.SERVER, hdrs.CONTENT_TYPE) if name not in self._headers]
        await super()._prepare_headers()
        for name in unnamed:
            self._headers.pop(name, None)


@dataclass(slots=True)
class Tried:
    """A provider, asked once. Without an answer there is no status; `error` says why."""

    route: Route
    began: float = field(default_factory=time.perf_counter)
    ended: float | None = None
    status: int | None = None
    error: str | None = None


@dataclass(slots=True, eq=False)
class Call:
    """`withdrawn` is what the client is told when its key has ended before its answer has.

    `rule` names the refusal that the gateway answered with, if it did. `shown` says what of a list is. `subjects` are
    limited in what the call may use, and `standing` is what a good answer says of that, in headers; `said` counts the
    bytes of text in a stream, for where it does not tell its usage.
    """

    request: web.BaseRequest
    path: str
    query: str
    keys_in_query: tuple[str, ...] = ()
    request_id: str = field(default_factory=REQUEST_IDS.next)
    arrived: float = field(default_factory=time.perf_counter)
    admission: Admission | None = None
    place: Place | None = None
    route: Route | None = None
    body: bytes = b""
    tried: list[Tried] = field(default_factory=list)
    dropped: tuple[str, ...] = ()
    upstream_request_id: str | None = None
    status: int | None = None
    streamed: bool = False
    first_byte: float | None = None
    bytes_out: int = 0
    reading: metering.Reading = metering.NOTHING
    subjects: tuple[Subject, ...] = ()
    standing: Mapping[str, str] | None = None
    said: int = 0
    withdrawn: errors.RefusalError | None = None
    denied: bool = False
    end: End = "error"
    rule: str | None = None
    shown: Callable[[str], bool] | None = None
    _asked: dict[str, Any] | None = None

    @classmethod
    def of(cls, request: web.BaseRequest) -> Call:
        path, _, query = origin_form(request.raw_path).partition("?")
        call = cls(request, path, query)
        if call.vendor == "google" or path.startswith(surfaces.MODELS_PATH):
            call.query, call.keys_in_query = without_keys(query)
        return call

    @property
    def vendor(self) -> surfaces.Vendor:
        return "google" if self.keys_in_query else surfaces.vendor_of(self.path, self.request.headers)

    @property
    def asked(self) -> dict[str, Any]:
        """The settings in the body, read once and where they are needed; none where it is no JSON object."""
        if self._asked is None:
            self._asked = settings_in(self.body)
        return self._asked

    @property
    def model_asked_for(self) -> str | None:
        model = self.asked.get("model")
        return model if isinstance(model, str) else None

    def start(self, status: int, reason: str | None, headers: CIMultiDict[str], *, at_once: bool = False) -> Answer:
        headers[GATEWAY_REQUEST_ID] = self.request_id
        if self.standing is not None and status < errors.CLIENT_ERRORS:
            tell_limits(headers, self.standing)
        self.status = status
        return Answer(status, reason, headers, at_once=at_once)

    async def answer(self, response: Answer, body: bytes) -> Answer:
        """The whole body in one piece; for HEAD its length alone."""
        sent = b"" if self.request.method == hdrs.METH_HEAD else body
        self.first_byte = time.perf_counter()
        self.bytes_out = len(sent)
        await response.prepare(self.request)
        await response.write_eof(sent)
        return response

    async def tell(self, value: Any) -> Answer:
        """Something of the gateway's own."""
        body = json.dumps(value).encode()
        headers = CIMultiDict({"Content-Type": "application/json", "Content-Length": str(len(body))})
        self.end = "complete"
        return await self.answer(self.start(200, None, headers), body)

    async def refuse(self, refusal: errors.RefusalError) -> Answer:
        body = errors.envelope(self.vendor, refusal, self.request_id)
        headers = CIMultiDict(refusal.headers)
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(body))
        headers.update(errors.envelope_headers(self.vendor, refusal.status, self.request_id))
        self.denied = refusal.status in DENIALS
        self.rule = refusal.code
        if refusal.status < errors.SERVER_ERRORS:
            self.end = "refused"
        return await self.answer(self.start(refusal.status, None, headers), body)


def origin_form(target: str) -> str:
    """A target may name the scheme and the host too: RFC 9112, section 3.2.2."""
    if not target.lower().startswith(("http://", "https://")):
        return target
    _, _, rest = target.partition("://")
    return f"/{rest.partition('/')[2]}"


def settings_in(body: bytes) -> dict[str, Any]:
    """Without its lists: a conversation, taken apart, is many times as large, and stays for as long as its answer."""
    try:
        members = json.loads(body).items()
    except (ValueError, AttributeError, RecursionError):
        return {}
    return {name: value for name, value in members if not isinstance(value, list)}
