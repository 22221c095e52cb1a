"""Routes beside generating and listing: served where the configuration allows them by name, behind the same keys.

Sources: https://platform.openai.com/docs/api-reference · https://docs.claude.com/en/api · https://ai.google.dev/api
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.surfaces import VENDOR_SURFACES, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.surfaces import Surface, Vendor

_FILES = {"/v1/files": "GET POST", "/v1/files/{id}": "GET DELETE", "/v1/files/{id}/content": "GET"}
PATHS: dict[Vendor, dict[str, dict[str, str]]] = {
    "openai": {
        "embeddings": {"/v1/embeddings": "POST"},
        "files": _FILES,
        "batches": {"/v1/batches": "GET POST", "/v1/batches/{id}": "GET", "/v1/batches/{id}/cancel": "POST"},
        "images": {f"/v1/images/{what}": "POST" for what in ("generations", "edits", "variations")},
        "audio": {f"/v1/audio/{what}": "POST" for what in ("speech", "transcriptions", "translations")},
        "moderations": {"/v1/moderations": "POST"},
        "completions": {"/v1/completions": "POST"},
        "conversations": {
            "/v1/conversations": "POST",
            "/v1/conversations/{id}": "GET POST DELETE",
            "/v1/conversations/{id}/items": "GET POST",
            "/v1/conversations/{id}/items/{item}": "GET DELETE",
        },
        "vector_stores": {
            "/v1/vector_stores": "GET POST",
            "/v1/vector_stores/{id}": "GET POST DELETE",
            "/v1/vector_stores/{id}/search": "POST",
            "/v1/vector_stores/{id}/files": "GET POST",
            "/v1/vector_stores/{id}/files/{file}": "GET POST DELETE",
            "/v1/vector_stores/{id}/files/{file}/content": "GET",
            "/v1/vector_stores/{id}/file_batches": "POST",
            "/v1/vector_stores/{id}/file_batches/{batch}": "GET",
            "/v1/vector_stores/{id}/file_batches/{batch}/cancel": "POST",
            "/v1/vector_stores/{id}/file_batches/{batch}/files": "GET",
        },
    },
    "anthropic": {
        "files": _FILES,
        "batches": {
            "/v1/messages/batches": "GET POST",
            "/v1/messages/batches/{id}": "GET DELETE",
            "/v1/messages/batches/{id}/cancel": "POST",
            "/v1/messages/batches/{id}/results": "GET",
        },
        "completions": {"/v1/complete": "POST"},
    },
    "google": {
        "embeddings": {
            f"{version}/models/{{model}}:{method}": "POST"
            for version in ("/v1beta", "/v1")
            for method in ("embedContent", "batchEmbedContents")
        },
    },
}
AZURE = {
    "embeddings": {"/openai/deployments/{model}/embeddings": "POST", "/openai/v1/embeddings": "POST"},
    "images": {"/openai/deployments/{model}/images/generations": "POST", "/openai/v1/images/generations": "POST"},
    "audio": {
        f"{root}/audio/{what}": "POST"
        for root in ("/openai/deployments/{model}", "/openai/v1")
        for what in ("speech", "transcriptions", "translations")
    },
}


def _endpoints() -> Iterator[Endpoint]:
    for vendor, routes in PATHS.items():
        for name, paths in routes.items():
            for path, methods in paths.items():
                yield Endpoint(path, tuple(methods.split()), None, vendor=vendor, further=name)
    for name, paths in AZURE.items():
        for path, methods in paths.items():
            yield Endpoint(path, tuple(methods.split()), "azure-openai", further=name)


FURTHER = tuple(_endpoints())


def surfaces_of(endpoint: Endpoint) -> tuple[Surface, ...]:
    if endpoint.surface:
        return (endpoint.surface,)
    return VENDOR_SURFACES[endpoint.vendor] if endpoint.vendor else ()


def names_for(surfaces: tuple[str, ...]) -> set[str]:
    """The routes that a provider of these surfaces may have."""
    return {endpoint.further for endpoint in FURTHER if not set(surfaces).isdisjoint(surfaces_of(endpoint))}
