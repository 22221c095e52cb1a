"""How a relay picks who is asked: by an alias, by a header, by who stands in for whom.

On Chat Completions, and for models with stand-ins on Responses and Messages; every other call goes where its path says.
What target files call routing is in `ROUTING`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.faulty.exchange import Answer, first
from conformance.faulty.sse import as_object
from conformance.surface import Provider, Surface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from conformance.faulty.exchange import Call

HEADER = "x-provider"
CHOICES = {"mistral": Provider.MISTRAL, "azure-eu": Provider.AZURE}
ALIASES = {"relay-fast": "gpt-5-mini"}
STAND_INS = {
    "relay-sure": (
        (Provider.OPENAI, "gpt-5-mini"),
        (Provider.MISTRAL, "mistral-large-latest"),
        (Provider.AZURE, "gpt-5-mini"),
    )
}
ELSEWHERE = {
    Surface.OPENAI_RESPONSES: {"relay-sure": ((Provider.OPENAI, "gpt-5-mini"), (Provider.AZURE, "gpt-5-mini"))},
    Surface.ANTHROPIC_MESSAGES: {
        "relay-sure": ((Provider.ANTHROPIC, "claude-sonnet-5-5"), (Provider.ANTHROPIC, "claude-opus-5-5"))
    },
}
STATUSES = (401, 403, 404, 429, 500, 501, 502, 503, 504, 529)


def _described(model: str, legs: Sequence[tuple[Provider, str]]) -> dict[str, Any]:
    named = [{"provider": provider, "model": model} for provider, model in legs]
    return {"model": model, "legs": named, "statuses": STATUSES}


ROUTING = {
    "choice": {"header": HEADER, "model": "gpt-5-mini", "default": Provider.OPENAI, "providers": CHOICES},
    "fallback": _described("relay-sure", STAND_INS["relay-sure"]),
    "elsewhere": {surface: _described("relay-sure", legs["relay-sure"]) for surface, legs in ELSEWHERE.items()},
    "alias": {"model": "relay-fast", "upstream_name": "gpt-5-mini"},
}

_ROUTED = {Surface.OPENAI_CHAT, *ELSEWHERE}
_BELOW = {Provider.AZURE: "/openai"}


def aimed(call: Call, provider: Provider, model: str | None = None) -> Call:
    """The same call to another provider, or for another model."""
    body = call.body
    if model is not None:
        body = json.dumps({**(as_object(body) or {}), "model": model}).encode()
    return replace(call, aimed=provider, path=_BELOW.get(provider, "") + call.path, body=body)


def asked_model(call: Call) -> str:
    return str((as_object(call.body) or {}).get("model", ""))


class Router:
    """Asks the legs of a call one after the other, until one does not call for the next."""

    async def answered(self, call: Call, ask: Callable[[Call], Awaitable[Answer]]) -> Answer:
        *others, last = self.legs_of(call)
        for leg in others:
            answer = await ask(leg)
            if not self.gives_way(answer):
                return answer
            answer.close()
        return await ask(last)

    def legs_of(self, call: Call) -> list[Call]:
        return self.legs(call) if call.surface in _ROUTED else [call]

    def legs(self, call: Call) -> list[Call]:
        model = asked_model(call)
        if call.surface in ELSEWHERE:
            return [aimed(call, *leg) for leg in ELSEWHERE[call.surface].get(model, ())] or [call]
        if model in STAND_INS:
            return [aimed(call, *leg) for leg in STAND_INS[model]]
        if model in ALIASES:
            return [aimed(call, Provider.OPENAI, ALIASES[model])]
        return [self.by_header(call)]

    def by_header(self, call: Call) -> Call:
        chosen = self.chosen(first(call.headers, HEADER))
        return aimed(call, chosen) if chosen else call

    def chosen(self, value: str) -> Provider | None:
        """None is the default."""
        return CHOICES.get(value.strip().lower())

    def gives_way(self, answer: Answer) -> bool:
        return answer.status in STATUSES
