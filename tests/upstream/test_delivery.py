"""Every way in which the bytes of an answer can travel."""

from __future__ import annotations

import importlib
import json
import zlib
from typing import TYPE_CHECKING, Literal

import openai
import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Upstream, Verbatim
from conformance.upstream.delivery import GARBAGE
from tests.upstream import test_anthropic_messages, test_openai_chat, test_openai_responses
from tests.upstream.conftest import KEYS
from tests.upstream.raw import CHAT, MESSAGES, chat, connected, request

if TYPE_CHECKING:
    import anthropic


WORDS = ("one ", "zwölf ", "三")
HARMLESS = {
    "plain": Delivery(),
    "byte-by-byte": Delivery(chunk_bytes=1),
    "three-bytes": Delivery(chunk_bytes=3, line_end="\r\n"),
    "crlf": Delivery(line_end="\r\n"),
    "comments": Delivery(comments=True),
    "pings": Delivery(pings=True),
    "unknown-event": Delivery(unknown_event=True),
    "other-content-type": Delivery(content_type="text/event-stream"),
    "no-content-type": Delivery(content_type=""),
    "gzip": Delivery(encoding="gzip"),
    "br": Delivery(encoding="br", chunk_bytes=5),
    "all-at-once": Delivery(chunk_bytes=7, line_end="\r\n", comments=True, pings=True, encoding="gzip"),
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_is_harmless_changes_nothing_for_the_sdks(
    claude: anthropic.AsyncAnthropic, gpt: openai.AsyncOpenAI, upstream: Upstream, name: str
) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=HARMLESS[name]))
    async with claude.messages.stream(**test_anthropic_messages.asked(script)) as message:
        assert await message.get_final_text() == "".join(WORDS)
    async with gpt.chat.completions.stream(**test_openai_chat.asked(script)) as chat:
        assert (await chat.get_final_completion()).choices[0].message.content == "".join(WORDS)
    async with gpt.responses.stream(model="m", input=script.prompt) as response:
        assert (await response.get_final_response()).output_text == "".join(WORDS)
    assert (await gpt.responses.create(model="m", input=script.prompt)).output_text == "".join(WORDS)
    assert all(call.finished and call.client_left_at is None for call in await script.journal())


@pytest.mark.parametrize("encoding", [None, "gzip", "br"])
async def test_gates_hold_each_event_until_it_is_released(
    claude: anthropic.AsyncAnthropic, upstream: Upstream, encoding: Literal["gzip", "br"] | None
) -> None:
    """With compression this shows that each event is flushed: a held one would never be seen."""
    delivery = Delivery(gated=True, encoding=encoding)
    script = await upstream.answers(Reply(text=WORDS, delivery=delivery))
    async with claude.messages.stream(**test_anthropic_messages.asked(script)) as stream:
        texts = stream.text_stream.__aiter__()
        for word in WORDS:
            assert await anext(texts) == word
            assert not (await script.journal())[0].finished
            await script.release()
    assert (await script.received()).finished


async def test_a_closed_gate_lets_nothing_through(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    async with await gpt.chat.completions.create(**test_openai_chat.asked(script), stream=True) as stream:
        async for chunk in stream:
            if chunk.choices[0].delta.content == WORDS[0]:
                break
        sent = (await script.journal())[0].sent.decode()
        assert WORDS[0] in sent
        assert WORDS[1] not in sent


async def test_gates_can_be_opened_before_they_are_reached(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True)))
    await script.release(3)
    assert len(await test_openai_chat.chunks(gpt, script)) == 5


@pytest.mark.parametrize("stream", [False, True])
async def test_headers_can_be_held(upstream: Upstream, *, stream: bool) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(hold_headers=True)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=stream))
        [held] = await script.arrived()
        assert (held.status, held.sent_headers, held.sent) == (None, (), b"")
        await script.release()
        assert (await line.head())[0] == b"HTTP/1.1 200 OK"


async def test_pieces_are_cut_inside_characters_and_line_ends(upstream: Upstream) -> None:
    delivery = Delivery(chunk_bytes=1, line_end="\r\n")
    script = await upstream.answers(Reply(text=WORDS, delivery=delivery))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.head()
        chunks = await line.chunks()
    assert {len(chunk) for chunk in chunks} == {1}
    assert b"".join(chunks) == (await script.received()).sent
    assert b"\r\n\r\n" in b"".join(chunks)
    assert "zwölf".encode() in b"".join(chunks)


@pytest.mark.parametrize(("content_type", "line"), [("", b""), ("text/plain", b"text/plain")])
async def test_the_content_type_is_what_was_asked_for(upstream: Upstream, content_type: str, line: bytes) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(content_type=content_type)))
    async with connected(upstream.url) as connection:
        await connection.send(chat(script.prompt, stream=True))
        head = await connection.head()
    found = [value.partition(b": ")[2] for value in head if value.lower().startswith(b"content-type")]
    assert found == ([line] if line else [])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_a_body_is_compressed_where_the_caller_accepts_it(
    upstream: Upstream, encoding: Literal["gzip", "br"], *, stream: bool
) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(encoding=encoding)))
    async with connected(upstream.url) as line:
        for accepted in ("identity", f"{encoding};q=0", f"x, {encoding}"):
            await line.send(chat(script.prompt, stream=stream, extra=f"Accept-Encoding: {accepted}\r\n"))
            head = await line.head()
            if stream:
                await line.chunks()
            else:
                length = next(int(item[15:]) for item in head if item.lower().startswith(b"content-length:"))
                await line.reader.readexactly(length)
    *plain, squeezed = [call.sent for call in await script.journal()]
    assert plain == [_expanded(squeezed, encoding)] * 2


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_is_never_a_clean_end(upstream: Upstream, version: str, *, stream: bool) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(cut_after=2)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=stream, version=version))
        with pytest.raises(ConnectionResetError):
            await line.reader.read()
    cut = await script.received()
    assert cut.client_left_at is None
    if stream:
        assert cut.sent.count(b"data: ") == 2


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_a_cut_comes_after_that_many_events(gpt: openai.AsyncOpenAI, upstream: Upstream, after: int) -> None:
    reply = Reply(text="some text", delivery=Delivery(cut_after=after, comments=True, unknown_event=True))
    script = await upstream.answers(reply)
    with pytest.raises(openai.APIConnectionError):
        await test_openai_chat.chunks(gpt, script)
    sent = (await script.received()).sent
    assert sent.count(b'"chat.completion.chunk"') == after


async def test_a_body_that_is_cut_is_an_error(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(cut_after=1)))
    with pytest.raises(openai.APIConnectionError):
        await gpt.chat.completions.create(**test_openai_chat.asked(script))
    assert 0 < len((await script.received()).sent) < 500


async def test_an_early_end_is_clean(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(end_after=2)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.head()
        assert len(await line.chunks()) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stall_lasts_until_the_caller_leaves(upstream: Upstream, *, stream: bool) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(stall_after=2)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=stream))
        await line.head()
        await line.reader.read(20)
    assert await script.caller_left()
    [call] = await script.journal()
    assert not call.finished
    assert call.status == 200
    if stream:
        assert call.sent.count(b"data: ") == 2


@pytest.mark.parametrize("after", [0, 1])
async def test_garbage_stands_between_events(upstream: Upstream, after: int) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(garbage_after=after)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.head()
        chunks = await line.chunks()
    assert chunks[after] == GARBAGE
    assert chunks[-1] == b"data: [DONE]\n\n"


async def test_an_error_can_be_all_that_is_streamed(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="some text", delivery=Delivery(error_after=0)))
    seen = await test_openai_responses.events(gpt, script)
    assert [(event.type, event.sequence_number) for event in seen] == [("error", 0)]


async def test_company_is_not_counted(gpt: openai.AsyncOpenAI, upstream: Upstream) -> None:
    delivery = Delivery(end_after=2, pings=True, comments=True, unknown_event=True)
    script = await upstream.answers(Reply(text="some text", delivery=delivery))
    await test_openai_chat.chunks(gpt, script)
    assert (await script.received()).sent.count(b'"chat.completion.chunk"') == 2


async def test_the_unknown_event_is_delivered(
    claude: anthropic.AsyncAnthropic, gpt: openai.AsyncOpenAI, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(text="x", delivery=Delivery(unknown_event=True)))
    await test_anthropic_messages.events(claude, script)
    await test_openai_chat.chunks(gpt, script)
    await test_openai_responses.events(gpt, script)
    assert [call.sent.count(b"unheard_of") > 0 for call in await script.journal()] == [True] * 3


async def test_a_recording_is_played_to_the_byte(upstream: Upstream) -> None:
    recorded = b"event: a\r\ndata: {}\r\n\r\n: comment\r\n\r\ndata: [DONE]\r\n\r\n"
    headers = (("Content-Type", "text/event-stream"), ("X-Request-ID", "r1"), ("content-encoding", "gzip"))
    script = await upstream.answers(Reply(verbatim=Verbatim(200, headers, recorded)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt))
        head = await line.head()
        assert b"".join(await line.chunks()) == recorded
    assert b"X-Request-ID: r1" in head
    assert not [name for name in head if name.lower().startswith(b"content-encoding")]


async def test_a_recorded_error_is_played_everywhere(claude: anthropic.AsyncAnthropic, upstream: Upstream) -> None:
    verbatim = Verbatim(418, (("content-type", "application/json"),), b'{"type": "error"}')
    script = await upstream.answers(Reply(verbatim=verbatim))
    for path in (MESSAGES, f"{MESSAGES}/count_tokens"):
        answer = await claude.with_options(max_retries=0)._client.post(
            f"{upstream.url}{path}",
            content=script.prompt,
            headers={"x-api-key": claude.api_key or "", "anthropic-version": "2023-06-01"},
        )
        assert (answer.status_code, answer.content) == (418, verbatim.body)


async def test_a_head_request_gets_no_body(upstream: Upstream) -> None:
    async with connected(upstream.url) as line:
        for _ in range(2):
            await line.send(request(CHAT, b"", method="HEAD"))
            assert (await line.head())[0] == b"HTTP/1.1 401 Unauthorized"


def _expanded(data: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return zlib.decompress(data, wbits=31)
    return bytes(importlib.import_module("brotli").decompress(data))


async def test_a_byte_order_mark_stands_at_the_beginning_and_nowhere_else(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(framing="byte-order-mark", comments=True)))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.head()
        stream = b"".join(await line.chunks())
    assert stream.startswith(b"\xef\xbb\xbf: keep-alive")
    assert stream.count(b"\xef\xbb\xbf") == 1


async def test_keep_alives_come_before_the_gate_of_the_event_that_they_follow(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=WORDS, delivery=Delivery(gated=True, comments=True, pings=True)))
    headers = f"x-api-key: {KEYS['anthropic']}\r\nanthropic-version: 2023-06-01\r\n"
    messages = [{"role": "user", "content": script.prompt}]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages, "stream": True})
    async with connected(upstream.url) as line:
        await line.send(request(MESSAGES, body.encode(), extra=headers))
        await line.head()
        keep_alives = b'event: ping\ndata: {"type":"ping"}\n\n: keep-alive\n\n'
        seen = b""
        while not (seen.endswith(keep_alives) and WORDS[0].encode() in seen):
            seen += await line.chunk()
        [waiting] = await script.journal()
        assert not waiting.finished
        assert WORDS[1].encode() not in waiting.sent
        await script.release(len(WORDS))
        assert b"message_stop" in b"".join(await line.chunks())


@pytest.mark.parametrize("early", ["reads-on", "reads-no-more"])
async def test_an_answer_may_come_before_the_request_has_ended(
    upstream: Upstream, early: Literal["reads-on", "reads-no-more"]
) -> None:
    refusal = ProviderError(status=413, message="too much of it")
    script = await upstream.answers(Reply(error=refusal, delivery=Delivery(early=early)))
    asked = chat(script.prompt, padding="y" * 2_000_000)
    async with connected(upstream.url) as line:
        await line.send(asked[:-1])
        assert b"too much of it" in await line.body()
        [call] = await script.journal()
        assert len(call.body) < 1_000_000
        if early == "reads-no-more":
            assert await line.reader.read() == b""
            await script.release()
            return
        after = await upstream.answers()
        await line.send(asked[-1:] + chat(after.prompt))
        assert b'"ok"' in await line.body()


async def test_what_the_caller_does_not_take_is_not_sent(upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=("0123456789abcdef" * 4096,), repeats=1024))
    async with connected(upstream.url) as line:
        await line.send(chat(script.prompt, stream=True))
        await line.head()
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's type is too narrow
        sent, before = await script.progress(), -1
        while sent != before:
            await (await upstream.answers()).journal()
            sent, before = await script.progress(), sent
        assert 0 < sent < 2**26
    assert await script.caller_left()
