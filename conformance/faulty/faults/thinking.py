"""Faults in reasoning and in what proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.blocks import without_blocks
from conformance.faulty.fault import fault
from conformance.faulty.tree import changed, dropping, everywhere, objects

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer
    from conformance.faulty.sse import Json


@fault.answer_json("drops-signature", "hands on thinking without its signature")
def drops_signature(answer: Json) -> Json:
    return everywhere(answer, _unsigned)


def _unsigned(value: Json) -> Json:
    if value.get("type") == "signature_delta":
        return {"type": "thinking_delta", "thinking": ""}
    return {**value, "signature": ""} if value.get("type") == "thinking" else value


@fault.answer("drops-redacted", "hands on no redacted thinking")
async def drops_redacted(answer: Answer) -> Answer:
    return await without_blocks(answer, _redacted)


def _redacted(block: Json) -> bool:
    return block.get("type") == "redacted_thinking"


@fault.answer("drops-thinking", "hands on no thinking")
async def drops_thinking(answer: Answer) -> Answer:
    return await without_blocks(answer, _thought)


def _thought(block: Json) -> bool:
    return block.get("type") in {"thinking", "redacted_thinking", "reasoning"}


@fault.request_json("drops-thinking-upstream", "forwards no thinking of earlier turns")
def drops_thinking_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: changed(changed(it, "content", _thoughtless), "input", _thoughtless))


def _thoughtless(content: Any) -> Any:
    return (
        [block for block in content if block not in filter(_thought, objects(content))]
        if isinstance(content, list)
        else content
    )


@fault.request_json("drops-signature-upstream", "forwards the thinking of earlier turns without its signature")
def drops_signature_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "signature") if it.get("type") == "thinking" else it)


@fault.answer_json("drops-encrypted-content", "hands on reasoning items without their encrypted content")
def drops_encrypted_content(answer: Json) -> Json:
    return everywhere(answer, lambda it: dropping(it, "encrypted_content"))


@fault.request_json("drops-encrypted-content-upstream", "forwards reasoning items without their encrypted content")
def drops_encrypted_content_upstream(body: Json) -> Json:
    return everywhere(body, lambda it: dropping(it, "encrypted_content"))


@fault.request_json("drops-empty-thinking", "forwards no thinking of earlier turns that has no text")
def drops_empty_thinking(body: Json) -> Json:
    return everywhere(body, lambda it: changed(it, "content", _told))


def _told(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [block for block in content if not (isinstance(block, dict) and block.get("thinking") == "")]


@fault.request_json("drops-effort", "knows no model that takes an effort")
def drops_effort(body: Json) -> Json:
    return dropping(body, "output_config")
