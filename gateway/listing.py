"""The models that a key may ask for, as each vendor lists them: told by the gateway to keys that are held to some.

https://platform.openai.com/docs/api-reference/models · https://docs.anthropic.com/en/api/models-list ·
https://ai.google.dev/api/models. Nobody here knows when a model was made: the epoch says so, as Anthropic has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.surfaces import Endpoint, Vendor

    Json = dict[str, Any]

LISTS = {"/v1/models", "/v1beta/models", "/openai/models", "/openai/v1/models"}
ONE = "/{id}"


def lists(endpoint: Endpoint) -> bool:
    return endpoint.path in LISTS


def shows_one(endpoint: Endpoint) -> bool:
    return endpoint.path.endswith(ONE) and endpoint.path.removesuffix(ONE) in LISTS


def listing(vendor: Vendor, names: Sequence[str]) -> Json:
    entries = [entry(vendor, name) for name in names]
    if vendor == "google":
        return {"models": entries}
    if vendor == "anthropic":
        ends = (names[0], names[-1]) if names else (None, None)
        return {"data": entries, "has_more": False, "first_id": ends[0], "last_id": ends[1]}
    return {"object": "list", "data": entries}


def entry(vendor: Vendor, name: str) -> Json:
    if vendor == "google":
        methods = ["generateContent", "countTokens"]
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}
    if vendor == "anthropic":
        return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 0, "owned_by": "gateway"}
