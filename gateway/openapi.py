"""The management of keys as an OpenAPI document: https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from gateway.management import Operation

    Json = dict[str, Any]

VERSION = "1.0.0"
REFERENCE = "#/components/schemas/{model}"


def document(operations: Iterable[Operation], problem: type[BaseModel], below: str) -> Json:
    operations = tuple(operations)
    paths: dict[str, Json] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Virtual keys of a gateway", "version": VERSION},
        "servers": [{"url": below or "/"}],
        "security": [{"management": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"management": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(operations, problem),
            "responses": {
                "Problem": {
                    "description": "Why not: RFC 9457",
                    "content": {"application/problem+json": {"schema": reference(problem)}},
                }
            },
        },
    }


def schemas(operations: Iterable[Operation], problem: type[BaseModel]) -> Json:
    """Requests as they are read, where most may be left out; answers as they are written, where nothing is."""
    read = {each.body for each in operations if each.body}
    written = {each.answer for each in operations if each.answer}
    _, found = models_json_schema(
        [
            (problem, "validation"),  # what is empty is left out of problems
            *((model, "validation") for model in sorted(read, key=lambda model: model.__name__)),
            *((model, "serialization") for model in sorted(written, key=lambda model: model.__name__)),
        ],
        ref_template=REFERENCE,
    )
    defined: Json = found["$defs"]
    return defined


def reference(model: type[BaseModel]) -> Json:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def operation(each: Operation) -> Json:
    done: Json = {"description": HTTPStatus(each.status).phrase}
    if each.answer:
        done["content"] = {"application/json": {"schema": reference(each.answer)}}
    described: Json = {
        "operationId": each.name,
        "summary": each.summary,
        "responses": {str(each.status): done, "default": {"$ref": "#/components/responses/Problem"}},
    }
    if each.body:
        needed = bool(each.body.model_json_schema().get("required"))
        content = {"application/json": {"schema": reference(each.body)}}
        described["requestBody"] = {"required": needed, "content": content}
    if found := list(parameters(each)):
        described["parameters"] = found
    return described


def parameters(each: Operation) -> Iterable[Json]:
    if "{fingerprint}" in each.path:
        fingerprint = {"type": "string", "pattern": "^[0-9a-f]{12}$"}
        yield {"name": "fingerprint", "in": "path", "required": True, "schema": fingerprint}
    if each.query:
        for name, schema in each.query.model_json_schema()["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": schema}
