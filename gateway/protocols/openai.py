"""What the two protocols of OpenAI have in common."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub
from gateway.protocols.codec import Json, present

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_TOOL_NAME = LONGEST_TOOL_ID = 64
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_TYPES = {403: "permission_error", 429: "rate_limit_error"}


def tool_id(given: str) -> str:
    return given if len(given) <= LONGEST_TOOL_ID else f"call_{sha256(given.encode()).hexdigest()[:32]}"


def read_image(url: str) -> hub.Image:
    """A data: URL becomes its data (https://www.rfc-editor.org/rfc/rfc2397)."""
    if not url.startswith("data:"):
        return hub.Image(url=url)
    head, _, data = url.partition(",")
    return hub.Image(head.removeprefix("data:").removesuffix(";base64"), data)


def read_document(file: Json) -> hub.Document:
    """`file_data` is a data: URL, or base64 alone."""
    read = read_image(file["file_data"])
    return hub.Document(read.media_type or "application/pdf", read.data or read.url, file.get("filename") or "")


def write_image(image: hub.Image) -> str:
    return image.url or _data_url(image)


def write_document(document: hub.Document) -> Json:
    return {"filename": document.name or "document.pdf", "file_data": _data_url(document)}


def _data_url(part: hub.Image | hub.Document) -> str:
    return f"data:{part.media_type};base64,{part.data}"


def functions(tools: Iterable[Json] | None) -> Iterator[Json]:
    """A request's tools: only functions exist elsewhere."""
    for tool in tools or ():
        if tool["type"] != "function":
            raise hub.UntranslatableError("tools", f"a tool of the type {tool['type']} has no counterpart")
        yield tool


def read_function(function: Json) -> hub.Tool:
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    return hub.Tool(function["name"], function.get("description"), schema, function.get("strict"))


def write_function(tool: hub.Tool) -> Json:
    return present(
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
    )


def read_schema(form: Json) -> hub.Schema:
    """A schema and its name, as both protocols have them."""
    return hub.Schema(form.get("schema"), form.get("name") or "answer", form.get("strict"), form.get("description"))


def write_schema(schema: hub.Schema) -> Json:
    return present(
        {
            "name": schema.name,
            "description": schema.description,
            "schema": schema.schema,
            "strict": schema.strict,
        }
    )


def read_choice(choice: Any) -> Any:
    """The function to call stands in the choice itself (Responses), or one level down (Chat)."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") not in {"function", "custom"}:
        raise hub.UntranslatableError("tool_choice", f"a choice of the type {choice.get('type')} has no counterpart")
    return hub.Forced(choice.get("name") or choice[choice["type"]]["name"])


def one_call_only(body: Json) -> bool | None:
    parallel = body.get("parallel_tool_calls")
    return None if parallel is None else not parallel


def write_error(failed: hub.Failed) -> Json:
    """https://platform.openai.com/docs/guides/error-codes"""
    kind = "server_error" if failed.status >= 500 else _TYPES.get(failed.status, "invalid_request_error")  # noqa: PLR2004
    return {"error": {"message": failed.message, "type": kind, "param": None, "code": _CODES.get(failed.status)}}
