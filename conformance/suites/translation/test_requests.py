"""What a client asks for, as a provider of another protocol reads it."""

from conformance.api import (
    CHAT,
    GEMINI,
    MESSAGES,
    RESPONSES,
    Ask,
    Client,
    Mode,
    Tape,
    Tool,
    Upstream,
    assert_own,
    check,
    protocol_of,
    understood,
)
from conformance.suites.translation.refusals import named, refused
from conformance.suites.translation.replies import HUBS, WEATHER
from conformance.suites.translation.rich import IMAGE_URI, PIXEL, SYSTEM

CLOCK = Tool("clock", "The time.", {"type": "object", "properties": {}})
MESSAGES_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


@check(
    "translation/request/system",
    requirement="translated-request",
    feature="body",
    surfaces=HUBS,
    catches=("drops-instructions",),
)
async def test_the_system_prompt_arrives_as_one(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields=_with_system(client, script.prompt)))
    seen = understood(await script.received())
    assert seen.system == SYSTEM
    assert seen.turns == (("user", script.prompt),)


@check(
    "translation/request/tools",
    requirement="translated-request",
    feature="tools",
    surfaces=HUBS,
    catches=("drops-tool-definitions-but-first",),
)
async def test_tools_arrive_with_their_schemas(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, tools=(WEATHER, CLOCK)))
    seen = understood(await script.received())
    assert list(seen.tools) == ["weather", "clock"]
    assert seen.tools["weather"]["properties"] == WEATHER.parameters["properties"]
    assert seen.tools["weather"]["required"] == ["city"]


@check(
    "translation/request/tool-choice",
    requirement="translated-tool-choice",
    feature="tools",
    surfaces=HUBS,
    catches=("drops-tool-choice",),
)
async def test_a_choice_of_tools_keeps_its_meaning(client: Client, upstream: Upstream) -> None:
    for meant, choice in _CHOICES[client.surface].items():
        script = await upstream.answers()
        name = "toolConfig" if client.surface == GEMINI else "tool_choice"
        if not await refused(client, Ask(script.prompt, tools=(WEATHER,), fields={name: choice})):
            assert understood(await script.received()).choice == meant, f"{choice} became another choice"


@check(
    "translation/request/one-call-only",
    requirement="translated-tool-choice",
    feature="tools",
    catches=("drops-tool-choice",),
)
async def test_no_more_than_one_call_stays_no_more_than_one(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    fields = (
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
        if client.surface == MESSAGES
        else {"parallel_tool_calls": False}
    )
    if await refused(client, Ask(script.prompt, tools=(WEATHER,), fields=fields)):
        return
    received = await script.received()
    if protocol_of(received) == GEMINI:  # which cannot be told
        assert named(tape, *fields), "the provider does not know that it must not call twice, and the client neither"
    else:
        assert understood(received).one_call_only


@check(
    "translation/request/limit",
    requirement="translated-request",
    feature="body",
    surfaces=HUBS,
    catches=("drops-limits",),
)
async def test_the_limit_of_an_answer_arrives(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    limits: dict[str, dict[str, object]] = {
        CHAT: {"max_completion_tokens": 1717},
        RESPONSES: {"max_output_tokens": 1717},
        MESSAGES: {"max_tokens": 1717},
        GEMINI: {"generationConfig": {"maxOutputTokens": 1717}},
    }
    await client.ask(Ask(script.prompt, fields=limits[client.surface]))
    assert understood(await script.received()).limit == 1717


@check(
    "translation/request/image",
    requirement="translated-request",
    feature="body",
    surfaces=HUBS,
    catches=("drops-images",),
)
async def test_an_image_arrives_to_the_byte(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields=_with_image(client, script.prompt)))
    seen = understood(await script.received())
    assert seen.images == (PIXEL,)
    assert seen.turns == (("user", script.prompt),)


@check(
    "translation/request/streamed",
    requirement="translated-stream-in-time",
    feature="streaming",
    surfaces=HUBS,
    modes=(Mode.ASYNC_STREAM,),
    catches=("asks-for-the-whole",),
)
async def test_a_stream_is_asked_for_as_one(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert understood(await script.received()).streamed


@check(
    "translation/request/effort",
    requirement="translated-effort",
    feature="thinking",
    surfaces=HUBS,
    catches=("drops-effort",),
)
async def test_the_effort_that_is_asked_for_arrives(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    efforts: dict[str, dict[str, object]] = {
        CHAT: {"reasoning_effort": "low"},
        RESPONSES: {"reasoning": {"effort": "low"}},
        MESSAGES: {"output_config": {"effort": "low"}},
        GEMINI: {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}},
    }
    if not await refused(client, Ask(script.prompt, fields=efforts[client.surface])):
        assert understood(await script.received()).effort in ("low", "budget")


@check(
    "translation/request/agent",
    requirement="translated-foreign-fields",
    feature="body",
    surfaces=HUBS,
    catches=("forwards-notes-of-its-own",),
)
async def test_what_an_agent_sends_becomes_a_request_of_the_providers_own(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    if await refused(client, Ask(script.prompt, tools=(WEATHER,), fields=_AGENTS[client.surface])):
        assert not await script.journal(), "refused, and yet the provider was asked"
        return
    assert_own(await script.received())


@check(
    "translation/request/result-parts",
    requirement="translated-result-parts",
    feature="tools",
    catches=("drops-images", "drops-tool-results"),
)
async def test_what_a_tool_showed_arrives(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, tools=(WEATHER,), fields=_shown(client, script.prompt)))
    seen = understood(await script.received())
    ((call, said),) = seen.results
    assert call == "call00001"
    assert said.startswith("Snow, and a picture."), f"the tool said {said!r}"  # where the picture is may follow
    assert seen.images == ((PIXEL,) if client.surface != CHAT else ())


def _with_system(client: Client, prompt: str) -> dict[str, object]:
    if client.surface == CHAT:
        return {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]}
    if client.surface == GEMINI:
        return {"systemInstruction": {"parts": [{"text": SYSTEM}]}}
    return {"system" if client.surface == MESSAGES else "instructions": SYSTEM}


def _with_image(client: Client, prompt: str) -> dict[str, object]:
    if client.surface == RESPONSES:
        parts = [
            {"type": "input_text", "text": prompt},
            {"type": "input_image", "image_url": IMAGE_URI, "detail": "auto"},
        ]
        return {"input": [{"role": "user", "content": parts}]}
    if client.surface == GEMINI:
        said = [{"text": prompt}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]
        return {"contents": [{"role": "user", "parts": said}]}
    image = {"type": "image_url", "image_url": {"url": IMAGE_URI}} if client.surface == CHAT else MESSAGES_IMAGE
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": prompt}, image]}]}


_CHOICES: dict[str, dict[str, object]] = {
    CHAT: {
        "auto": "auto",
        "required": "required",
        "weather": {"type": "function", "function": {"name": "weather"}},
    },
    RESPONSES: {"auto": "auto", "required": "required", "weather": {"type": "function", "name": "weather"}},
    MESSAGES: {
        "auto": {"type": "auto"},
        "required": {"type": "any"},
        "weather": {"type": "tool", "name": "weather"},
    },
    GEMINI: {
        "auto": {"functionCallingConfig": {"mode": "AUTO"}},
        "required": {"functionCallingConfig": {"mode": "ANY"}},
        "weather": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    },
}
_AGENTS: dict[str, dict[str, object]] = {
    CHAT: {"store": False, "prompt_cache_key": "session", "safety_identifier": "somebody", "verbosity": "low"},
    RESPONSES: {
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "session",
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low"},
        "parallel_tool_calls": True,
    },
    MESSAGES: {
        "system": [
            {"type": "text", "text": "You are an agent."},
            {"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}},
        ],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
        "metadata": {"user_id": "somebody"},
    },
    GEMINI: {
        "systemInstruction": {"role": "user", "parts": [{"text": "You are an agent."}, {"text": SYSTEM}]},
        "generationConfig": {"topP": 0.95, "thinkingConfig": {"includeThoughts": True, "thinkingBudget": -1}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    },
}


def _shown(client: Client, prompt: str) -> dict[str, object]:
    if client.surface == RESPONSES:
        output = [
            {"type": "input_text", "text": "Snow, and a picture."},
            {"type": "input_image", "image_url": IMAGE_URI},
        ]
        call = {"type": "function_call", "call_id": "call00001", "name": "weather", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "call00001", "output": output}
        return {"input": [{"role": "user", "content": prompt}, call, result]}
    if client.surface == CHAT:
        function = {"name": "weather", "arguments": "{}"}
        calls = [{"id": "call00001", "type": "function", "function": function}]
        parts = [{"type": "text", "text": "Snow, "}, {"type": "text", "text": "and a picture."}]
        called = {"role": "assistant", "content": None, "tool_calls": calls}
        answered = {"role": "tool", "tool_call_id": "call00001", "content": parts}
        return {"messages": [{"role": "user", "content": prompt}, called, answered]}
    content = [{"type": "text", "text": "Snow, and a picture."}, MESSAGES_IMAGE]
    used = {"type": "tool_use", "id": "call00001", "name": "weather", "input": {}}
    shown = {"type": "tool_result", "tool_use_id": "call00001", "content": content}
    turns = [("user", prompt), ("assistant", [used]), ("user", [shown])]
    return {"messages": [{"role": role, "content": content} for role, content in turns]}
