"""What a key is held to, beside its surfaces: where its calls come from, and which models they may name.

A model is refused before any upstream is called, and wherever it is named: in the path, in the query, in the body,
twice, in another case, in a list of models to fall back on. What names its model where nobody reads it is refused too.
"""

from __future__ import annotations

import json
import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from gateway.errors import RefusalError, forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Address, IPv4Network, IPv6Network

    from aiohttp import web

    from gateway.calls import Call
    from gateway.keys import VirtualKey
    from gateway.routes import Place

UNIX = "unix"
GOOGLES = {"gemini", "vertex"}
NAMING = {"embeddings", "images", "audio", "moderations", "completions", "batches"}
"""Of the further routes those whose calls name a model, or should."""

FILED = "/v1/batches"
"""What is to be done here stands in a file that was sent before."""

NAMES = {"model", "models", "fallbacks"}
NESTS = {"tools", "requests", "params", "generatecontentrequest"}
"""Members of a request that name models, and those whose objects may: tools of OpenAI's, batches of Anthropic's and
Google's, what Google's counter counts, and the lists that OpenRouter and LiteLLM take."""


class Members(tuple[tuple[str, Any], ...]):
    """A JSON object with all its members, equal names included."""

    __slots__ = ()


def origin(text: str) -> str:
    """A network as it is stored. Raises ValueError where it is none."""
    return UNIX if text == UNIX else str(network(text))


@lru_cache(maxsize=1024)
def network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def authorize_origin(origins: Iterable[str], request: web.BaseRequest) -> None:
    if origins and not comes_from(origins, request):
        raise forbidden("This gateway key is not valid from this address.")


def comes_from(origins: Iterable[str], request: web.BaseRequest) -> bool:
    """By the connection alone: no header says where a call comes from."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is None:
        return False
    if connection.family == getattr(socket, "AF_UNIX", None):
        return UNIX in origins
    peer = address(request.remote or "")
    return peer is not None and any(peer in network(text) for text in origins if text != UNIX)


def address(text: str) -> IPv4Address | IPv6Address | None:
    """A listener for both versions of IP sees addresses of the older one inside those of the newer."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def authorize_models(key: VirtualKey, call: Call, place: Place) -> None:
    if not key.models:
        return
    if place.endpoint.path == FILED and call.request.method == "POST":
        raise forbidden("This gateway key is held to models, and those of a batch stand in its file.")
    named = [plain(name, place) for name in models_named(call, place)]
    if not named and must_name(call, place):
        raise RefusalError(400, "invalid_request_error", "The request names no model that this gateway can read.")
    if refused := next((name for name in named if not key.allows_model(name)), None):
        raise forbidden(f"This gateway key is not valid for the model {refused!r}.")


def must_name(call: Call, place: Place) -> bool:
    endpoint = place.endpoint
    if endpoint.further:
        return endpoint.further in NAMING and call.request.method == "POST" and not endpoint.path.endswith("/cancel")
    return endpoint.operation != "other"


def models_named(call: Call, place: Place) -> Iterator[str]:
    if place.model is not None:
        yield f"tunedModels/{place.model}" if "/tunedModels/" in place.endpoint.path else place.model
    elif place.endpoint.path.endswith("/models/{id}"):
        yield unquote(place.path.rpartition("/")[2])
    yield from (value for name, value in parse_qsl(call.query, keep_blank_values=True) if name.casefold() in NAMES)
    try:
        yield from models_in(json.loads(call.body or b"null", object_pairs_hook=Members))
    except (ValueError, RecursionError):
        return


def models_in(value: Any) -> Iterator[str]:
    """Readers of JSON differ in which of two equal names counts, and in whether the case of names does."""
    if isinstance(value, list):
        for each in value:
            yield from models_in(each)
    elif isinstance(value, Members):
        for name, inner in value:
            if name.casefold() in NAMES:
                yield from names_in(inner)
            elif name.casefold() in NESTS:
                yield from models_in(inner)


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from names_in(each)
    elif isinstance(value, Members):
        yield from models_in(value)
    elif value is not None:
        yield str(value)


def plain(name: str, place: Place) -> str:
    """Google's own bodies say `models/` before a name."""
    return name.removeprefix("models/") if place.form in GOOGLES else name
