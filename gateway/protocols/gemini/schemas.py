"""Gemini's own schemas (`parameters`, `responseSchema`) as JSON Schema: https://ai.google.dev/api/caching#Schema"""

from __future__ import annotations

from typing import Any

_LISTS = {"anyOf"}
_NUMBERS = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
_UNKNOWN_TO_JSON_SCHEMA = {"nullable", "propertyOrdering"}
_OTHERWISE_NAMED = {"example": "examples"}


def json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Types are in capitals there, numbers may be strings, and null is a flag."""
    written = {
        _OTHERWISE_NAMED.get(name, name): _value(name, value)
        for name, value in schema.items()
        if name not in _UNKNOWN_TO_JSON_SCHEMA and (name, value) != ("type", "TYPE_UNSPECIFIED")
    }
    if schema.get("nullable") and isinstance(written.get("type"), str):
        written["type"] = [written["type"], "null"]
    return written


def _value(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name == "items":
        return json_schema(value)
    if name == "properties":
        return {each: json_schema(schema) for each, schema in value.items()}
    if name in _LISTS:
        return [json_schema(schema) for schema in value]
    if name == "example":
        return [value]
    return int(value) if name in _NUMBERS else value
