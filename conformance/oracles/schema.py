"""Whether a request is one of the provider's own: judged by the types that its official SDK declares, to the letter.

As they stand these types are lenient: unknown fields pass, lists are read when somebody asks for them, and answers
stand for requests. Here unknown fields are refused at any depth, lists are lists, and a request is a request.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreConfig, SchemaValidator

from conformance.oracles.conversation import protocol_of
from conformance.surface import Surface

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, ErrorDetails

    from conformance.upstream import Received

Json = dict[str, Any]


_MESSAGES = (Surface.ANTHROPIC_MESSAGES, Surface.BEDROCK, Surface.VERTEX)
_NOT_OF_THE_SDK = {"temperature", "top_p", "top_k", "output_format", "anthropic_version", "anthropic_beta"}
"""What Messages takes under older versions and betas, or the clouds in the body: the SDK has no fields for these."""

_ITS_OWN = {"id", "status", "annotations", "detail"}
"""What the types of Responses demand and its API does without: agents send back what was said without these."""

_EITHER_NAME = CoreConfig(validate_by_name=True, validate_by_alias=True)
_MOST = 3
_TELLING = ("extra_forbidden", "missing")


def assert_own(received: Received) -> None:
    """Raises where the provider's own SDK would not know what it was asked for a request."""
    problems = objections(protocol_of(received), received.json, received.path)
    assert not problems, f"the provider's own schema does not allow {'; '.join(problems)}"


def objections(protocol: Surface, body: Json, path: str = "") -> list[str]:
    """What does not fit, the most telling first; nothing is known of Converse, which has no typed SDK."""
    if protocol is Surface.BEDROCK and "/converse" in path:
        return []
    form = Surface.OPENAI_RESPONSES if path.endswith("/responses") else protocol
    try:
        _validator(form).validate_json(json.dumps(_held(form, body)))
    except ValidationError as error:
        return [_said(each) for each in sorted(error.errors(include_url=False), key=_rank)[:_MOST]]
    return []


def _held(form: Surface, body: Json) -> Json:
    if form is Surface.GEMINI:
        return body
    apart = {"stream"} | (_NOT_OF_THE_SDK if form in _MESSAGES else set())
    return {"model": "in the path"} | {name: value for name, value in body.items() if name not in apart}


def _rank(error: ErrorDetails) -> tuple[bool, int]:
    """A union says what fits none of its members: what lies deepest is most likely the one that was meant."""
    return error["type"] not in _TELLING, -len(error["loc"])


def _said(error: ErrorDetails) -> str:
    where = (str(step) for step in error["loc"] if "[" not in str(step))
    return f"{'.'.join(where)}: {error['msg']}"


@cache
def _validator(protocol: Surface) -> SchemaValidator:
    from conformance.oracles.declared import DECLARED  # noqa: PLC0415 - with it come all SDKs, slowly

    return SchemaValidator(cast("CoreSchema", _strictly(TypeAdapter(DECLARED[protocol]).core_schema)), _EITHER_NAME)


def _strictly(schema: Any, known: dict[str, Json] | None = None) -> Any:
    """The same schema without its leniencies. A model is taken for its fields: it would bring its own validator.

    Where typed dictionaries stand for requests, models beside them stand for answers, which SDKs let one send back.
    """
    if isinstance(schema, list | tuple):
        return type(schema)(_strictly(each, known) for each in schema)
    if not isinstance(schema, dict):
        return schema
    known = {each["ref"]: each for each in schema.get("definitions") or ()} or known or {}
    strict = {name: each if name == "metadata" else _strictly(each, known) for name, each in schema.items()}
    match schema.get("type"):
        case "typed-dict" | "model-fields":
            strict["extra_behavior"] = "allow" if "extras_schema" in schema else "forbid"
            strict["fields"] = {name: _field(name, each, schema) for name, each in strict["fields"].items()}
        case "model" | "function-before":
            return strict["schema"] | {name: strict[name] for name in ("ref",) if name in strict}
        case "generator":
            strict["type"] = "list"
        case "union":
            answers = [_is(each, "model", known) for each in schema["choices"]]
            if any(_is(each, "typed-dict", known) for each in schema["choices"]):
                strict["choices"] = [
                    each for each, is_one in zip(strict["choices"], answers, strict=True) if not is_one
                ]
    return strict


def _field(name: str, field: Json, holder: Json) -> Json:
    held_by = str(holder.get("cls"))
    lenient = name in _ITS_OWN and "openai.types.responses" in held_by
    return {**field, "required": False} if lenient or (name == "type" and "ResponseOutputMessage" in held_by) else field


def _is(schema: Any, kind: str, known: dict[str, Json]) -> bool:
    """Whether it is, or each of its alternatives is, of that kind."""
    bare: Json = schema[0] if isinstance(schema, tuple) else schema
    found = known.get(bare.get("schema_ref", ""), bare)
    choices = found.get("choices") or []
    inner = choices.values() if isinstance(choices, dict) else choices
    return found["type"] == kind or (bool(inner) and all(_is(each, kind, known) for each in inner))
