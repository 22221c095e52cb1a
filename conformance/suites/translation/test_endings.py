"""Why an answer ended, and what it cost: each protocol counts and says it in its own way."""

from dataclasses import replace
from typing import Any

from conformance.api import (
    AZURE,
    BEDROCK,
    CHAT,
    GEMINI,
    MESSAGES,
    RESPONSES,
    VERTEX,
    Answer,
    Ask,
    Client,
    ClientFailedError,
    Reply,
    Surface,
    ToolCall,
    Upstream,
    Usage,
    check,
    protocol_of,
)
from conformance.suites.translation.replies import BOTH, HUBS, WEATHER

CALLED = (ToolCall("callOslo1", "weather", '{"city": "Oslo"}'),)
FULL, CUT = ("end", "stop-sequence"), ("length",)
COUNTED = Usage(input=9123, output=187, cache_read=7000, cache_write=1500, reasoning=100)
FOR_TOOLS = replace(COUNTED, extra={"toolUsePromptTokenCount": 250})


def _cut(word: str) -> Reply:
    return Reply(text="The list begins with", stop="length", stop_word=word)


_Endings = dict[str, tuple[Reply, tuple[str, ...]]]

ENDINGS: _Endings = {
    "by itself": (Reply(text="Done."), FULL),
    "at a stop sequence": (Reply(text="Until", stop="stop-sequence", stop_sequence="END"), FULL),
    "at its limit": (Reply(text="The list begins with", stop="length"), CUT),
    "at its limit, after a call": (Reply(tool_calls=CALLED, stop="length"), CUT),
}
"""How any provider's answer ends, and what that is to the client."""

CLAUDES_WINDOW = "model_context_window_exceeded"
CLAUDES_ENDINGS: _Endings = {
    "at the end of its window": (_cut(CLAUDES_WINDOW), (*CUT, CLAUDES_WINDOW)),
    "with a pause": (Reply(text="Searching", stop="pause"), ("pause", "CONTINUATION", "end", *CUT)),
}
OWN_ENDINGS: dict[Surface, _Endings] = {
    MESSAGES: CLAUDES_ENDINGS,
    BEDROCK: CLAUDES_ENDINGS,
    VERTEX: CLAUDES_ENDINGS,
    Surface.MISTRAL: {"at the end of its window": (_cut("model_length"), CUT)},
}
"""What else single providers say."""

GOOGLES_WORDS = (
    *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"),
    *("MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL"),
)
FILTERED = Reply(text="The list begins with", stop="refusal")
BLOCKED = Reply(extra={"candidates": [], "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
FAILED = Reply(extra={"status": "failed", "error": {"code": "server_error", "message": "broken, by script"}})
WITHHELD = {
    GEMINI: [*(Reply(text="The list", stop_word=word) for word in GOOGLES_WORDS), BLOCKED],
    Surface.MISTRAL: [Reply(text="The list", stop_word="error")],
}
"""How providers say that there is no more, and should be; the others know the filter alone."""


async def _provider(client: Client, upstream: Upstream) -> Surface:
    """The protocol that the provider behind this client speaks."""
    script = await upstream.answers()
    await client.ask(script.prompt)
    return protocol_of(await script.received())


async def _ended(client: Client, upstream: Upstream, reply: Reply) -> Answer:
    script = await upstream.answers(reply)
    return await client.ask(Ask(script.prompt, tools=(WEATHER,)))


@check(
    "translation/answer/stop",
    requirement="translated-stop",
    feature="body",
    surfaces=HUBS,
    modes=BOTH,
    catches=("flattens-stop-reason", "calls-win-over-limits"),
)
async def test_an_answer_that_was_cut_short_says_so_and_no_other_does(client: Client, upstream: Upstream) -> None:
    own = OWN_ENDINGS.get(await _provider(client, upstream), {})
    for ending, (reply, allowed) in {**ENDINGS, **own}.items():
        answer = await _ended(client, upstream, reply)
        assert answer.stop in allowed, f"an answer that ended {ending} says {answer.stop}"


@check(
    "translation/answer/stop-after-calls",
    requirement="translated-stop-after-calls",
    feature="tools",
    surfaces=(MESSAGES,),
    modes=BOTH,
    catches=("flattens-stop-reason",),
)
async def test_an_answer_that_calls_tools_says_so_whatever_its_provider_says(
    client: Client, upstream: Upstream
) -> None:
    openais = await _provider(client, upstream) in (CHAT, AZURE)
    forced = Reply(tool_calls=CALLED, stop_word="stop" if openais else None)
    answer = await _ended(client, upstream, forced)
    assert answer.stop == "tool-use", f"an answer that calls {CALLED[0].name} says {answer.stop}"


@check(
    "translation/answer/withheld",
    requirement="translated-withheld",
    feature="body",
    surfaces=HUBS,
    modes=BOTH,
    catches=("flattens-stop-reason",),
)
async def test_an_answer_that_was_withheld_does_not_look_complete(client: Client, upstream: Upstream) -> None:
    provider = await _provider(client, upstream)
    replies = WITHHELD.get(provider, [FILTERED])
    if provider == RESPONSES and not client.mode.streams:  # in streams it has an event of its own
        replies = [FILTERED, FAILED]
    for reply in replies:
        try:
            answer = await _ended(client, upstream, reply)
        except ClientFailedError:  # an error says so as well
            continue
        said = reply.stop_word or "that it was withheld"
        assert answer.stop not in FULL, f"what the provider ended with {said} says {answer.stop}"


@check(
    "translation/answer/usage",
    requirement="translated-usage",
    feature="usage",
    surfaces=HUBS,
    modes=BOTH,
    catches=("loses-usage", "counts-twice", "loses-cached-usage", "leaves-cached-input-out"),
)
async def test_tokens_are_conserved_cached_ones_included(client: Client, upstream: Upstream) -> None:
    (usage, *_) = await _counted(client, upstream)
    assert (usage.input, usage.output, usage.cache_read) == (COUNTED.input, COUNTED.output, COUNTED.cache_read)


@check(
    "translation/answer/usage-parts",
    requirement="translated-usage-parts",
    feature="usage",
    surfaces=HUBS,
    modes=BOTH,
    catches=("loses-reasoning-usage", "loses-cache-writes", "totals-what-is-not-cached"),
)
async def test_what_a_provider_counts_apart_stays_apart_and_the_total_is_the_sum(
    client: Client, upstream: Upstream
) -> None:
    usage, total, provider = await _counted(client, upstream)
    assert total in (None, COUNTED.input + COUNTED.output), f"the total is {total}"
    if provider is not Surface.MISTRAL:
        assert usage.reasoning == COUNTED.reasoning
    if not {provider, client.surface} & {Surface.MISTRAL, GEMINI}:
        assert usage.cache_write == COUNTED.cache_write
    if provider == GEMINI:
        usage, *_ = await _counted(client, upstream, FOR_TOOLS)
        assert usage.input == COUNTED.input + 250, "what Google's own tools put into the prompt is input too"


async def _counted(client: Client, upstream: Upstream, counted: Usage = COUNTED) -> tuple[Usage, int | None, Surface]:
    """What the client is told, the total that it is told beside, and whose the provider's protocol is."""
    script = await upstream.answers(Reply(text="Counted.", usage=counted))
    wish = {"stream_options": {"include_usage": True}} if client.surface == CHAT and client.mode.streams else {}
    answer = await client.ask(Ask(script.prompt, fields=wish))
    assert answer.usage is not None, "no usage"
    raw: dict[str, Any] = answer.raw.get("usage") or answer.raw["usageMetadata"]
    total = raw.get("total_tokens", raw.get("totalTokenCount"))
    return answer.usage, total, protocol_of(await script.received())
