"""The stream of the Chat Completions surface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.oracles.grammar import Grammar

if TYPE_CHECKING:
    from conformance.oracles.sse import ServerSentEvent


class ChatGrammar(Grammar):
    """(chunk with a role first) chunk* (chunk with finish_reason) (chunk of usage, no choices)? [DONE]

    All chunks carry one id, one `created`, one model; a tool call's first fragment has id and name, later ones have
    neither; fragments are numbered from 0. An object with `error` may come anywhere and ends the content.
    Source: https://platform.openai.com/docs/api-reference/chat-streaming
    """

    terminal = "[DONE]"

    def __init__(self) -> None:
        super().__init__()
        self.same: dict[str, Any] = {}
        self.choices: dict[int, _Choice] = {}
        self.failed = False
        self.counted = False

    def feed(self, event: ServerSentEvent) -> None:
        if event.data == "[DONE]":
            self.expect(self.failed or bool(self.choices), "[DONE]", "an answer before it")
            finished = self.failed or all(choice.finished for choice in self.choices.values())
            self.expect(finished, "[DONE]", "a finish_reason before it")
            self.ended_by = "[DONE]"
            return
        value = event.json
        if "error" in value:
            self.failed = True
            return
        self.expect(not self.failed, str(event), "[DONE] or the end, after an error")
        if value.get("object") == "chat.completion.chunk":
            self.on_chunk(value)

    def on_chunk(self, chunk: dict[str, Any]) -> None:
        self.expect(isinstance(chunk.get("choices"), list), "a chunk without choices", "choices, be they empty")
        for name in ("id", "created", "model"):
            kept = self.same.setdefault(name, chunk.get(name))
            self.expect(chunk.get(name) == kept, f"a chunk with {name} {chunk.get(name)!r}", f"{kept!r}, as before")
        for choice in chunk["choices"]:
            self.on_choice(choice)
        if not chunk["choices"] and chunk.get("usage"):
            self.on_usage()

    def on_usage(self) -> None:
        finished = all(choice.finished for choice in self.choices.values())
        self.expect(finished and not self.counted, "a chunk of usage", "one, after each finish_reason")
        self.counted = True

    def on_choice(self, value: dict[str, Any]) -> None:
        choice = self.choices.setdefault(value["index"], _Choice())
        delta = value["delta"]
        self.expect(not choice.finished, "a delta", "usage or [DONE], after finish_reason")
        self.expect(choice.speaks or "role" in delta, "a delta before any role", "a first delta with role assistant")
        role = delta.get("role") or "assistant"
        self.expect(role == "assistant", f"a delta of {role}", "the role assistant")
        choice.speaks = True
        for fragment in delta.get("tool_calls") or ():
            self.on_fragment(choice.calls, fragment)
        choice.finished = value.get("finish_reason") is not None

    def on_fragment(self, calls: list[str], fragment: dict[str, Any]) -> None:
        index, name = fragment.get("index"), (fragment.get("function") or {}).get("name")
        self.expect(isinstance(index, int) and index <= len(calls), f"a call numbered {index}", "the next number")
        assert isinstance(index, int)
        if index == len(calls):
            self.expect(bool(fragment.get("id")), "a new tool call without an id", "an id in its first fragment")
            self.expect(bool(name), "a new tool call without a name", "a name in its first fragment")
            calls.append(fragment["id"])
        else:
            again = fragment.get("id") or name
            self.expect(not again, f"a later fragment with {again!r}", "no id or name twice: SDKs would join them")


@dataclass
class _Choice:
    """How far one of the answers has come."""

    speaks: bool = False
    finished: bool = False
    calls: list[str] = field(default_factory=list)
