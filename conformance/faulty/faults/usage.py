"""Faults in what is counted: usage of answers, tokens before a call, and models."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import edited_object
from conformance.faulty.fault import fault, on_json, on_whole
from conformance.faulty.sse import as_text
from conformance.faulty.tree import changed, dropping, everywhere, leaves

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conformance.faulty.exchange import Answer, Request
    from conformance.faulty.sse import Event, Json

_CACHED = {
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "ephemeral_5m_input_tokens",
    "ephemeral_1h_input_tokens",
    "cached_tokens",
    "cache_write_tokens",
}
_REASONING = {"reasoning_tokens", "thinking_tokens"}
_TOTALS = {"input_tokens", "output_tokens", "prompt_tokens", "completion_tokens", "total_tokens"} | _CACHED
_DETAILS = {
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "cache_creation",
}
_ESTIMATES = {
    "chat.completion": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    "response": {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15},
}
_BROKEN_OFF = {"max_tokens", "tool_use", "refusal", "length", "tool_calls", "content_filter", "incomplete"}


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


@fault.answer_json("flattens-cache-writes", "says that everything in the cache was written for five minutes")
def flattens_cache_writes(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "cache_creation", _for_five_minutes))


def _for_five_minutes(written: Json) -> Json:
    return {"ephemeral_5m_input_tokens": sum(written.values()), "ephemeral_1h_input_tokens": 0}


@fault.answer_json("drops-unlisted-usage", "hands on only the counts that it knows")
def drops_unlisted_usage(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "usage", _listed))


def _listed(usage: Json) -> Json:
    known = {name: value for name, value in usage.items() if name in _TOTALS}
    details = {name: value for name, value in usage.items() if name in _DETAILS and isinstance(value, dict)}
    inside = {name: {key: it[key] for key in it if key in _CACHED | _REASONING} for name, it in details.items()}
    return known | inside


@fault.answer_json("totals-what-is-not-cached", "leaves cached tokens out of the total")
def totals_what_is_not_cached(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "usage", _total_of_the_uncached))


def _total_of_the_uncached(usage: Json) -> Json:
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return changed(usage, "total_tokens", lambda total: total - details.get("cached_tokens", 0))


@fault.answer_json("zero-usage-is-lost", "takes a count of zero for no count")
def zero_usage_is_lost(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "usage", _but_zeros))


def _but_zeros(usage: Json) -> Json:
    return {name: value for name, value in usage.items() if value != 0 or isinstance(value, bool)}


@fault.answer_json("caps-usage", "counts in 32 bits")
def caps_usage(answer: Json) -> Json:
    return everywhere(answer, lambda it: changed(it, "usage", lambda usage: leaves(usage, _capped)))


def _capped(value: Any) -> Any:
    return min(value, 2**31 - 1) if isinstance(value, int) and not isinstance(value, bool) else value


@fault.answer_json("estimates-usage", "guesses the usage where the provider tells none")
def estimates_usage(answer: Json) -> Json:
    return everywhere(answer, lambda it: {**it, "usage": _ESTIMATES[it["object"]]} if _uncounted(it) else it)


def _uncounted(value: Json) -> bool:
    return value.get("object") in _ESTIMATES and "usage" in value and value["usage"] is None


@fault.answer_json("usage-only-when-complete", "hands on no usage with an answer that did not end by itself")
def usage_only_when_complete(answer: Json) -> Json:
    choices = answer.get("choices") or [{}]
    ended = answer.get("stop_reason") or choices[0].get("finish_reason") or answer.get("status")
    return dropping(answer, "usage") if ended in _BROKEN_OFF else answer


@fault.events("sums-running-usage", "adds up counts that are running totals already")
async def sums_running_usage(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    counted: dict[str, int] = {}
    async for event in events:
        yield event.with_json(everywhere(event.json, lambda it: changed(it, "usage", partial(_added, counted))))


def _added(counted: dict[str, int], usage: Json) -> Json:
    for name, value in usage.items():
        if isinstance(value, int):
            counted[name] = counted.get(name, 0) + value
    return usage | counted


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


@fault.answer("doubts-small-counts", "counts tokens itself where the provider says zero")
async def doubts_small_counts(answer: Answer) -> Answer:
    return await _on_count(answer, lambda body: body if body["input_tokens"] else {"input_tokens": _guess(answer)})


@fault.answer("count-errors-become-500", "answers 500 whenever the provider refuses to count")
async def count_errors_become_500(answer: Answer) -> Answer:
    return replace(answer, status=500) if answer.call.counts_tokens and answer.failed else answer


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
