"""Keys that open more than they are held to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from conformance.faulty.exchange import first, without
from conformance.faulty.fault import fault
from conformance.faulty.router import ALIASES, HEADER, asked_model
from conformance.faulty.scopes import held, models_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.faulty.exchange import Answer, Call, Request

    Scope = Mapping[str, str]

_FORBIDDEN, _UNAUTHORIZED = 403, 401


def _but(scope: Scope, forgotten: str) -> Scope:
    return {name: value for name, value in scope.items() if name != forgotten}


@fault.holds("forgets-surfaces", "lets a key that is held to a surface call any other")
def forgets_surfaces(call: Call, scope: Scope) -> bool:
    return held(call, _but(scope, "surface"))


@fault.holds("forgets-models", "lets a key that is held to a model ask for any other")
def forgets_models(call: Call, scope: Scope) -> bool:
    return held(call, _but(scope, "model"))


@fault.holds("forgets-providers", "lets a key that is held to a provider be answered by any other")
def forgets_providers(call: Call, scope: Scope) -> bool:
    return held(call, _but(scope, "provider"))


@fault.holds("forgets-origins", "lets a key that is held to a network be used from any other")
def forgets_origins(call: Call, scope: Scope) -> bool:
    return held(call, _but(scope, "origin"))


@fault.holds("lets-aliases-through", "knows no alias among the models to which a key is held")
def lets_aliases_through(call: Call, scope: Scope) -> bool:
    return held(call, _but(scope, "model") if asked_model(call) in ALIASES else scope)


@fault.holds("asks-for-the-model-in-the-query", "judges the model in the body and asks for the one in the query")
def judges_the_body(call: Call, scope: Scope) -> bool:
    return held(replace(call, query=""), scope)


@fault.request("asks-for-the-model-in-the-query", "judges the model in the body and asks for the one in the query")
def asks_for_the_query(request: Request) -> Request:
    wanted = parse_qs(request.query).get("model", [])
    return request.json(lambda body: {**body, "model": wanted[-1]}) if wanted else request


@fault.holds("judges-the-first-of-two-models", "judges the first of two models, of which the last is asked for")
def judges_the_first_of_two_models(call: Call, scope: Scope) -> bool:
    named: list[Any] = list(models_named(call))
    return held(call, _but(scope, "model") if named[:1] == [scope.get("model")] else scope)


@fault.holds("holds-models-where-answers-are-generated", "holds a key to its model where answers are generated only")
def holds_models_where_answers_are_generated(call: Call, scope: Scope) -> bool:
    return held(call, scope if call.surface else _but(scope, "model"))


@fault.holds("holds-no-choice-to-the-provider", "lets a header choose whom the key is not good for")
def holds_no_choice_to_the_provider(call: Call, scope: Scope) -> bool:
    return held(replace(call, headers=without(call.headers, HEADER)), scope)


@fault.holds("believes-forwarded-for", "takes a client for where X-Forwarded-For says that it is")
def believes_forwarded_for(call: Call, scope: Scope) -> bool:
    said = first(call.headers, "x-forwarded-for").partition(",")[0].strip()
    return held(replace(call, peer=said or call.peer), scope)


@fault.refusal("refuses-what-is-out-of-scope-with-401", "says of good keys that they are not valid")
async def refuses_what_is_out_of_scope_with_401(answer: Answer) -> Answer:
    return replace(answer, status=_UNAUTHORIZED) if answer.status == _FORBIDDEN else answer
