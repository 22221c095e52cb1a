"""Mistral's chat completions: Chat with names, contents and errors of its own. https://docs.mistral.ai/api"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway.protocols import hub
from gateway.protocols.chat import CHAT
from gateway.protocols.chat.decoder import Decoder as ChatDecoder
from gateway.protocols.chat.request import write_request as write_chat
from gateway.protocols.codec import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.protocols.codec import Json
    from gateway.routes import Upstream

__all__ = ["MISTRAL"]

_TOOL_ID = re.compile(r"[A-Za-z0-9]{9}")
_RENAMED = {"max_completion_tokens": "max_tokens", "seed": "random_seed"}
_UNKNOWN = {"stream_options", "safety_identifier"}
_STOPS = {"model_length": "length"}


def write_request(request: hub.Request) -> Json:
    request.lose_given("user")
    body = write_chat(replace(request, top_k=None), thoughts=True)
    written = {_RENAMED.get(name, name): value for name, value in body.items() if name not in _UNKNOWN}
    written["messages"] = [_write_message(message) for message in body["messages"]]
    return written if request.top_k is None else {**written, "top_k": request.top_k}


def _write_message(message: Json) -> Json:
    """Reasoning is a part of the content; a document is named by its URL; a refusal is what was said."""
    if refused := message.pop("refusal", None):
        message["content"] = (message["content"] or "") + refused
    content = message.get("content")
    if isinstance(content, list):
        message = {**message, "content": [_write_part(part) for part in content]}
    if thought := message.pop("reasoning_content", None):
        chunk = {"type": "thinking", "thinking": [{"type": "text", "text": thought}]}
        message["content"] = [chunk, *([{"type": "text", "text": content}] if content else [])]
    return message


def _write_part(part: Json) -> Json:
    if part["type"] != "file":
        return part
    return {
        "type": "document_url",
        "document_url": part["file"]["file_data"],
        "document_name": part["file"]["filename"],
    }


def tool_id(given: str) -> str:
    """Nine letters or digits: the same for the same id, so that calls and results stay together."""
    return given if _TOOL_ID.fullmatch(given) else sha256(given.encode()).hexdigest()[:9]


def read_answer(body: Json) -> hub.Answer:
    choice = body["choices"][0]
    if choice.get("finish_reason") == "error":
        raise hub.UpstreamProtocolError("the model has failed")
    said = {**choice, "message": _as_chat(choice["message"]), "finish_reason": _stop(choice)}
    return CHAT.read_answer({**body, "choices": [said], "usage": _usage(body.get("usage") or {})})


def _as_chat(message: Json) -> Json:
    """A message whose content may be chunks, with its thoughts and its text apart."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    thoughts = "".join(_thought(chunk) for chunk in content if chunk["type"] == "thinking")
    text = "".join(_text(chunk) for chunk in content)
    return {**message, "content": text, "reasoning_content": thoughts}


def _thought(chunk: Json) -> str:
    return "".join(_text(part) for part in chunk["thinking"])


def _text(chunk: Json) -> str:
    text: str = chunk["text"] if chunk["type"] == "text" else ""
    return text


def _stop(choice: Json) -> str | None:
    reason: str | None = choice.get("finish_reason")
    return _STOPS.get(reason or "", reason)


def _usage(usage: Json) -> Json:
    """Older models count cached tokens outside of the details."""
    cached = usage.get("num_cached_tokens")
    return usage if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}, **usage}


class Decoder(ChatDecoder):
    """Chunks of content become the deltas that Chat would send, one after the other."""

    def _chunk(self, chunk: Json) -> Iterator[hub.Event]:
        if chunk.get("object") == "error":
            yield from self._failed(chunk)
            return
        choices = chunk.get("choices") or ()
        yield from super()._chunk(
            {**chunk, "choices": list(_choices(choices)), "usage": _usage(chunk.get("usage") or {})}
        )
        if any(choice.get("finish_reason") == "error" for choice in choices):
            yield from self._failed({"message": "The model has failed."})

    def _failed(self, error: Json) -> Iterator[hub.Event]:
        self.finished = True
        yield read_error(error.get("raw_status_code") or 500, error)


def _choices(choices: Iterable[Json]) -> Iterator[Json]:
    for choice in choices:
        delta = choice.get("delta") or {}
        content = delta.get("content")
        for chunk in content if isinstance(content, list) else ():
            yield {"delta": _as_chat({"content": [chunk]})}
        rest = {**delta, "content": None} if isinstance(content, list) else delta
        yield {**choice, "delta": rest, "finish_reason": _stop(choice)}


def read_error(status: int, body: Any) -> hub.Failed:
    """`detail` is a sentence, or a list of what does not fit the schema."""
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        return hub.Failed(status, "; ".join(_problem(each) for each in detail))
    return hub.Failed(status, detail if isinstance(detail, str) else words(body))


def _problem(detail: Any) -> str:
    if not isinstance(detail, dict):
        return str(detail)
    return f"{'.'.join(map(str, detail.get('loc') or ()))}: {detail.get('msg')}"


def _url(upstream: Upstream, model: str, stream: bool) -> str:  # noqa: ARG001, FBT001 - the body says both
    return f"{upstream.base_url}/v1/chat/completions"


MISTRAL = replace(
    CHAT,
    url=_url,
    tool_id=tool_id,
    write_request=write_request,
    read_answer=read_answer,
    decoder=Decoder,
    read_error=read_error,
)
