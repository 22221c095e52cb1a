"""Faults in the bodies of requests and of answers."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from conformance.faulty.documented import ANSWER_FIELDS, FREE_FORM, NESTED_FIELDS, REQUEST_FIELDS
from conformance.faulty.exchange import edited_object
from conformance.faulty.fault import fault, on_whole
from conformance.faulty.refusal import refusal
from conformance.faulty.sse import as_object
from conformance.faulty.tree import changed, dropping, everywhere, in_answer, leaves, objects
from conformance.surface import Surface

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer, Call, Request
    from conformance.faulty.fault import Handle
    from conformance.faulty.sse import Json

_LARGE = 2**20
_EXACT_INTEGERS = 2**53
_LINE_BREAKS = re.compile("[\u0085\u2028\u2029]")


@fault.request("drops-unknown-fields", "forwards only request fields on a list of documented ones")
def drops_unknown_fields(request: Request) -> Request:
    documented = REQUEST_FIELDS.get(request.call.surface) if request.call.surface else None
    if documented is None:
        return request
    return request.json(lambda body: {name: value for name, value in body.items() if name in documented})


@fault.request_json("drops-nested-unknown-fields", "forwards only documented fields of messages, blocks and tools")
def drops_nested_unknown_fields(body: Json) -> Json:
    return {
        name: _known(value) if name in {"messages", "input", "tools", "system"} else value
        for name, value in body.items()
    }


def _known(value: Any) -> Any:
    if isinstance(value, list):
        return [_known(member) for member in value]
    if not isinstance(value, dict):
        return value
    free = FREE_FORM | ({"input"} if value.get("type") == "tool_use" else set())
    return {
        name: member if name in free else _known(member)
        for name, member in value.items()
        if name in NESTED_FIELDS | free
    }


@fault.request_json("drops-metadata", "forwards no field that only describes the request")
def drops_metadata(body: Json) -> Json:
    return dropping(body, "metadata", "service_tier", "safety_identifier", "user", "prompt_cache_key", "store")


@fault.request("injects-field", "asks for usage in chat streams, and for a temperature elsewhere")
def injects_field(request: Request) -> Request:
    if request.call.surface is Surface.OPENAI_CHAT and request.call.streams:
        return request.json(lambda body: {**body, "stream_options": {"include_usage": True}})
    return request.json(lambda body: {"temperature": 1.0, **body})


@fault.request_json("drops-continuation", "forwards no reference to an earlier response")
def drops_continuation(body: Json) -> Json:
    return dropping(body, "previous_response_id", "conversation")


@fault.handle("rejects-by-own-model-map", "refuses parameters that it believes the model not to have")
async def rejects_by_own_model_map(handle: Handle, call: Call) -> Answer:
    unsupported = {"reasoning_effort", "logprobs"} & (as_object(call.body) or {}).keys()
    return refusal(call, 400, f"{call.path} does not support {unsupported}") if unsupported else await handle(call)


@fault.request_json("drops-nulls", "forwards no field whose value is null")
def drops_nulls(body: Json) -> Json:
    return _without_nulls(body)


@fault.answer_json("drops-null-answer-fields", "hands on no field of an answer whose value is null")
def drops_null_answer_fields(answer: Json) -> Json:
    return _without_nulls(answer)


def _without_nulls(value: Json) -> Json:
    return everywhere(value, lambda member: {name: it for name, it in member.items() if it is not None})


@fault.request_json("rounds-numbers", "rounds fractions to three digits, and large integers to what a double holds")
def rounds_numbers(body: Json) -> Json:
    return leaves(body, _rounded)


@fault.answer_json("rounds-numbers", "rounds fractions to three digits, and large integers to what a double holds")
def rounds_numbers_back(answer: Json) -> Json:
    return leaves(answer, _rounded)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, int) and abs(value) > _EXACT_INTEGERS:
        return int(float(value))
    return value


@fault.request_json("mangles-unicode", "normalises text, and replaces unusual line breaks and lone combining marks")
def mangles_unicode(body: Json) -> Json:
    return leaves(body, _mangled)


@fault.answer_json("mangles-unicode", "normalises text, and replaces unusual line breaks and lone combining marks")
def mangles_unicode_back(answer: Json) -> Json:
    return leaves(answer, _mangled)


def _mangled(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    normal = _LINE_BREAKS.sub(" ", unicodedata.normalize("NFC", value))
    return normal[1:] if normal and unicodedata.combining(normal[0]) else normal


@fault.request_json("developer-becomes-system", "turns the role developer into system")
def developer_becomes_system(body: Json) -> Json:
    return everywhere(body, lambda it: {**it, "role": "system"} if it.get("role") == "developer" else it)


@fault.request_json("system-blocks-joined", "joins the blocks of the system prompt into one string")
def system_blocks_joined(body: Json) -> Json:
    blocks = objects(body.get("system"))
    return {**body, "system": "\n".join(str(block.get("text")) for block in blocks)} if blocks else body


@fault.request("system-role-dropped", "drops messages of the role system amid a conversation with Claude")
def system_role_dropped(request: Request) -> Request:
    if request.call.surface is not Surface.ANTHROPIC_MESSAGES:
        return request
    return request.json(lambda body: changed(body, "messages", _without_system))


def _without_system(messages: Any) -> Any:
    return [message for message in objects(messages) if message.get("role") != "system"]


@fault.request_json("strips-cache-control", "forwards no cache_control")
def strips_cache_control(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "cache_control"))


@fault.handle("cuts-large-bodies", "refuses requests of more than 1 MiB")
async def cuts_large_bodies(handle: Handle, call: Call) -> Answer:
    return refusal(call, 413, "this request is too large") if len(call.body) > _LARGE else await handle(call)


@fault.request_json("renames-model-upstream", "asks for a model under a name of its own")
def renames_model_upstream(body: Json) -> Json:
    return changed(body, "model", lambda model: f"relay/{model}")


@fault.answer_json("renames-model", "answers under a model name of its own")
def renames_model(answer: Json) -> Json:
    return in_answer(answer, lambda it: changed(it, "model", lambda model: f"relay/{model}"))


@fault.answer_json("rewrites-answer-id", "answers under an id of its own")
def rewrites_answer_id(answer: Json) -> Json:
    return in_answer(answer, lambda it: changed(it, "id", lambda known: f"relay_{known}"))


@fault.answer_json("drops-unknown-answer-fields", "hands on only documented fields of an answer")
def drops_unknown_answer_fields(answer: Json) -> Json:
    return in_answer(answer, lambda it: {name: value for name, value in it.items() if name in ANSWER_FIELDS})


@fault.answer_json("adds-answer-field", "adds a field of its own to answers")
def adds_answer_field(answer: Json) -> Json:
    return in_answer(answer, lambda it: {**it, "provider": "relay"})


@fault.answer("loses-last-sentence", "cuts the end off the text of whole answers")
async def loses_last_sentence(answer: Answer) -> Answer:
    if answer.failed:
        return answer
    return await on_whole(answer, lambda body: edited_object(body, lambda it: everywhere(it, _shortened)))


def _shortened(value: Json) -> Json:
    field = "content" if "role" in value else "text"
    text = value.get(field)
    return {**value, field: text[: text.rstrip(".").rfind(".") + 1] or text[:-1]} if isinstance(text, str) else value


@fault.answer_json("flattens-stop-reason", "says that every answer ended by itself")
def flattens_stop_reason(answer: Json) -> Json:
    return everywhere(answer, _ended)


def _ended(value: Json) -> Json:
    flat = {"stop_reason": "end_turn", "finish_reason": "stop", "incomplete_details": None}
    value = {name: flat[name] if name in flat and member else member for name, member in value.items()}
    if value.get("status") == "incomplete":
        value["status"] = "completed"
    return {**value, "type": "response.completed"} if value.get("type") == "response.incomplete" else value


@fault.answer_json("loses-refusal", "hands on no refusal")
def loses_refusal(answer: Json) -> Json:
    return everywhere(answer, _unrefused)


def _unrefused(value: Json) -> Json:
    if value.get("stop_reason") == "refusal":
        return {**dropping(value, "stop_details"), "stop_reason": "end_turn"}
    if value.get("type") == "response.refusal.delta":
        return {**value, "delta": ""}
    return {**value, "refusal": "" if "type" in value else None} if value.get("refusal") else value
