"""What a provider answers, as a client of another protocol reads it."""

from conformance.api import (
    GEMINI,
    MESSAGES,
    RESPONSES,
    Ask,
    Client,
    Reply,
    Surface,
    Tape,
    Thinking,
    Tool,
    ToolCall,
    Upstream,
    check,
    protocol_of,
)
from conformance.suites.translation.replies import BOTH, HUBS, LETTERS, WEATHER, assert_apart, meant

ODD = '{"zeta": 1.5, "alpha": 9007199254740991, "né": "é\\u2028", "nested": [{"deep": [[], {}, null]}]}'


@check(
    "translation/answer/text",
    requirement="translated-text",
    feature="body",
    surfaces=HUBS,
    modes=BOTH,
    catches=("mangles-unicode", "loses-last-sentence"),
)
async def test_text_keeps_every_letter(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=LETTERS))
    answer = await client.ask(script.prompt)
    assert answer.text == LETTERS
    assert answer.stop == "end"


@check(
    "translation/answer/tools",
    requirement="translated-tool-calls",
    feature="tools",
    surfaces=HUBS,
    modes=BOTH,
    catches=("loses-second-tool-call", "merges-parallel-calls", "rounds-tool-numbers"),
)
async def test_parallel_calls_stay_apart_with_all_their_arguments(client: Client, upstream: Upstream) -> None:
    calls = (
        ToolCall("call_one", "weather", '{"city": "Oslo"}'),
        ToolCall("call_two", "weather", ODD),
        ToolCall("call_three", "clock", "{}"),
    )
    script = await upstream.answers(Reply(text="Three calls.", tool_calls=calls))
    answer = await client.ask(Ask(script.prompt, tools=(WEATHER, Tool("clock"))))
    assert meant(answer.tool_calls) == meant(calls)
    assert_apart(client.surface, answer.tool_calls)
    assert answer.stop == "tool-use"
    assert answer.text == "Three calls."


@check(
    "translation/answer/thinking",
    requirement="translated-thinking",
    feature="thinking",
    surfaces=(RESPONSES, MESSAGES, GEMINI),
    modes=BOTH,
    catches=("drops-thinking",),
)
async def test_reasoning_is_never_shown_as_the_answer(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="Forty-two.", thinking=(Thinking("Six by seven.", "c2lnbmF0dXJl"),)))
    answer = await client.ask(script.prompt)
    assert answer.text == "Forty-two."
    if b"Six by seven." in (await script.received()).sent:
        thought = "".join(getattr(block, "text", "") for block in answer.thinking)
        assert thought == "Six by seven.", f"the provider's reasoning came as {thought!r}"


@check(
    "translation/answer/refusal",
    requirement="translated-refusal",
    feature="body",
    modes=BOTH,
    catches=("loses-refusal",),
)
async def test_a_refusal_keeps_its_words(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(refusal="I would rather not."))
    answer = await client.ask(script.prompt)
    assert "I would rather not." in str(answer.raw), f"the client saw {answer.raw}"
    if protocol_of(await script.received()) is not Surface.MISTRAL:  # which has no word for it
        assert answer.stop == "refusal"


@check(
    "translation/answer/headers",
    requirement="translated-answer-headers",
    feature="custom-headers",
    surfaces=HUBS,
    modes=BOTH,
    catches=("answers-own-headers-only",),
)
async def test_headers_of_the_provider_reach_the_client(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers(Reply(text="ok", headers=(("x-never-seen-before", "by script"),)))
    await client.ask(script.prompt)
    assert tape.last.values("x-never-seen-before") == ["by script"]
