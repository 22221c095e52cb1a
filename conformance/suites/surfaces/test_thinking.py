"""Reasoning: shown, hidden, proven, and given back in the next turn."""

import json
from typing import Any

from conformance.api import (
    EVERY_MODE,
    MESSAGES,
    RESPONSES,
    Ask,
    Client,
    Http,
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
    assert_kept,
    check,
)
from conformance.suites.surfaces.raw import Sender, Variant

SIGNED = Thinking("First the tides, then the wind.", "EqQBCkYIBxgCKkBzaWduYXR1cmUrL2tlcHQ9PQ==")
HIDDEN = RedactedThinking("EmwKAhgBEgyr+ZGF0YS9rZXB0L2JpdC9mb3IvYml0PT0=")
LONG = "Eq" + "Ab+/" * 2048 + "=="
SEVERAL = (
    Thinking("First,\n the tides.  ", "c2lnbmF0dXJlLW9uZQ=="),
    HIDDEN,
    Thinking("Then \u2028 the wind: \u00e9 e\u0301.", LONG),
    RedactedThinking("c2Vjb25k" * 512),
)
SAID = {"type": "text", "text": "High tide."}
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
    assert_kept(turn.json[conversation], sent[conversation], where="the second turn at the upstream")
    assert SIGNED.signature in turn.body.decode()


@check(
    "thinking/several",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=THINKERS,
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("merges-thinking", "cuts-long-signatures"),
)
async def test_each_block_of_thinking_keeps_its_own_proof(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="Sail at noon.", thinking=SEVERAL))
    assert (await client.ask(script.prompt)).thinking == SEVERAL


@check(
    "thinking/signature-only",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=(MESSAGES,),
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM, Mode.ASYNC_HELPER),
    catches=("hides-unseen-thinking",),
)
async def test_thinking_that_is_not_shown_still_has_its_proof(client: Client, upstream: Upstream) -> None:
    unseen = Thinking("", SIGNED.signature)
    script = await upstream.answers(Reply(text="Sail at noon.", thinking=(unseen,)))
    assert (await client.ask(script.prompt)).thinking == (unseen,)


@check(
    "thinking/replayed",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=THINKERS,
    catches=("drops-empty-thinking", "moves-thinking-first", "trims-text", "drops-thinking-upstream"),
)
async def test_thinking_among_tool_calls_goes_back_as_it_came(client: Client, http: Http, upstream: Upstream) -> None:
    variant = Variant(turns=_CLAUDES if client.surface == MESSAGES else _OPENAIS, name="thinking among calls")
    await Sender(client, http, upstream).unharmed([variant], [variant])


_CLAUDES: list[Any] = [
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": " First,\n the tides. \n", "signature": SIGNED.signature},
            {"type": "tool_use", "id": "toolu_1", "name": "tide", "input": {}},
            {"type": "thinking", "thinking": "", "signature": LONG},
            {"type": "redacted_thinking", "data": HIDDEN.data},
            {"type": "tool_use", "id": "toolu_2", "name": "tide", "input": {"day": 2}},
            {"type": "thinking", "thinking": "\u2028é", "signature": "c2Vjb25k"},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "high"},
        ],
    },
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "dGhpcmQ="}, SAID]},
    {"role": "user", "content": "Go on."},
]
_OPENAIS: list[Any] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": LONG},
    {"type": "function_call", "call_id": "call_1", "name": "tide", "arguments": "{}"},
    {
        "type": "reasoning",
        "id": "rs_2",
        "summary": [{"type": "summary_text", "text": " Then,\n the wind. "}, {"type": "summary_text", "text": ""}],
        "content": [{"type": "reasoning_text", "text": "hm\u2028"}],
        "encrypted_content": SIGNED.signature,
        "status": "completed",
    },
    {"type": "function_call", "call_id": "call_2", "name": "tide", "arguments": '{"day": 2}'},
    {"type": "function_call_output", "call_id": "call_1", "output": ""},
    {"type": "function_call_output", "call_id": "call_2", "output": "high"},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": HIDDEN.data},
    {"role": "user", "content": "Go on."},
]
