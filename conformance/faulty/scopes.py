"""What a minted key is held to: a surface, a model, a provider, the network that its calls come from."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from conformance.faulty.router import Router
from conformance.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.faulty.exchange import Call

Scope = dict[str, str]

SCOPED = ("surface", "model", "provider", "origin")
_BEGINNINGS = {
    "/v1/messages": Surface.ANTHROPIC_MESSAGES,
    "/v1/chat/": Surface.OPENAI_CHAT,
    "/v1/responses": Surface.OPENAI_RESPONSES,
}


def scope_of(wish: Mapping[str, Any]) -> Scope:
    """What a request to mint a key asks for."""
    return {name: str(wish[name]) for name in SCOPED if wish.get(name)}


def held(call: Call, scope: Mapping[str, str]) -> bool:
    """Whether the call stays within what its key is held to."""
    return (
        scope.get("surface") in {None, _surface(call)}
        and scope.get("provider") in {None, *(leg.provider for leg in Router().legs_of(call)[:1])}
        and ("origin" not in scope or comes_from(call.peer, scope["origin"]))
        and ("model" not in scope or _models_stay(call, scope["model"]))
    )


def comes_from(address: str, network: str) -> bool:
    return ip_address(address) in ip_network(network)


def _surface(call: Call) -> Surface | None:
    return next((surface for beginning, surface in _BEGINNINGS.items() if call.path.startswith(beginning)), None)


def _models_stay(call: Call, model: str) -> bool:
    named = list(models_named(call))
    return call.method == "GET" or (bool(named) and set(named) == {model})


def models_named(call: Call) -> Iterator[Any]:
    """In the query and in the body, all of them: readers differ in which of two counts, and in whether case does."""
    yield from (value for name, value in parse_qsl(call.query) if name == "model")
    try:
        members = json.loads(call.body, object_pairs_hook=list)
    except ValueError:
        return
    for member in members if isinstance(members, list) else []:
        if isinstance(member, tuple) and member[0].lower() == "model":
            yield member[1]
