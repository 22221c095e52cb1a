"""Errors whose bodies are not what an API would send: what stands between gateway and provider sends errors too."""

import json

from conformance.api import MESSAGES, Client, Delivery, Mode, ProviderError, Reply, Upstream, Verbatim, check

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
WORDING = "prompt is too long: 213462 tokens > 200000 maximum"
SERVERS = 500
"""From there on a gateway may say 502 of its own where it could not read what came (RFC 9110, 15.6.3)."""

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
LONG = json.dumps({"type": "error", "error": {"type": "api_error", "message": "long " * 60_000}}).encode()
ODD = (
    (502, "text/html; charset=utf-8", HTML),
    (503, "text/plain", b""),
    (500, "text/plain", b"upstream connect error or disconnect/reset before headers"),
    (429, "application/json", b'[{"error": {"message": "in a list"}}]'),
    (400, "application/json", b'"only a string"'),
    (404, "application/json", b'{"detail": "Not Found"}'),
    (500, "application/json", b'{"error": {"message": "cut of'),
    (500, "application/json", b'{"error": "a string"}'),
    (500, "application/json", b'{"error": null}'),
    (500, "application/octet-stream", b"\x00\xff\xfe\x80"),
    (500, "application/json", LONG),
    (429, "text/event-stream", b'event: error\ndata: {"error": {"message": "in a stream"}}\n\n'),
)


@check(
    "errors/odd-bodies",
    requirement="error-status-unchanged",
    feature="errors",
    modes=BOTH,
    catches=("chokes-on-odd-errors", "errors-as-200"),
)
async def test_an_error_that_cannot_be_read_keeps_its_status(
    client: Client, control: Client, upstream: Upstream
) -> None:
    found = []
    for status, kind, body in ODD:
        script = await upstream.answers(Reply(verbatim=Verbatim(status, (("content-type", kind),), body)))
        expected, got = await control.fails(script.prompt), await client.fails(script.prompt)
        gateways_own = status >= SERVERS and (got.status or 0) >= SERVERS
        if not gateways_own and (got.status, got.kind) != (expected.status, expected.kind):
            found.append(f"{status} with {body[:40]!r} became {got.status} {got.kind}")
    assert not found, "; ".join(found)


@check(
    "errors/compressed",
    requirement="coding-matches-body",
    feature="errors",
    modes=BOTH,
    catches=("forgets-the-coding-of-errors",),
)
async def test_an_error_that_comes_compressed_can_be_read(client: Client, upstream: Upstream) -> None:
    for encoding in ("gzip", "br"):
        refused = Reply(error=ProviderError(status=400, message=WORDING), delivery=Delivery(encoding=encoding))
        script = await upstream.answers(refused)
        failure = await client.fails(script.prompt)
        assert failure.status == 400, f"400 in {encoding} became {failure}"
        assert WORDING in f"{failure.message} {failure.body}", f"in {encoding}, the client was told {failure.message!r}"


@check(
    "errors/inside-200",
    requirement="no-success-is-made-up",
    feature="errors",
    modes=BOTH,
    catches=("fills-in-answers",),
)
async def test_an_error_under_the_status_of_a_success_is_no_answer(client: Client, upstream: Upstream) -> None:
    error = {"error": {"type": "server_error", "message": "no capacity", "code": 503, "param": None}}
    told = error | ({"type": "error"} if client.surface == MESSAGES else {})
    body = json.dumps(told).encode()
    script = await upstream.answers(Reply(verbatim=Verbatim(200, (("content-type", "application/json"),), body)))
    await client.fails(script.prompt)
