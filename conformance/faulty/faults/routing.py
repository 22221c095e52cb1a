"""Faults in who is asked: choices, aliases and stand-ins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import UpstreamCutError, first, with_value
from conformance.faulty.fault import fault, on_events, one_by_one
from conformance.faulty.relay import credential
from conformance.faulty.router import ALIASES, CHOICES, STAND_INS, Router, aimed, asked_model
from conformance.faulty.tree import changed, in_answer
from conformance.surface import Provider, Surface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from conformance.faulty.exchange import Answer, Call, Request
    from conformance.faulty.sse import Event

_TOO_MANY = 429
_KNOWN = {"gpt-5-mini", *ALIASES, *STAND_INS}


@fault.router("ignores-the-choice", "lets the header choose nobody")
class IgnoresTheChoice(Router):
    def chosen(self, value: str) -> Provider | None:  # noqa: ARG002 - the point
        return None


@fault.router("chooses-by-the-letter", "knows the values of the header in one spelling only")
class ChoosesByTheLetter(Router):
    def chosen(self, value: str) -> Provider | None:
        return CHOICES.get(value)


@fault.router("chooses-by-the-beginning", "takes a value that begins like a known one for it")
class ChoosesByTheBeginning(Router):
    def chosen(self, value: str) -> Provider | None:
        said = value.strip().lower()
        return next((provider for name, provider in CHOICES.items() if said.startswith(name)), None)


@fault.router("forwards-the-alias", "asks the provider for the name that only the relay knows")
class ForwardsTheAlias(Router):
    def legs(self, call: Call) -> list[Call]:
        return [self.by_header(call)] if asked_model(call) in ALIASES else super().legs(call)


@fault.router("answers-for-unknown-models", "asks for a model that it knows where it does not know the one asked for")
class AnswersForUnknownModels(Router):
    def legs(self, call: Call) -> list[Call]:
        return super().legs(call if asked_model(call) in _KNOWN else aimed(call, Provider.OPENAI, "gpt-5-mini"))


@fault.router("routes-chat-alone", "knows no stand-ins but those on Chat Completions")
class RoutesChatAlone(Router):
    def legs(self, call: Call) -> list[Call]:
        return super().legs(call) if call.surface is Surface.OPENAI_CHAT else super().legs(call)[:1]


@fault.router("never-falls-back", "asks nobody but the first")
class NeverFallsBack(Router):
    def gives_way(self, answer: Answer) -> bool:  # noqa: ARG002 - the point
        return False


@fault.router("falls-back-on-429-only", "asks the next only where the one before has had too many requests")
class FallsBackOn429Only(Router):
    def gives_way(self, answer: Answer) -> bool:
        return answer.status == _TOO_MANY


@fault.router("falls-back-on-all-errors", "asks the next whatever the one before refuses")
class FallsBackOnAllErrors(Router):
    def gives_way(self, answer: Answer) -> bool:
        return answer.failed


@fault.router("stays-with-who-refuses", "asks the first again in place of the next")
class StaysWithWhoRefuses(Router):
    def legs(self, call: Call) -> list[Call]:
        legs = super().legs(call)
        return legs[:1] * len(legs)


@fault.router("falls-back-backwards", "asks the last before the others")
class FallsBackBackwards(Router):
    def legs(self, call: Call) -> list[Call]:
        return super().legs(call)[::-1]


@fault.router("falls-back-for-all-models", "asks other providers for models that have no stand-ins")
class FallsBackForAllModels(Router):
    def legs(self, call: Call) -> list[Call]:
        legs = super().legs(call)
        return legs if len(legs) > 1 else [*legs, aimed(call, Provider.MISTRAL)]


@fault.router("mixes-the-errors", "says of the last error that to wait is what the first one asked for")
class MixesTheErrors(Router):
    async def answered(self, call: Call, ask: Callable[[Call], Awaitable[Answer]]) -> Answer:
        waits: list[str] = []

        async def noted(leg: Call) -> Answer:
            answer = await ask(leg)
            waits.append(first(answer.headers, "retry-after"))
            return answer

        answer = await super().answered(call, noted)
        mixed = answer.failed and len(waits) > 1
        return replace(answer, headers=with_value(answer.headers, "retry-after", waits[0])) if mixed else answer


@fault.router("falls-back-in-mid-stream", "asks the next where a stream breaks off, and adds its answer to the pieces")
class FallsBackInMidStream(Router):
    async def answered(self, call: Call, ask: Callable[[Call], Awaitable[Answer]]) -> Answer:
        answer = await super().answered(call, ask)
        others = self.legs(call)[1:]
        return replace(answer, chunks=_continued(answer, others, ask)) if answer.streams and others else answer


async def _continued(
    answer: Answer, others: list[Call], ask: Callable[[Call], Awaitable[Answer]]
) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.chunks:
            yield chunk
    except UpstreamCutError:
        async for chunk in (await ask(others[0])).chunks:
            yield chunk


@fault.request("sends-every-key", "sends each provider the keys of the others too")
def sends_every_key(request: Request) -> Request:
    keys = request.call.provider_keys
    return replace(request, headers=(*request.headers, ("x-keys", " ".join(keys.values()))))


@fault.request("sends-the-first-key", "sends whoever stands in the key of the provider before it")
def sends_the_first_key(request: Request) -> Request:
    provider = request.call.aimed
    if provider is None:
        return request
    name, value = credential(provider, request.call.provider_keys[Provider.OPENAI])
    return replace(request, headers=with_value(request.headers, name, value))


@fault.answer("names-the-model-in-streams", "says in streams, and only there, that another model answers")
async def names_the_model_in_streams(answer: Answer) -> Answer:
    return on_events(answer, one_by_one(_renamed))


def _renamed(event: Event) -> Event:
    return event.with_json(in_answer(event.json, lambda answer: changed(answer, "model", lambda _: "relay-large")))
