"""Faults in reasoning and in what proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.faulty.blocks import without_blocks
from conformance.faulty.fault import fault, on_events, one_by_one
from conformance.faulty.tree import changed, dropping, everywhere, objects

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer
    from conformance.faulty.fault import EventEdit
    from conformance.faulty.sse import Event, Json

_LONGEST_PROOF = 4096


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


@fault.answer("hides-unseen-thinking", "hands on no thinking that shows nothing")
async def hides_unseen_thinking(answer: Answer) -> Answer:
    if answer.streams:
        return on_events(answer, one_by_one(_without_proof_of_nothing()))
    return await without_blocks(answer, _empty)


def _empty(block: Json) -> bool:
    return block.get("type") == "thinking" and not block.get("thinking")


def _without_proof_of_nothing() -> EventEdit:
    """A proof is handed on only after thinking that was seen."""
    shown: set[int] = set()

    def edit(event: Event) -> Event | None:
        delta = event.json.get("delta") or {}
        if isinstance(delta, dict) and delta.get("thinking"):
            shown.add(event.json["index"])
        proves = isinstance(delta, dict) and delta.get("type") == "signature_delta"
        return None if proves and event.json["index"] not in shown else event

    return edit


@fault.answer_json("merges-thinking", "gives all thinking of an answer the first proof")
def merges_thinking(answer: Json) -> Json:
    signed = changed(answer, "content", lambda blocks: _same(blocks, "signature"))
    return changed(signed, "output", lambda items: _same(items, "encrypted_content"))


def _same(blocks: Any, field: str) -> Any:
    first = next((block[field] for block in objects(blocks) if block.get(field)), None)
    return [{**block, field: first} if field in block else block for block in objects(blocks)]


@fault.answer_json("cuts-long-signatures", "hands on no more than 4096 characters of what proves thinking")
def cuts_long_signatures(answer: Json) -> Json:
    return everywhere(answer, _cut)


def _cut(value: Json) -> Json:
    for name in ("signature", "encrypted_content", "data"):
        if isinstance(value.get(name), str):
            value = {**value, name: value[name][:_LONGEST_PROOF]}
    return value


@fault.request_json("moves-thinking-first", "forwards the thinking of a turn before the rest of the turn")
def moves_thinking_first(body: Json) -> Json:
    for name in ("messages", "input"):
        body = changed(body, name, _thinking_first)
    return everywhere(body, lambda it: changed(it, "content", _thinking_first))


def _thinking_first(members: Any) -> Any:
    return sorted(members, key=lambda it: not _thought(it)) if objects(members) else members
