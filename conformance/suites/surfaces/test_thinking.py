"""Reasoning: shown, hidden, proven, and given back in the next turn."""

import json

from conformance.api import (
    EVERY_MODE,
    MESSAGES,
    RESPONSES,
    Ask,
    Client,
    Mode,
    RedactedThinking,
    Reply,
    Tape,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    assert_unchanged,
    check,
)

SIGNED = Thinking("First the tides, then the wind.", "EqQBCkYIBxgCKkBzaWduYXR1cmUrL2tlcHQ9PQ==")
HIDDEN = RedactedThinking("EmwKAhgBEgyr+ZGF0YS9rZXB0L2JpdC9mb3IvYml0PT0=")
THINKERS = (MESSAGES, RESPONSES)


@check(
    "thinking/signature",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=THINKERS,
    modes=EVERY_MODE,
    catches=("drops-signature", "drops-thinking"),
)
async def test_thinking_arrives_with_its_proof(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="Sail at noon.", thinking=(SIGNED,)))
    answer = await client.ask(script.prompt)
    assert answer.thinking == (SIGNED,)
    assert answer.text == "Sail at noon."


@check(
    "thinking/redacted",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=THINKERS,
    modes=EVERY_MODE,
    catches=("drops-redacted", "drops-encrypted-content"),
)
async def test_hidden_thinking_arrives_bit_for_bit(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="Sail at noon.", thinking=(HIDDEN,)))
    answer = await client.ask(script.prompt)
    assert answer.thinking == (HIDDEN,)


@check(
    "thinking/round-trip",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=THINKERS,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("drops-thinking-upstream", "drops-signature-upstream", "drops-encrypted-content-upstream"),
)
async def test_thinking_goes_back_to_the_provider_unchanged(client: Client, upstream: Upstream, tape: Tape) -> None:
    call = ToolCall("call_tide", "tide", "{}")
    script = await upstream.answers(Reply(thinking=(SIGNED, HIDDEN), tool_calls=(call,)), Reply(text="High tide."))
    tools = (Tool("tide"),)
    first = await client.ask(Ask(script.prompt, tools=tools))
    await client.ask(Ask(script.prompt, tools=tools, turns=(Turn(first, (ToolResult(call.id, "high"),)),)))
    _, turn = await script.arrived(2)
    conversation = "messages" if client.surface == MESSAGES else "input"
    sent = json.loads(tape.last.sent)
    assert_unchanged(turn.json[conversation], sent[conversation], where="the second turn at the upstream")
    assert SIGNED.signature in turn.body.decode()
