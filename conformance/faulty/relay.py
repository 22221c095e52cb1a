"""A faithful relay: swaps the client's key for the provider's and passes everything else as it came."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import aiohttp
from yarl import URL

from conformance.faulty.exchange import PREFIXES, Answer, Call, Headers, Request, UpstreamCutError, values, without
from conformance.faulty.fault import on_whole
from conformance.faulty.heard import Counts
from conformance.faulty.keys import Keys
from conformance.faulty.objects import Objects
from conformance.faulty.refusal import refusal
from conformance.faulty.watch import watched
from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from conformance.faulty.fault import Fault

HOP_BY_HOP = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
OWN = ("host", "content-length", "expect")
CREDENTIALS = (
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "xi-api-key",
    "x-amz-security-token",
    "cookie",
)

_CARRIERS = {Provider.ANTHROPIC: "x-api-key", Provider.GEMINI: "x-goog-api-key", Provider.AZURE: "api-key"}

_REDIRECTS = range(300, 400)
_NOT_MODIFIED = 304


def end_to_end(headers: Headers) -> Headers:
    """The headers that are meant for more than one hop (RFC 9110, 7.6.1)."""
    named = {token.strip().lower() for value in values(headers, "connection") for token in value.split(",")}
    return tuple((name, value) for name, value in headers if name.lower() not in {*HOP_BY_HOP, *named})


def credential(provider: Provider, key: str) -> tuple[str, str]:
    return (_CARRIERS[provider], key) if provider in _CARRIERS else ("authorization", f"Bearer {key}")


def request_for(call: Call) -> Request:
    headers = without(end_to_end(call.headers), *OWN, *CREDENTIALS)
    headers = (*headers, credential(call.provider, call.provider_key))
    path = call.path.removeprefix(PREFIXES.get(call.provider, ""))
    return Request(call, call.method, path, _query_for(call), headers, call.body)


def _query_for(call: Call) -> str:
    """Without the client's key, should it stand there too."""
    key = call.client_key
    pairs = call.query.split("&")
    return "&".join(pair for pair in pairs if key not in unquote(pair)) if key else call.query


class Relay:
    """One relay with at most one fault; its keys and its memory are its own."""

    def __init__(self, fault: Fault, upstream: str, client_key: str, provider_keys: Mapping[Provider, str]) -> None:
        self.fault = fault
        self.keys = Keys(client_key, fault.invent)
        self.provider_keys = provider_keys
        self.objects = Objects(fault.guards)
        self.memory: dict[str, Any] = {}
        self.counts = Counts()
        self.limiter = fault.limiter()
        self._upstream = upstream.rstrip("/")

    async def handle(self, http: aiohttp.ClientSession, call: Call) -> Answer:
        async def once_through(call: Call) -> Answer:
            return await self._answer(http, call)

        return await self.fault.handle(once_through, call)

    async def _answer(self, http: aiohttp.ClientSession, call: Call) -> Answer:
        key = self.fault.accept(call)
        if key is None:
            return await self.fault.refusal(refusal(call, 401, "this key is not valid here"))
        known = self.keys.known.get(key)
        if known and not self.fault.holds(call, known.scope):
            return await self.fault.refusal(refusal(call, 403, "this key is not good for that"))
        call = replace(call, client_key=key)
        if self.objects.denies(call):
            return await self.fault.refusal(refusal(call, 404, "there is no such thing for this key"))

        async def passed(call: Call) -> Answer:
            return await self._pass(http, call)

        return await self.limiter.answered(call, passed)

    async def _pass(self, http: aiohttp.ClientSession, call: Call) -> Answer:
        async def send(request: Request) -> Answer:
            return await self._send(http, request)

        async def ask(leg: Call) -> Answer:
            return await self.fault.send(send, self.fault.request(request_for(leg)))

        try:
            answer = await self.fault.router().answered(call, ask)
        except UpstreamCutError as cut:
            return refusal(call, 502, str(cut))
        if answer.status in _REDIRECTS and answer.status != _NOT_MODIFIED:
            answer.close()
            return refusal(call, 502, "the upstream redirects, which a relay does not follow")
        return await self.fault.answer(await self.objects.told(await self._scrubbed(answer)))

    async def _send(self, http: aiohttp.ClientSession, request: Request) -> Answer:
        """One request upstream. Raises UpstreamCutError when no answer begins."""
        target = f"{self._upstream}/{request.call.provider}{request.path}{request.query and '?' + request.query}"
        try:
            response = await http.request(
                request.method,
                URL(target, encoded=True),
                headers=_spelled_alike(request.headers),
                data=request.body or None,
                allow_redirects=False,
            )
        except aiohttp.ClientError as error:
            raise UpstreamCutError("the upstream does not answer") from error
        headers = tuple((name.decode(), value.decode(errors="surrogateescape")) for name, value in response.raw_headers)
        passed = without(end_to_end(headers), "set-cookie")
        begun = Answer(request.call, response.status, passed, _chunks(response), headers, response.close)
        grammar = request.call.grammar
        if grammar and begun.streams and begun.legible:
            return replace(begun, chunks=watched(grammar, begun.chunks))
        return begun

    async def _scrubbed(self, answer: Answer) -> Answer:
        """Without the provider's key, should the upstream repeat it in headers or in an error."""
        key = answer.call.provider_key
        if "headers" in self.fault.scrubs:
            headers = tuple((name, value.replace(key, "[key]")) for name, value in answer.headers)
            answer = replace(answer, headers=headers)
        if answer.failed and "errors" in self.fault.scrubs:
            return await on_whole(answer, lambda body: body.replace(key.encode(), b"[key]"))
        if answer.streams and "streams" in self.fault.scrubs:
            return replace(answer, chunks=_scrubbed_chunks(answer.chunks, key.encode()))
        return answer


async def _scrubbed_chunks(chunks: AsyncIterator[bytes], key: bytes) -> AsyncIterator[bytes]:
    """What may be the beginning of the key waits for what comes next."""
    kept = b""
    async for chunk in chunks:
        whole = (kept + chunk).replace(key, b"[key]")
        most = min(len(key) - 1, len(whole))
        begun = next((size for size in range(most, 0, -1) if key.startswith(whole[-size:])), 0)
        kept = whole[len(whole) - begun :]
        yield whole[: len(whole) - begun]
    yield kept


def _spelled_alike(headers: Headers) -> list[tuple[str, str]]:
    """aiohttp keeps several lines of a header only where they are spelled alike."""
    spelling: dict[str, str] = {}
    return [(spelling.setdefault(name.lower(), name), value) for name, value in headers]


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except aiohttp.ClientError as error:
        raise UpstreamCutError("the upstream cut the connection") from error
    finally:
        response.close()
