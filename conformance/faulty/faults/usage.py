"""Faults in what is counted: usage of answers, tokens before a call, and models."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import edited_object
from conformance.faulty.fault import fault, on_json, on_whole
from conformance.faulty.sse import as_text
from conformance.faulty.tree import changed, dropping, everywhere, leaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.faulty.exchange import Answer, Request
    from conformance.faulty.sse import Json

_CACHED = {
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
    "cached_tokens",
    "cache_write_tokens",
}
_REASONING = {"reasoning_tokens", "thinking_tokens"}


@fault.answer_json("loses-usage", "hands on no usage")
def loses_usage(answer: Json) -> Json:
    return everywhere(answer, lambda it: dropping(it, "usage"))


@fault.answer_json("loses-cached-usage", "says that nothing came from a cache or went into one")
def loses_cached_usage(answer: Json) -> Json:
    return everywhere(answer, lambda it: _zeroed(it, _CACHED))


@fault.answer_json("loses-reasoning-usage", "says that reasoning cost no tokens")
def loses_reasoning_usage(answer: Json) -> Json:
    return everywhere(answer, lambda it: _zeroed(it, _REASONING))


def _zeroed(value: Json, names: set[str]) -> Json:
    return {name: 0 if name in names and member else member for name, member in value.items()}


@fault.answer_json("counts-twice", "doubles every number of the usage")
def counts_twice(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "usage", lambda usage: leaves(usage, _doubled)))


def _doubled(value: Any) -> Any:
    return 2 * value if isinstance(value, int) and not isinstance(value, bool) else value


@fault.answer("usage-only-when-whole", "hands on no usage in streams")
async def usage_only_when_whole(answer: Answer) -> Answer:
    return await on_json(answer, lambda event: everywhere(event, _unmeasured)) if answer.streams else answer


def _unmeasured(value: Json) -> Json:
    """Claude's SDK cannot begin a message without usage: there it stays, and says nothing."""
    nothing = {"usage": {"input_tokens": 0, "output_tokens": 0}} if value.get("type") == "message" else {}
    return {**dropping(value, "usage"), **nothing} if "usage" in value else value


@fault.answer("guesses-token-count", "counts tokens itself")
async def guesses_token_count(answer: Answer) -> Answer:
    return await _on_count(answer, lambda body: {**body, "input_tokens": _guess(answer)})


@fault.answer("guesses-when-refused", "counts tokens itself when the provider refuses to")
async def guesses_when_refused(answer: Answer) -> Answer:
    if not (answer.call.counts_tokens and answer.failed):
        return answer
    answer.close()
    return replace(answer, status=200).with_body(as_text({"input_tokens": _guess(answer)}).encode())


def _guess(answer: Answer) -> int:
    return len(answer.call.body) // 4


async def _on_count(answer: Answer, edit: Callable[[Json], Json]) -> Answer:
    if answer.failed or not answer.call.counts_tokens:
        return answer
    return await on_whole(answer, lambda body: edited_object(body, edit))


@fault.request("drops-fields-when-counting", "forwards only model and messages when tokens are counted")
def drops_fields_when_counting(request: Request) -> Request:
    counted = {"model", "messages", "input"}
    if not request.call.counts_tokens:
        return request
    return request.json(lambda body: {name: value for name, value in body.items() if name in counted})


@fault.answer("invents-models", "answers model lists itself")
async def invents_models(answer: Answer) -> Answer:
    if answer.failed or answer.call.path != "/v1/models":
        return answer
    return await on_whole(answer, lambda _: json.dumps(_INVENTED).encode())


@fault.answer("breaks-model-lists", "answers model lists in a shape of its own")
async def breaks_model_lists(answer: Answer) -> Answer:
    if answer.failed or answer.call.path != "/v1/models":
        return answer
    return await on_whole(answer, lambda body: edited_object(body, lambda it: {"models": it.get("data")}))


_INVENTED = {
    "object": "list",
    "data": [{"id": "relay-model", "object": "model", "type": "model", "created": 0, "owned_by": "relay"}],
    "has_more": False,
    "first_id": "relay-model",
    "last_id": "relay-model",
}
