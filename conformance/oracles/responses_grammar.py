"""The stream of the Responses surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.oracles.difference import assert_unchanged
from conformance.oracles.grammar import Grammar, typed

if TYPE_CHECKING:
    from conformance.oracles.sse import ServerSentEvent

_SOMETIMES_NEVER_DONE = "mcp_list_tools"  # OpenAI itself leaves some of these without output_item.done
_TERMINAL = {"response.completed", "response.incomplete", "response.failed", "error"}


class ResponsesGrammar(Grammar):
    """created queued? in_progress (item.added (part.added delta* *.done part.done)* item.done)* terminal

    `sequence_number` rises by one from 0. Each item and part is opened before its deltas and closed after them, what
    was streamed is what the `.done` events say, and the terminal event repeats the finished items.
    Source: https://platform.openai.com/docs/api-reference/responses-streaming
    """

    terminal = "response.completed, response.incomplete, response.failed or error"

    def __init__(self) -> None:
        super().__init__()
        self.sequence = 0
        self.created = False
        self.open: dict[int, dict[str, Any]] = {}
        self.done: dict[int, dict[str, Any]] = {}
        self.parts: set[tuple[int, str, int]] = set()
        self.streamed: dict[tuple[str, int, int], str] = {}

    def feed(self, event: ServerSentEvent) -> None:
        value = typed(event, name_needed=False)  # the SDK and Codex go by the type in the data
        kind = str(value["type"])
        if "sequence_number" in value:
            self.on_sequence(value["sequence_number"])
        self.expect(self.created or kind in {"response.created", "error"}, kind, "response.created")
        self.on_event(kind, value)

    def on_sequence(self, number: int) -> None:
        self.expect(number == self.sequence, f"sequence_number {number}", f"{self.sequence}")
        self.sequence += 1

    def on_event(self, kind: str, value: dict[str, Any]) -> None:
        match kind.split(".")[1:]:
            case ["created"]:
                self.expect(not self.created, "a second response.created", "the response's items")
                self.created = True
            case ["output_item", "added"]:
                self.on_item_added(value)
            case ["output_item", "done"]:
                self.on_item_done(value)
            case ["content_part" | "reasoning_summary_part" as part, "added" | "done" as step]:
                self.on_part(part, step, value)
            case [stream, "delta"] if "output_index" in value:
                self.on_delta(stream, value)
            case [stream, "done"] if "output_index" in value:
                self.on_stream_done(stream, value)
            case _ if kind in _TERMINAL:
                self.on_terminal(kind, value)

    def on_item_added(self, value: dict[str, Any]) -> None:
        index = value["output_index"]
        self.expect(index == len(self.open) + len(self.done), f"an item numbered {index}", "the next number")
        self.open[index] = value["item"]

    def on_item_done(self, value: dict[str, Any]) -> None:
        index = value["output_index"]
        self.expect(index in self.open, f"output_item.done of item {index}", "an item that is open")
        self.expect(self.open.pop(index)["id"] == value["item"]["id"], "output_item.done of another id", "its own id")
        self.expect(not any(place[0] == index for place in self.parts), "output_item.done", "its parts' .done first")
        self.done[index] = value["item"]

    def on_part(self, part: str, step: str, value: dict[str, Any]) -> None:
        place = (value["output_index"], part, value.get("content_index", value.get("summary_index", 0)))
        self.expect(place[0] in self.open, f"{part}.{step}", "an open item around it")
        self.expect(
            (place in self.parts) == (step == "done"), f"{part}.{step} of {place}", "added, then done, once each"
        )
        self.parts ^= {place}

    def on_delta(self, stream: str, value: dict[str, Any]) -> None:
        self.expect(value["output_index"] in self.open, f"{stream}.delta", "an open item around it")
        place = _place(stream, value)
        self.streamed[place] = self.streamed.get(place, "") + str(value["delta"])

    def on_stream_done(self, stream: str, value: dict[str, Any]) -> None:
        self.expect(value["output_index"] in self.open, f"{stream}.done", "an open item around it")
        whole = next((value[key] for key in ("text", "arguments", "refusal", "input") if key in value), None)
        streamed = self.streamed.get(_place(stream, value), "")
        self.expect(whole in (None, streamed), f"{stream}.done with {whole!r}", f"what was streamed, {streamed!r}")

    def on_terminal(self, kind: str, value: dict[str, Any]) -> None:
        if kind == "response.completed":
            owed = [index for index, item in self.open.items() if item["type"] != _SOMETIMES_NEVER_DONE]
            self.expect(not owed, kind, f"output_item.done of items {owed}")
            repeated = [_lasting(item) for n, item in enumerate(value["response"]["output"]) if n not in self.open]
            finished = [_lasting(self.done[index]) for index in sorted(self.done)]
            assert_unchanged(repeated, finished, where="the output of response.completed")
        self.ended_by = kind


def _place(stream: str, value: dict[str, Any]) -> tuple[str, int, int]:
    return stream, value["output_index"], value.get("content_index", value.get("summary_index", 0))


def _lasting(item: dict[str, Any]) -> dict[str, Any]:
    """An item without what OpenAI itself encrypts anew for the terminal event."""
    return {key: value for key, value in item.items() if key != "encrypted_content"}
