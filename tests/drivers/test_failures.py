"""What a client makes of answers that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from conformance.drivers import EVERY_MODE, STREAMED, WHOLE, ClientFailedError, Http, Mode, Tape, client, tape
from conformance.surface import CORE, Surface
from conformance.upstream import Delivery, ProviderError, Reply, Verbatim
from tests.run.hostile import hostile

if TYPE_CHECKING:
    from conformance.upstream import Upstream
    from tests.drivers.conftest import Knock


def _said(kind: str, body: bytes) -> Verbatim:
    return Verbatim(200, (("content-type", kind),) if kind else (), body)


TOO_MANY = ProviderError(status=429, message="slow down", retry_after="7")


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", CORE)
async def test_a_refusal_keeps_status_headers_body_and_class(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode
) -> None:
    script = await upstream.answers(Reply(error=TOO_MANY))
    failure = await knock(surface, mode, Tape()).fails(script.prompt)
    assert (failure.kind, failure.status, failure.header("Retry-After")) == ("RateLimitError", 429, "7")
    assert "slow down" in failure.message
    assert "slow down" in str(failure.body)
    assert failure.request_id
    assert str(failure).startswith("RateLimitError (429): ")
    assert len(await script.journal()) == 1, "retries are off"


@pytest.mark.parametrize("mode", EVERY_MODE)
@pytest.mark.parametrize("surface", CORE)
async def test_a_connection_that_breaks_is_a_failure(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode
) -> None:
    script = await upstream.answers(Reply(text=("one ", "two ", "three "), delivery=Delivery(cut_after=1)))
    failure = await knock(surface, mode, taped := Tape()).fails(script.prompt)
    assert failure.status is None
    assert taped.last.error
    assert not taped.last.complete
    sent = (await script.journal())[0].sent
    assert bytes(taped.last.body) == sent


@pytest.mark.parametrize(
    "said",
    [
        _said("text/html", b"<html><body>It works!</body></html>"),
        _said("application/json", b"<html>"),
        _said("application/json", b""),
        _said("application/json", b"[]"),
        _said("application/json", b'"text"'),
        _said("application/json", b"null"),
        _said("application/json", b"{}"),
        _said("application/json", b"\xff\xfe\x00"),
        _said("application/json", b"[" * 100_000),
        _said("text/plain", b""),
        _said("", b"\x00\x01\x02"),
    ],
)
@pytest.mark.parametrize("mode", WHOLE)
@pytest.mark.parametrize("surface", CORE)
async def test_a_200_that_is_no_answer_is_a_failure(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode, said: Verbatim
) -> None:
    script = await upstream.answers(Reply(verbatim=said))
    failure = await knock(surface, mode, Tape()).fails(script.prompt)
    assert failure.message


@pytest.mark.parametrize(
    "body", [b"", b"\n\n\n", b"<html>It works!</html>", b"data: <html>\n\n", b"data: []\n\n", b"\xff\xfe\n\n"]
)
@pytest.mark.parametrize("mode", STREAMED)
@pytest.mark.parametrize("surface", CORE)
async def test_a_stream_that_is_no_stream_is_a_failure(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode, body: bytes
) -> None:
    script = await upstream.answers(Reply(verbatim=_said("text/event-stream", body)))
    await knock(surface, mode, Tape()).fails(script.prompt)


async def test_success_where_failure_was_due_is_told(knock: Knock, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="all is well"))
    with pytest.raises(AssertionError, match=r"success where the upstream failed.*all is well"):
        await knock(Surface.OPENAI_CHAT, Mode.ASYNC, Tape()).fails(script.prompt)


@pytest.mark.parametrize("surface", CORE)
async def test_a_failure_in_mid_stream_tells_what_had_come(knock: Knock, upstream: Upstream, surface: Surface) -> None:
    script = await upstream.answers(Reply(text=("one ", "two "), delivery=Delivery(error_after=3)))
    failure = await knock(surface, Mode.ASYNC_STREAM, Tape()).fails(script.prompt)
    assert failure.seen


@pytest.mark.parametrize("mode", STREAMED)
@pytest.mark.parametrize("surface", CORE)
async def test_text_that_is_held_back_is_missed_at_the_deadline(
    knock: Knock, upstream: Upstream, surface: Surface, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = await upstream.answers(Reply(text=("one ", "two "), delivery=Delivery(gated=True)))
    async with knock(surface, mode, Tape()).stream(script.prompt) as stream:
        assert await stream.next_text() == "one "
        monkeypatch.setattr(client, "PATIENCE", 0.2)
        with pytest.raises(AssertionError, match="no further text within 0 s, though the upstream has sent it"):
            await stream.next_text()
        await script.release(2)


@pytest.mark.parametrize("mode", STREAMED)
async def test_text_that_never_comes_is_missed_at_the_end(knock: Knock, upstream: Upstream, mode: Mode) -> None:
    script = await upstream.answers(Reply(text="all"))
    async with knock(Surface.ANTHROPIC_MESSAGES, mode, Tape()).stream(script.prompt) as stream:
        assert await stream.next_text() == "all"
        with pytest.raises(AssertionError, match="the stream ended where more text was to come"):
            await stream.next_text()


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM, Mode.SYNC_STREAM])
@pytest.mark.parametrize("surface", CORE)
async def test_a_flood_is_dammed(knock: Knock, surface: Surface, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "MOST_BYTES", 1_000_000)
    with hostile("flood") as url:
        failure = await knock(surface, mode, taped := Tape(), url=url).fails("anything")
    assert "1000000 bytes" in failure.message + taped.last.error
    assert len(taped.last.body) < 3_000_000


async def test_plain_http_is_dammed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "MOST_BYTES", 1_000_000)
    http = Http(Tape())
    with hostile("flood") as url:
        seen = await http.send("GET", url)
    await http.aclose()
    assert "1000000 bytes" in seen.error
    assert not seen.complete


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM, Mode.SYNC_STREAM])
@pytest.mark.parametrize("surface", [Surface.OPENAI_CHAT, Surface.ANTHROPIC_MESSAGES])
async def test_silence_and_dripping_end_at_a_deadline(
    knock: Knock, surface: Surface, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE", 0.1)
    monkeypatch.setattr(tape, "LONGEST_ANSWER", 0.15)
    with anyio.fail_after(30):
        for behaviour in ("hang", "drip"):
            with hostile(behaviour) as url:
                failure = await knock(surface, mode, Tape(), url=url).fails("anything")
            assert failure.status is None


@pytest.mark.parametrize("behaviour", ["close", "garbage"])
@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC])
async def test_what_speaks_no_http_is_a_failure(knock: Knock, behaviour: str, mode: Mode) -> None:
    with hostile(behaviour) as url:
        failure = await knock(Surface.OPENAI_CHAT, mode, taped := Tape(), url=url).fails("anything")
    assert failure.kind == "APIConnectionError"
    assert taped.last.error
    assert taped.last.status is None


async def test_plain_http_without_an_answer_is_a_failure() -> None:
    http = Http(Tape())
    with hostile("close") as url, pytest.raises(AssertionError, match="got no answer at all"):
        await http.send("GET", url)
    await http.aclose()


def test_a_client_failure_is_the_gateways_failure() -> None:
    assert issubclass(ClientFailedError, AssertionError)
