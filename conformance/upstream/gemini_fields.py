"""The fields that Google's messages have: its JSON parser refuses every other one.

Source: https://ai.google.dev/api/generate-content and /api/caching (Content, Part, Tool, Schema)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_Shape = dict[str, Any]
"""Fields by name, each with its own shape; None for anything at all; `*` stands for every name."""


def _plain(*names: str) -> _Shape:
    return dict.fromkeys(names)


_SCHEMA: _Shape = _plain(
    *("type", "format", "title", "description", "nullable", "enum", "required", "default", "example", "pattern"),
    *("propertyOrdering", "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"),
    *("minimum", "maximum"),
)
_SCHEMA |= {"items": _SCHEMA, "anyOf": _SCHEMA, "properties": {"*": _SCHEMA}}
_BLOB = _plain("mimeType", "data", "displayName")
_FILE = _plain("mimeType", "fileUri", "displayName")
_PART: _Shape = {
    **_plain("text", "thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution"),
    **_plain("toolCall", "toolResponse"),
    "inlineData": _BLOB,
    "fileData": _FILE,
    "functionCall": _plain("id", "name", "args", "partialArgs", "willContinue"),
    "functionResponse": {
        **_plain("id", "name", "response", "willContinue", "scheduling"),
        "parts": {"inlineData": _BLOB, "fileData": _FILE},
    },
    "executableCode": _plain("id", "language", "code"),
    "codeExecutionResult": _plain("id", "outcome", "output"),
}
_CONTENT: _Shape = {"role": None, "parts": _PART}
_FUNCTION: _Shape = {
    **_plain("name", "description", "behavior", "parametersJsonSchema", "responseJsonSchema"),
    "parameters": _SCHEMA,
    "response": _SCHEMA,
}
_TOOL: _Shape = {
    **_plain("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "computerUse", "googleMaps"),
    **_plain("fileSearch", "mcpServers"),
    "functionDeclarations": _FUNCTION,
}
_CONFIG: _Shape = {
    **_plain("temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "seed"),
    **_plain("presencePenalty", "frequencyPenalty", "responseMimeType", "responseJsonSchema", "_responseJsonSchema"),
    **_plain("responseModalities", "responseLogprobs", "logprobs", "mediaResolution", "speechConfig", "imageConfig"),
    **_plain("enableEnhancedCivicAnswers"),
    "responseSchema": _SCHEMA,
    "thinkingConfig": _plain("includeThoughts", "thinkingBudget", "thinkingLevel"),
}
_REQUEST: _Shape = {
    **_plain("model", "cachedContent", "labels", "serviceTier", "store"),
    "contents": _CONTENT,
    "systemInstruction": _CONTENT,
    "generationConfig": _CONFIG,
    "tools": _TOOL,
    "toolConfig": {
        **_plain("retrievalConfig", "includeServerSideToolInvocations"),
        "functionCallingConfig": _plain("mode", "allowedFunctionNames", "streamFunctionCallArguments"),
    },
    "safetySettings": _plain("category", "threshold", "method"),
}
_COUNTED: _Shape = {"contents": _CONTENT, "generateContentRequest": _REQUEST}
_NOT_REPEATING = ("type",)


def objection(body: dict[str, Any]) -> ProviderError | None:
    """What Google has to say against a request, all of it in one message."""
    shape = _COUNTED if "generateContentRequest" in body else _REQUEST
    wrong = list(_wrong(body, shape, ""))
    if wrong:
        message = "\n".join(f"Invalid JSON payload received. {complaint}" for _, complaint in wrong)
        return ProviderError(status=400, message=message, param=wrong[0][0])
    if shape is _REQUEST and not body.get("contents"):
        message = "* GenerateContentRequest.contents: contents is not specified\n"
        return ProviderError(status=400, message=message)
    return None


def _wrong(value: Any, shape: _Shape, path: str) -> Iterator[tuple[str, str]]:
    """The places where something stands that has no field, and the complaint about each."""
    if isinstance(value, list):
        for number, member in enumerate(value):
            yield from _wrong(member, shape, f"{path}[{number}]")
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _wrong_field(name, member, shape, path)


def _wrong_field(name: str, value: Any, shape: _Shape, path: str) -> Iterator[tuple[str, str]]:
    camel = "*" if "*" in shape else _camel(name)
    at = f"{path}.{_snake(name)}" if path else _snake(name)
    if camel not in shape:
        where = f" at '{path}'" if path else ""
        yield path, f'Unknown name "{name}"{where}: Cannot find field.'
    elif shape is _SCHEMA and name in _NOT_REPEATING and isinstance(value, list):
        yield path, f"Unknown name \"{name}\" at '{at}': Proto field is not repeating, cannot start list."
    elif shape[camel] is not None:
        yield from _wrong(value, shape[camel], at if camel != "*" else f"{path}[{name}]")


def _camel(name: str) -> str:
    """Google's JSON takes the names of its fields in either spelling."""
    first, *later = name.split("_")
    return name if name.startswith("_") else first + "".join(word[:1].upper() + word[1:] for word in later)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda letter: f"_{letter[0].lower()}", name)
