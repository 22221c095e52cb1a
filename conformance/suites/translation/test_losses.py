"""What a client sets reaches the provider, or the client is told: no loss is silent."""

import json
from collections.abc import Callable
from typing import Any

from conformance.api import (
    BEDROCK,
    CHAT,
    GEMINI,
    MESSAGES,
    RESPONSES,
    VERTEX,
    Ask,
    Client,
    Surface,
    Tape,
    Upstream,
    check,
)
from conformance.suites.translation.refusals import named, refused
from conformance.suites.translation.replies import HUBS

FORM = {
    "type": "object",
    "properties": {"fjord": {"type": "string"}},
    "required": ["fjord"],
    "additionalProperties": False,
}
_NAMED = {"name": "answer", "schema": FORM, "strict": True}
_Setting = tuple[str, object, str]
"""A field, what it is set to, and what of that shows it to whoever reads the provider's request."""
SETTINGS: dict[Surface, tuple[_Setting, ...]] = {
    CHAT: (
        ("temperature", 0.625, "0.625"),
        ("top_p", 0.375, "0.375"),
        ("seed", 471147, "471147"),
        ("frequency_penalty", 0.0625, "0.0625"),
        ("stop", ["HALT HERE"], "HALT HERE"),
        ("response_format", {"type": "json_schema", "json_schema": _NAMED}, "fjord"),
    ),
    RESPONSES: (
        ("temperature", 0.625, "0.625"),
        ("top_p", 0.375, "0.375"),
        ("text", {"format": {"type": "json_schema", **_NAMED}}, "fjord"),
    ),
    MESSAGES: (
        ("temperature", 0.625, "0.625"),
        ("top_p", 0.375, "0.375"),
        ("top_k", 4711, "4711"),
        ("stop_sequences", ["HALT HERE"], "HALT HERE"),
        ("output_config", {"format": {"type": "json_schema", "schema": FORM}}, "fjord"),
    ),
    GEMINI: (
        ("temperature", 0.625, "0.625"),
        ("topP", 0.375, "0.375"),
        ("topK", 4711, "4711"),
        ("seed", 471147, "471147"),
        ("stopSequences", ["HALT HERE"], "HALT HERE"),
        ("responseJsonSchema", FORM, "fjord"),
    ),
}
THOUGHT, SEALED = "Six by seven.", "c2VhbGVkLWJ5LXRoZS1wcm92aWRlcg=="
REASONED = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": THOUGHT}],
    "encrypted_content": SEALED,
}
REASONING = ("reasoning", "encrypted_content", "thinking")
MARK = {"cache_control": {"type": "ephemeral"}}
MARKED = ("cache_control", "cachePoint")
"""What the mark is called: by Anthropic, and by Bedrock's Converse."""
Json = dict[str, Any]


async def _kept(
    client: Client,
    upstream: Upstream,
    tape: Tape,
    asked: Callable[[str], Json],
    *shown: str,
    names: tuple[str, ...] = (),
) -> bool:
    """Whether what was asked was refused, or shows in the provider's request or in a header of the answer.

    `shown` is what it may be known by in either; `names` in a header only, as providers have fields of the same name.
    """
    script = await upstream.answers()
    if await refused(client, Ask(script.prompt, fields=asked(script.prompt))):
        return True
    body = (await script.received()).json
    return any(word in json.dumps(body) for word in shown) or named(tape, *shown, *names)


@check(
    "translation/request/settings",
    requirement="translated-settings",
    feature="body",
    surfaces=HUBS,
    catches=("drops-sampling", "drops-stop-sequences"),
)
async def test_what_a_client_sets_arrives_or_it_is_told_of_the_loss(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    for name, value, shown in SETTINGS[client.surface]:
        kept = await _kept(client, upstream, tape, _setting(client, name, value), shown, names=(name,))
        assert kept, f"{name} was set to {value}: the provider did not hear of it, and the client not of the loss"


def _setting(client: Client, name: str, value: object) -> Callable[[str], Json]:
    more = {"responseMimeType": "application/json"} if name == "responseJsonSchema" else {}
    fields: Json = {name: value} if client.surface != GEMINI else {"generationConfig": {name: value, **more}}
    return lambda _: fields


@check(
    "translation/request/cache-marks",
    requirement="translated-cache-marks",
    feature="body",
    surfaces=(CHAT, RESPONSES),
    over=(MESSAGES, BEDROCK, VERTEX),
    catches=("strips-cache-control",),
)
async def test_what_is_marked_for_the_cache_stays_so_or_the_client_is_told(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    turns, kind = ("messages", "text") if client.surface == CHAT else ("input", "input_text")

    def marked(prompt: str) -> Json:
        return {turns: [{"role": "user", "content": [{"type": kind, "text": prompt, **MARK}]}]}

    assert await _kept(client, upstream, tape, marked, *MARKED), "nothing would ever be read from the cache"


@check(
    "translation/request/earlier-reasoning",
    requirement="translated-earlier-reasoning",
    feature="thinking",
    surfaces=(RESPONSES,),
    catches=("drops-thinking-upstream",),
)
async def test_reasoning_of_an_earlier_turn_goes_back_or_the_client_is_told(
    client: Client, upstream: Upstream, tape: Tape
) -> None:
    def gone_on(prompt: str) -> Json:
        call = {"type": "function_call", "call_id": "callOslo1", "name": "weather", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "callOslo1", "output": "Snow."}
        return {"input": [{"role": "user", "content": prompt}, REASONED, call, result]}

    kept = await _kept(client, upstream, tape, gone_on, THOUGHT, SEALED, names=REASONING)
    assert kept, "the provider does not see how it came to its call, and the client does not know"
