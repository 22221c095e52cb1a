"""From a method, a path, a header and a model's name to the providers that may answer, in their order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from yarl import URL

from gateway.credentials import Credential, credential_of
from gateway.errors import RefusalError, forbidden
from gateway.further import FURTHER
from gateway.protocols import azure
from gateway.protocols.clouds import CLOUDS
from gateway.surfaces import ENDPOINTS, VENDOR_SURFACES, Endpoint, Protocol, Surface, Vendor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.calls import Call
    from gateway.config import Gcp, Model, Provider, Settings
    from gateway.keys import VirtualKey

# One path segment, but none that an upstream might resolve to another path, also if it takes a coded slash for a real
# one or what follows a semicolon for no part of the segment.
DOTS = r"(?:\.|%2[eE]){1,2}(?:[/;\\]|%2[fF]|%3[bB]|%5[cC]|$)"
LEADS_UP = re.compile(rf"(?:[/\\]|%2[fF]|%5[cC]){DOTS}")
SEGMENT = rf"(?!{DOTS})(?![^/]*(?:\\|%2[fF]|%5[cC]){DOTS})[^/]+"


@dataclass(frozen=True)
class Upstream:
    """A provider, ready to be called; `api_version` is that of Azure's dated paths, `gcp` the place in Vertex's."""

    provider: str
    protocols: tuple[Protocol, ...]
    base_url: str
    credential: Credential
    family: str | None = None
    api_version: str | None = None
    gcp: Gcp | None = None
    betas: Mapping[str, str] = field(default_factory=dict)
    routes: tuple[str, ...] = ()

    def serves(self, key: VirtualKey) -> bool:
        return key.allows_provider(self.provider, self.family)

    def takes(self, place: Place, protocol: Protocol) -> bool:
        """As it is. What lies beside generating and listing only in the protocol that it belongs to."""
        if further := place.endpoint.further:
            return further in self.routes and protocol in place.audience
        return passes(place, protocol)


@dataclass(frozen=True)
class Place:
    """What a call is addressed to. `audience` is what a key must be valid for: any of these surfaces."""

    endpoint: Endpoint
    path: str
    audience: tuple[Surface, ...]
    model: str | None = None

    @property
    def form(self) -> Protocol:
        """The protocol of the bodies."""
        return self.endpoint.form or self.audience[0]


@dataclass(frozen=True)
class Route:
    """One provider that may answer a call, in `protocol`; `model` is the client's name for what is asked there.

    `path` is the provider's where bodies pass as they are; where there is none the call is translated. `in_body` is the
    model that such a body has to name instead of what it names.
    """

    surface: Surface
    form: Protocol
    upstream: Upstream
    protocol: Protocol
    path: str | None
    model: str | None = None
    upstream_name: str | None = None
    in_body: str | None = None

    @property
    def renamed(self) -> bool:
        return self.upstream_name != self.model

    def url(self, query: str) -> URL:
        url = f"{self.upstream.base_url}{self.path}"
        if self.surface == "azure-openai" != self.protocol:
            query = ""  # Azure's own version
        return URL(f"{url}{'&' if '?' in url else '?'}{query}" if query else url, encoded=True)


class Routes:
    def __init__(self, settings: Settings) -> None:
        self._upstreams = {provider.name: upstream_of(provider) for provider in settings.providers}
        self._models = {model.name: model for model in settings.models}
        self._routing = settings.routing
        self._mapped = {each.value.lower(): self._upstreams[each.provider] for each in settings.routing.mappings}
        allowed = {name for provider in settings.providers for name in provider.routes}
        further = [endpoint for endpoint in FURTHER if endpoint.further in allowed]
        self._exact = {endpoint.path: endpoint for endpoint in ENDPOINTS if "{" not in endpoint.path}
        variable = (endpoint for endpoint in ENDPOINTS if "{" in endpoint.path)
        self._patterns = [(pattern(endpoint), endpoint) for endpoint in (*further, *variable)]

    def find(self, method: str, path: str, vendor: Vendor) -> Place:
        endpoint, model = self.endpoint(path, vendor)
        if method not in endpoint.methods:
            allow = ", ".join(endpoint.methods)
            raise RefusalError(405, "method_not_supported", f"{path} takes {allow}.", {"Allow": allow})
        return Place(endpoint, path, (endpoint.surface,) if endpoint.surface else VENDOR_SURFACES[vendor], model)

    def endpoint(self, path: str, vendor: Vendor) -> tuple[Endpoint, str | None]:
        """And the model that the path names."""
        if endpoint := self._exact.get(path):
            return endpoint, None
        for compiled, endpoint in self._patterns:
            if endpoint.vendor in {None, vendor} and (match := compiled.fullmatch(path)):
                model = match.groupdict().get("model")
                return endpoint, None if model is None else unquote(model)
        raise RefusalError(404, "unknown_url", "This gateway does not serve this path.")

    def ways(self, call: Call, place: Place, key: VirtualKey) -> tuple[Route, ...]:
        """The providers to be tried, in order: more than one only where the configuration asks for it."""
        chosen = self._chosen(call.request.headers)
        if chosen and not chosen.serves(key):
            raise held_to(key)
        name = self._model_named(call, place)
        model = self._models.get(name) if name else None
        if model:
            return tuple(self._declared(place, model, chosen, key))
        if self._routing.unknown_models == "refuse" and (name or place.endpoint.operation != "other"):
            raise unknown(name)
        return (self._undeclared(place, name, chosen, key),)

    def served(self, key: VirtualKey) -> list[str]:
        """Of the models that a key is held to those that it can be served."""
        passed = self._routing.unknown_models == "pass"
        return [
            name
            for name in sorted(key.models)
            if (any(self._chain(self._models[name], key)) if name in self._models else passed)
        ]

    def _chain(self, model: Model, key: VirtualKey) -> Iterator[tuple[Model, Upstream]]:
        """The model and its fallbacks, but those that the key is not good for."""
        for each in (model, *(self._models[name] for name in model.fallback)):
            upstream = self._upstreams[each.provider]
            if upstream.serves(key) and key.allows_model(each.name):
                yield each, upstream

    def _chosen(self, headers: Mapping[str, str]) -> Upstream | None:
        """The provider that the client's header picks."""
        value = headers.get(self._routing.header, "") if self._mapped else ""
        return self._mapped.get(value.strip().lower())

    def _model_named(self, call: Call, place: Place) -> str | None:
        if place.endpoint.further:
            return None
        if place.model or not (self._models or self._routing.mappings or self._routing.unknown_models == "refuse"):
            return place.model
        return call.model_asked_for if place.endpoint.operation != "other" else None

    def _declared(self, place: Place, model: Model, chosen: Upstream | None, key: VirtualKey) -> Iterator[Route]:
        """The model and those to fall back on, as far as the header and the key allow them."""
        allowed = [
            (each, upstream) for each, upstream in self._chain(model, key) if chosen is None or chosen is upstream
        ]
        if not allowed and chosen:
            raise RefusalError(400, "model_not_found", f"{chosen.provider} does not serve the model {model.name!r}.")
        if not allowed:
            raise held_to(key)
        for number, (each, upstream) in enumerate(allowed):
            if number == 0 or passes(place, each.protocol) or translatable(place, each.protocol):
                yield route(place, upstream, each.protocol, model.name, each.upstream_name or each.name)

    def _undeclared(self, place: Place, name: str | None, chosen: Upstream | None, key: VirtualKey) -> Route:
        """The provider that the header picks, the default one, or the first that speaks the client's protocol."""
        upstreams = [chosen] if chosen else [up for up in self._upstreams.values() if up.serves(key)]
        fits = [(up, protocol) for up in upstreams for protocol in up.protocols if up.takes(place, protocol)]
        if fits:
            own = [fit for fit in fits if fit[1] in place.audience]
            if own and place.endpoint.form:  # a vendor's own paths to OpenAI's protocols: asked of that vendor
                fits = own
            default = self._routing.default
            fits.sort(key=lambda fit: (fit[0].provider != default, fit[1] not in place.audience))
            return route(place, *fits[0], name, name)
        if chosen and name and not place.endpoint.further:
            return route(place, chosen, chosen.protocols[0], name, name)
        if key.family is not None or key.providers:
            raise held_to(key)
        raise RefusalError(404, "unknown_url", f"This gateway has no provider for {' or '.join(place.audience)}.")


def upstream_of(provider: Provider) -> Upstream:
    credential = credential_of(provider)
    return Upstream(
        provider.name,
        provider.surfaces,
        provider.base_url,
        credential,
        provider.family,
        provider.api_version,
        provider.gcp,
        provider.betas,
        provider.routes,
    )


def passes(place: Place, protocol: Protocol) -> bool:
    """Whether the bodies pass as they are: Azure's are those of Chat and Responses."""
    if protocol == "azure-openai":
        return place.audience[0] in {"azure-openai", "openai-chat", "openai-responses"}
    return protocol in place.audience or protocol == place.endpoint.form


def route(place: Place, upstream: Upstream, protocol: Protocol, model: str | None, upstream_name: str | None) -> Route:
    straight = passes(place, protocol)
    if not straight and not translatable(place, protocol):
        raise RefusalError(
            400,
            "unsupported_operation",
            f"{place.path} is not to be had for the model {model!r}: its provider speaks {protocol}.",
        )
    surface = protocol if protocol in place.audience else place.audience[0]
    form = place.endpoint.form or surface
    if not straight:
        return Route(surface, form, upstream, protocol, None, model, upstream_name)
    path = provider_path(place, protocol, upstream, model, upstream_name)
    misnamed = upstream_name != model if place.model is None else protocol not in place.audience
    return Route(surface, form, upstream, protocol, path, model, upstream_name, upstream_name if misnamed else None)


def translatable(place: Place, protocol: Protocol) -> bool:
    """The clouds' own clients are only passed through; tokens are counted in a cloud as elsewhere."""
    if place.endpoint.surface in CLOUDS:
        return False
    counts = place.endpoint.operation == "count" and place.form == "anthropic-messages" and protocol in CLOUDS
    return place.endpoint.operation == "generate" or counts


def provider_path(
    place: Place, protocol: Protocol, upstream: Upstream, model: str | None, upstream_name: str | None
) -> str:
    """Where the provider answers what the client asks under its own path."""
    path = place.path
    if place.model is not None and upstream_name != model:
        path = with_model(place.endpoint, path, upstream_name or "")
    if protocol == "azure-openai" and protocol not in place.audience:
        path = azure.path_of(path, upstream, upstream_name or "")
        only_one_path(path)
        return path
    if protocol == place.endpoint.form:
        return azure.openai_path(path)
    return as_the_sdk_joins(path, protocol)


def as_the_sdk_joins(path: str, protocol: Protocol) -> str:
    """OpenAI's base URLs end in `/v1`; the others stop before it."""
    return path.removeprefix("/v1") if protocol in {"openai-chat", "openai-responses"} else path


def with_model(endpoint: Endpoint, path: str, model: str) -> str:
    match = pattern(endpoint).fullmatch(path)
    assert match is not None
    return path[: match.start("model")] + quote(model, safe=":@") + path[match.end("model") :]


def pattern(endpoint: Endpoint) -> re.Pattern[str]:
    return re.compile(re.sub(r"{(\w+)}", lambda name: f"(?P<{name[1]}>{SEGMENT})", endpoint.path))


def only_one_path(url: str) -> URL:
    """Also where the client has named the model that stands in it."""
    if LEADS_UP.search(url):
        raise RefusalError(400, "invalid_request_error", "The model's name cannot stand in a path.")
    return URL(url, encoded=True)


def unknown(model: str | None) -> RefusalError:
    if model is None:
        return RefusalError(400, "invalid_request_error", "The request names no model that this gateway can read.")
    return RefusalError(404, "model_not_found", f"The model {model!r} does not exist at this gateway.")


def held_to(key: VirtualKey) -> RefusalError:
    families = f" of the family {key.family!r}" if key.family is not None else ""
    names = f" {' and '.join(sorted(key.providers))}" if key.providers else ""
    return forbidden(f"This gateway key is held to providers{families}{names}.")
