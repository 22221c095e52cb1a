"""The scripted upstream sends what the providers really send: held to recorded traffic and to the SDKs' types."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import anthropic.types
import mistralai.client.models
import openai.types.chat
import openai.types.responses
import pytest
from pydantic import BaseModel, TypeAdapter

from conformance.upstream import (
    Delivery,
    ProviderError,
    Reply,
    anthropic_messages,
    anthropic_platform,
    azure_openai,
    azure_platform,
    azure_responses,
    bedrock,
    bedrock_platform,
    converse,
    gemini,
    gemini_platform,
    mistral,
    mistral_platform,
    openai_chat,
    openai_platform,
    openai_responses,
    vertex,
    vertex_platform,
)
from conformance.upstream.rendering import Call
from tests.upstream.accumulate import payloads
from tests.upstream.recorded import Recording, constant_fields, fields, kind, recordings, steps
from tests.upstream.replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.upstream.providers import Platform
    from conformance.upstream.rendering import Event, Renderer

CALL = Call("case-0123456789ab", 1, {"model": "m", "stream_options": {"include_usage": True}})
RENDERERS: dict[str, Renderer] = {
    "anthropic-messages": anthropic_messages,
    "openai-chat": openai_chat,
    "openai-responses": openai_responses,
    "gemini": gemini,
    "mistral": mistral,
    "azure-openai": azure_openai,
    "azure-responses": azure_responses,
    "bedrock": bedrock,
    "converse": converse,
    "vertex": vertex,
}
PLATFORMS: dict[str, Platform] = {
    "anthropic-messages": anthropic_platform,
    "openai-chat": openai_platform,
    "gemini": gemini_platform,
    "mistral": mistral_platform,
    "azure-openai": azure_platform,
    "bedrock": bedrock_platform,
    "vertex": vertex_platform,
}
SOURCES = {
    "anthropic-messages": ("anthropic-messages",),
    "openai-chat": ("openai-chat",),
    # Reasoning summaries were only recorded at Azure, which streams the same events.
    "openai-responses": ("openai-responses", "azure-openai"),
    "gemini": ("gemini", "vertex"),
    "mistral": ("mistral",),
    # What was recorded at Azure in chunks is another house's models; OpenAI's come in OpenAI's chunks.
    "azure-openai": ("azure-openai", "openai-chat"),
    "azure-responses": ("azure-openai", "openai-responses"),
    # Claude's messages are the same at both clouds, and hold what they hold at home.
    "bedrock": ("bedrock", "vertex", "anthropic-messages"),
    "converse": ("bedrock",),
    "vertex": ("vertex", "bedrock", "anthropic-messages"),
}

# Where to look for what a provider always sends: it alone, and since when.
HOMES = {
    "azure-responses": ("azure-openai",),
    "bedrock": ("bedrock", "vertex"),
    "converse": ("bedrock",),
    "vertex": ("bedrock", "vertex"),
}
SINCE = {"bedrock": "2025", "vertex": "2025"}

# What we render without a recording of it, by the beginning of its path, and why.
FIELDS_WITHOUT_RECORDING = {
    "<message>.stop_details<refusal>": "nobody recorded a refusal: from the SDK's RefusalStopDetails",
    "<message_delta>.delta.stop_details<refusal>": "nobody recorded a refusal: from the SDK's RefusalStopDetails",
    ".usage.prompt_tokens_details.cache_write_tokens": "recorded whole, not streamed; both have the same usage",
    ".candidates[].content.parts[].thought": "recorded whole, not streamed; a chunk is a response as well",
    ".candidates[].finishMessage": "recorded whole, not streamed; a chunk is a response as well",
    ".candidates[].safetyRatings": "recorded whole, not streamed; a chunk is a response as well",
    ".usageMetadata.cache": "recorded whole, not streamed; a chunk is a response as well",
    ".choices[].content_filter_results": "recorded whole, not streamed: as documented",
    ".prompt_filter_results": "recorded whole, not streamed: as documented",
    "<response.incomplete>.response.content_filters": "only completed responses were recorded at Azure",
    ".content_filters[].content_filter_results": "recorded streamed, not whole: the completed response is the same",
    ".contentBlockDelta.delta.reasoningContent": "only redacted reasoning was recorded streamed",
    ".output.message.content[].toolUse": "recorded streamed, not whole: from the API reference",
    "<response.incomplete>.response.output[]<message>": "only reasoning was recorded cut short; as in completed",
}
# What providers always send and we do not, and why.
FIELDS_LEFT_OUT = {
    ("gemini", ".usageMetadata.thoughtsTokenCount"): "every model that was recorded streaming thinks",
    ("converse", ".contentBlockDelta.delta.reasoningContent.redactedContent"): "all recorded reasoning is redacted",
    (
        "openai-responses",
        ".billing",
    ): "only whole responses have it, streamed ones never: ours are to be the same whole and streamed",
}
STEPS_WITHOUT_RECORDING = {
    ("content_block_stop", "content_block_start thinking"): "visible thinking after redacted: as documented",
    ("content", "tool_calls"): "text before a tool call: the models that were recorded say nothing first",
    ("role", "finish"): "an empty answer",
    ("start", "usage"): "Azure's chunk about the prompt, as documented",
    ("usage", "role"): "Azure's chunk about the prompt, as documented",
    ("start", "thought"): "thoughts were recorded whole: streamed as documented",
    ("thought", "thought"): "thoughts were recorded whole: streamed as documented",
    ("thought", "text"): "thoughts were recorded whole: streamed as documented",
    ("text", "functionCall"): "text before a function call: the models that were recorded say nothing first",
    (
        "contentBlockDelta reasoningContent",
        "contentBlockDelta reasoningContent",
    ): "only redacted reasoning was recorded",
    ("contentBlockDelta toolUse", "contentBlockDelta toolUse"): "only calls without arguments were recorded",
    ("contentBlockStop", "contentBlockStart toolUse"): "text before a tool call, and two calls",
    ("messageStart", "messageStop"): "an empty answer",
    ("response.in_progress", "response.completed"): "an empty answer",
    ("response.output_item.added function_call", "response.function_call_arguments.done"): "no arguments at all",
    ("response.output_item.done message", "response.incomplete"): "text cut short: only reasoning was recorded so",
    ("response.output_item.done message", "response.output_item.added function_call"): "text before a tool call",
    ("response.output_item.done reasoning", "response.output_item.added reasoning"): "two pieces of reasoning",
}

WHOLE: dict[str, TypeAdapter[Any]] = {
    "anthropic-messages": TypeAdapter(anthropic.types.Message),
    "openai-chat": TypeAdapter(openai.types.chat.ChatCompletion),
    "openai-responses": TypeAdapter(openai.types.responses.Response),
    "mistral": TypeAdapter(mistralai.client.models.ChatCompletionResponse),
}
EVENTS: dict[str, TypeAdapter[Any]] = {
    "anthropic-messages": TypeAdapter(anthropic.types.RawMessageStreamEvent),
    "openai-chat": TypeAdapter(openai.types.chat.ChatCompletionChunk),
    "openai-responses": TypeAdapter(openai.types.responses.ResponseStreamEvent),
    "mistral": TypeAdapter(mistralai.client.models.CompletionChunk),
}
LENIENT = {"mistral"}  # whose types read enumerations from JSON alone


_SPOKEN = {
    "mistral": "openai-chat",
    "azure-openai": "openai-chat",
    "azure-responses": "openai-responses",
    "bedrock": "anthropic-messages",
    "vertex": "anthropic-messages",
}


def recorded_wholes(protocol: str, since: str = "") -> list[Any]:
    return [found.body for found in _successes(protocol, since) if _answers(protocol, found.body)]


def recorded_streams(protocol: str, since: str = "") -> list[list[dict[str, Any]]]:
    return [found.stream for found in _successes(protocol, since) if _answers(protocol, *found.stream[:1])]


def _successes(protocol: str, since: str) -> list[Recording]:
    """Those recorded since a day; those that do not say when count as new."""
    return [
        found for found in recordings(*SOURCES[protocol]) if found.status == 200 and (found.recorded or "new") >= since
    ]


def _answers(protocol: str, value: Any = None) -> bool:
    """Whether this is an answer of that protocol, or the first event of one."""
    if not isinstance(value, dict):
        return False
    marks = {
        "anthropic-messages": value.get("type") in ("message", "message_start"),
        "openai-chat": str(value.get("object")).startswith("chat.completion"),
        "openai-responses": value.get("object") == "response" or value.get("type") == "response.created",
        "gemini": "modelVersion" in value,
        "converse": "stopReason" in value or "messageStart" in value,
    }
    return marks[_SPOKEN.get(protocol, protocol)]


def our_wholes(protocol: str) -> list[Any]:
    return [RENDERERS[protocol].whole(reply, CALL) for reply in REPLIES.values()]


def our_streams(protocol: str) -> list[list[dict[str, Any]]]:
    return [_said(protocol, list(RENDERERS[protocol].events(reply, CALL))) for reply in REPLIES.values()]


def _said(protocol: str, events: list[Event]) -> list[dict[str, Any]]:
    """What the recorded streams are compared with: what a frame holds, or what it is called."""
    if protocol == "bedrock":
        return [json.loads(b64decode(said["bytes"])) for said in payloads(events)]
    if protocol == "converse":
        return [{str(event.name): json.loads(event.data)} for event in events]
    return payloads(events)


def _events(streams: list[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    return (event for stream in streams for event in stream)


def _surplus_fields(protocol: str) -> set[str]:
    wholes = fields(our_wholes(protocol)) - fields(recorded_wholes(protocol))
    return wholes | fields(_events(our_streams(protocol))) - fields(_events(recorded_streams(protocol)))


def _surplus_steps(protocol: str) -> set[tuple[str, str]]:
    return steps(our_streams(protocol)) - steps(recorded_streams(protocol))


@pytest.mark.parametrize("protocol", RENDERERS)
def test_every_field_that_we_render_has_been_recorded(protocol: str) -> None:
    excused = tuple(FIELDS_WITHOUT_RECORDING)
    assert {path for path in _surplus_fields(protocol) if not path.startswith(excused)} == set()


@pytest.mark.parametrize("protocol", RENDERERS)
def test_events_follow_each_other_as_recorded(protocol: str) -> None:
    assert _surplus_steps(protocol) - STEPS_WITHOUT_RECORDING.keys() == set()


def test_no_excuse_is_stale() -> None:
    surplus = {path for protocol in RENDERERS for path in _surplus_fields(protocol)}
    assert [why for why in FIELDS_WITHOUT_RECORDING if not any(path.startswith(why) for path in surplus)] == []
    assert STEPS_WITHOUT_RECORDING.keys() - set().union(*map(_surplus_steps, RENDERERS)) == set()


@pytest.mark.parametrize("protocol", [name for name in RENDERERS if name != "azure-openai"])  # its chunks: see SOURCES
def test_fields_that_providers_always_send_these_days_are_rendered(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, protocol, HOMES.get(protocol, (protocol,)))
    since = SINCE.get(protocol, "2026")
    for recorded, ours in (
        (recorded_wholes(protocol, since), our_wholes(protocol)),
        (_events(recorded_streams(protocol, since)), _events(our_streams(protocol))),
    ):
        always, rendered = constant_fields(recorded), constant_fields(ours)
        assert always.keys() & rendered.keys()
        missing = {f"{path}.{name}" for path in rendered for name in always.get(path, set()) - rendered[path]}
        assert {path for path in missing if (protocol, path) not in FIELDS_LEFT_OUT} == set()


def _unknown(model: Any, at: str = "") -> Iterator[str]:
    """Names of fields that a validated SDK object does not know."""
    if isinstance(model, list):
        for member in model:
            yield from _unknown(member, f"{at}[]")
    if isinstance(model, BaseModel):
        yield from (f"{at}.{name}" for name in model.model_extra or {})
        for name in type(model).model_fields:
            yield from _unknown(getattr(model, name), f"{at}.{name}")


@pytest.mark.parametrize("protocol", WHOLE)
def test_the_sdk_types_know_every_field_that_recordings_do_not_explain(protocol: str) -> None:
    recorded = fields(recorded_wholes(protocol)) | fields(_events(recorded_streams(protocol)))
    names = {path.rpartition(".")[2] for path in recorded}
    strict = protocol not in LENIENT
    models = [WHOLE[protocol].validate_python(whole, strict=strict) for whole in our_wholes(protocol)]
    models += [EVENTS[protocol].validate_python(event, strict=strict) for event in _events(our_streams(protocol))]
    unknown = {path for model in models for path in _unknown(model)}
    assert {path for path in unknown if path.rpartition(".")[2] not in names} == set()


@pytest.mark.parametrize("protocol", PLATFORMS)
def test_header_names_have_been_recorded(protocol: str) -> None:
    everywhere = (*SOURCES[protocol], "openai-platform", "openai-responses")
    recorded = {name.lower() for found in recordings(*everywhere) for name in found.headers}
    for status in (200, 400, 401, 404, 429, 500):
        assert {name for name, _ in PLATFORMS[protocol].headers(CALL, status)} - recorded == set()


@pytest.mark.parametrize("protocol", [name for name in PLATFORMS if name != "vertex"])  # recorded for Gemini alone
def test_errors_look_as_recorded(protocol: str) -> None:
    platform = PLATFORMS[protocol]
    found = [one for one in recordings(protocol) if one.status >= 400 and isinstance(one.body, dict)]
    for status in {one.status for one in found}:
        ours = platform.envelope(ProviderError(status=status), CALL)
        bodies = [one.body for one in found if one.status == status]
        assert fields([ours]) <= fields(bodies)
        assert _class_of(ours) in set(map(_class_of, bodies))


def _class_of(envelope: dict[str, Any]) -> str | None:
    """What a client tells errors by, in whichever field the provider has it."""
    error = envelope.get("error", envelope)
    return next((error[name] for name in ("type", "status", "code") if isinstance(error.get(name), str)), None)


def test_counts_and_model_lists_look_as_recorded() -> None:
    claude = recordings("anthropic-messages")
    [listed] = [one.body for one in claude if one.url.endswith("/v1/models")]
    ours = anthropic_platform.models("")
    assert fields([listed]) - fields([ours]) == set()
    newer_in_sdk = (".lifecycle", ".line", ".server_tools", ".between_tools", ".disabled")
    surplus = fields([ours]) - fields([listed])
    assert {path for path in surplus if not any(name in path for name in newer_in_sdk)} == set()
    TypeAdapter(list[anthropic.types.ModelInfo]).validate_python(ours["data"])
    platform = recordings("openai-platform")
    [models] = [one.body for one in platform if one.url.endswith("/v1/models") and one.status == 200]
    assert fields([models]) == fields([openai_platform.models("")])


def test_pings_stand_where_anthropic_puts_them() -> None:
    reply = Reply(text=("one", "two"), delivery=Delivery(pings=True))
    ours = steps([payloads(anthropic_messages.events(reply, CALL))])
    after = {before for before, event in ours if event == "ping"}
    recorded = {before for before, event in steps(recorded_streams("anthropic-messages")) if event == "ping"}
    assert after & recorded
    assert kind({"type": "ping"}) == "ping"
