"""From a method and a path to the provider that answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yarl import URL

from gateway.calls import model_asked_for
from gateway.credentials import Credential, credential_of
from gateway.errors import RefusalError
from gateway.surfaces import ENDPOINTS, GENERATING, VENDOR_SURFACES, Endpoint, Surface, Vendor

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.config import Model, Provider

# One path segment, but none that an upstream might resolve to another path.
SEGMENT = r"(?!(?:\.|%2[eE]){1,2}(?:/|$))[^/]+"


@dataclass(frozen=True)
class Upstream:
    provider: str
    base_url: str
    credential: Credential


@dataclass(frozen=True)
class Route:
    """`audience` is what a key must be valid for: any of these surfaces."""

    surface: Surface
    audience: tuple[Surface, ...]
    upstream: Upstream
    url: URL

    def url_with(self, query: str) -> URL:
        return URL(f"{self.url}?{query}", encoded=True) if query else self.url


@dataclass(frozen=True)
class Bridge:
    """A route on which the provider speaks another protocol than the client; `model` is the client's name for it."""

    surface: Surface
    protocol: Surface
    upstream: Upstream
    url: URL
    model: str
    upstream_name: str


class Routes:
    def __init__(self, providers: Collection[Provider], models: Collection[Model] = ()) -> None:
        self._upstreams: dict[Surface, Upstream] = {}
        by_id: dict[str, Upstream] = {}
        for provider in providers:
            by_id[provider.id] = upstream = Upstream(provider.id, provider.base_url, credential_of(provider))
            self._upstreams.update(dict.fromkeys(provider.surfaces, upstream))
        self._models = {model.name: (model, by_id[model.provider]) for model in models}
        self._exact = {endpoint.path: endpoint for endpoint in ENDPOINTS if "{" not in endpoint.path}
        self._patterns = [(pattern(endpoint), endpoint) for endpoint in ENDPOINTS if "{" in endpoint.path]
        self._known: dict[tuple[str, tuple[Surface, ...]], Route] = {}

    def find(self, method: str, path: str, vendor: Vendor) -> Route:
        endpoint = self.endpoint(path)
        if method not in endpoint.methods:
            allow = ", ".join(endpoint.methods)
            raise RefusalError(405, "method_not_supported", f"{path} takes {allow}.", {"Allow": allow})
        audience = (endpoint.surface,) if endpoint.surface else VENDOR_SURFACES[vendor]
        return self._known.get((path, audience)) or self._route(endpoint, path, audience)

    def bridge(self, route: Route, path: str, body: bytes) -> Bridge | None:
        """Where a generating call asks for a model whose provider speaks another protocol."""
        if not self._models or path != GENERATING[route.surface]:
            return None
        model, upstream = self._models.get(model_asked_for(body) or "", (None, None))
        if model is None or upstream is None or model.protocol == route.surface:
            return None
        url = URL(upstream.base_url + as_the_sdk_joins(GENERATING[model.protocol], model.protocol), encoded=True)
        name = model.upstream_name or model.name
        return Bridge(route.surface, model.protocol, upstream, url, model.name, name)

    def endpoint(self, path: str) -> Endpoint:
        if endpoint := self._exact.get(path):
            return endpoint
        for compiled, endpoint in self._patterns:
            if compiled.fullmatch(path):
                return endpoint
        raise RefusalError(404, "unknown_url", "This gateway does not serve this path.")

    def _route(self, endpoint: Endpoint, path: str, audience: tuple[Surface, ...]) -> Route:
        surface = self._served(audience)
        upstream = self._upstreams[surface]
        url = URL(upstream.base_url + as_the_sdk_joins(path, surface), encoded=True)
        route = Route(surface, audience, upstream, url)
        if path == endpoint.path:
            self._known[path, audience] = route
        return route

    def _served(self, audience: tuple[Surface, ...]) -> Surface:
        for surface in audience:
            if surface in self._upstreams:
                return surface
        raise RefusalError(404, "unknown_url", f"This gateway has no provider for {' or '.join(audience)}.")


def as_the_sdk_joins(path: str, surface: Surface) -> str:
    """An OpenAI base URL ends in `/v1`; an Anthropic one stops before it."""
    return path if surface == "anthropic-messages" else path.removeprefix("/v1")


def pattern(endpoint: Endpoint) -> re.Pattern[str]:
    return re.compile(endpoint.path.replace("{id}", SEGMENT))
