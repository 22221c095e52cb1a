"""The stream of the Responses surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.oracles.difference import assert_unchanged
from conformance.oracles.grammar import Grammar, typed

if TYPE_CHECKING:
    from conformance.oracles.sse import ServerSentEvent

_SOMETIMES_NEVER_DONE = "mcp_list_tools"  # OpenAI itself leaves some of these without output_item.done
_STATUS = {
    "response.created": ("in_progress", "queued"),
    "response.queued": ("queued",),
    "response.in_progress": ("in_progress",),
    "response.completed": ("completed",),
    "response.incomplete": ("incomplete",),
    "response.failed": ("failed",),
}
_TERMINAL = {"response.completed", "response.incomplete", "response.failed", "error"}
_FAILURES = {"response.failed", "error"}

ITEM_OF = {
    "output_text": "message",
    "refusal": "message",
    "content_part": None,
    "output_item": None,
    "reasoning_text": "reasoning",
    "reasoning_summary_part": "reasoning",
    "reasoning_summary_text": "reasoning",
    "function_call_arguments": "function_call",
    "custom_tool_call_input": "custom_tool_call",
    "mcp_call_arguments": "mcp_call",
    "mcp_call": "mcp_call",
    "mcp_list_tools": "mcp_list_tools",
    "code_interpreter_call": "code_interpreter_call",
    "code_interpreter_call_code": "code_interpreter_call",
    "file_search_call": "file_search_call",
    "web_search_call": "web_search_call",
    "image_generation_call": "image_generation_call",
    "shell_call_command": "shell_call",
    "shell_call_output_content": "shell_call_output",
    "compaction": "compaction",
}
"""Which type of item the events `response.<key>.*` are about; None: any."""

_PART_OF = {
    "output_text": "content_part",
    "refusal": "content_part",
    "reasoning_summary_text": "reasoning_summary_part",
}
_WHOLE = ("text", "arguments", "refusal", "input", "code")
_ITEM_SAYS = {
    "function_call_arguments": "arguments",
    "mcp_call_arguments": "arguments",
    "custom_tool_call_input": "input",
    "code_interpreter_call_code": "code",
}

Place = tuple[str, int, int]


class ResponsesGrammar(Grammar):
    """created queued? in_progress (item.added (part.added delta* *.done part.done)* item.done)* terminal

    `sequence_number` rises by one from 0; the response keeps its id and each item its own. Each item and part is opened
    before its deltas and closed after them, numbered from 0; what was streamed is what the `.done` events, the parts
    and the items say, and the terminal event repeats the finished items. A failure may be told twice: `error` and
    `response.failed`, in either order. Event types that nobody has heard of are allowed.
    Source: https://platform.openai.com/docs/api-reference/responses-streaming
    """

    terminal = "response.completed, response.incomplete, response.failed or error"

    def __init__(self) -> None:
        super().__init__()
        self.sequence = 0
        self.id: str | None = None
        self.open: dict[int, dict[str, Any]] = {}
        self.done: dict[int, dict[str, Any]] = {}
        self.parts: set[Place] = set()
        self.closed_parts: set[Place] = set()
        self.streamed: dict[Place, str] = {}
        self.finished: set[Place] = set()

    def may_follow_the_end(self, event: ServerSentEvent) -> bool:
        kind = event.json.get("type") if event.data.startswith("{") else None
        return kind != self.ended_by and {kind, self.ended_by} == _FAILURES

    def feed(self, event: ServerSentEvent) -> None:
        value = typed(event, name_needed=False)  # the SDK and Codex go by the type in the data
        kind = str(value["type"])
        if "sequence_number" in value:
            self.on_sequence(value["sequence_number"])
        self.expect(self.id is not None or kind in {"response.created", "error"}, kind, "response.created")
        if kind in _STATUS:
            self.on_response(kind, value["response"])
        if "output_index" in value:
            self.on_item_event(kind.split(".")[1], value)
        self.on_event(kind, value)

    def on_sequence(self, number: int) -> None:
        self.expect(number == self.sequence, f"sequence_number {number}", f"{self.sequence}")
        self.sequence += 1

    def on_response(self, kind: str, response: dict[str, Any]) -> None:
        if kind == "response.created":
            self.expect(self.id is None, "a second response.created", "the response's items")
            self.id = str(response["id"])
        self.expect(response["id"] == self.id, f"{kind} of {response['id']}", f"{self.id}, as before")
        status = response["status"]
        self.expect(status in _STATUS[kind], f"{kind} with the status {status}", " or ".join(_STATUS[kind]))

    def on_item_event(self, about: str, value: dict[str, Any]) -> None:
        """What every event of an item owes: the item is open, of the right type, and known by its id."""
        index = value["output_index"]
        if about == "output_item":
            return
        self.expect(index in self.open, f"{value['type']} of item {index}", "an open item around it")
        item = self.open[index]
        kind = ITEM_OF.get(about)
        self.expect(kind in {None, item["type"]}, f"{value['type']} in a {item['type']} item", f"a {kind} item")
        known, said = item.get("id"), value.get("item_id")
        self.expect(None in {known, said} or said == known, f"{value['type']} of {said}", f"{known}, the item's id")

    def on_event(self, kind: str, value: dict[str, Any]) -> None:
        match kind.split(".")[1:]:
            case ["output_item", "added"]:
                self.on_item_added(value)
            case ["output_item", "done"]:
                self.on_item_done(value)
            case ["content_part" | "reasoning_summary_part" as part, "added"]:
                self.on_part_added(part, value)
            case ["content_part" | "reasoning_summary_part" as part, "done"]:
                self.on_part_done(part, value)
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
        index, item = value["output_index"], value["item"]
        self.expect(index in self.open, f"output_item.done of item {index}", "an item that is open")
        self.expect(self.open.pop(index)["id"] == item["id"], "output_item.done of another id", "its own id")
        self.expect(not any(place[1] == index for place in self.parts), "output_item.done", "its parts' .done first")
        for stream, key in _ITEM_SAYS.items():
            self.same(stream, index, item.get(key), self.streamed.get((stream, index, 0)))
        self.done[index] = item

    def on_part_added(self, part: str, value: dict[str, Any]) -> None:
        place = _place(part, value)
        before = [known for known in self.closed_parts | self.parts if known[:2] == place[:2]]
        self.expect(place[2] == len(before), f"{part}.added numbered {place[2]}", f"number {len(before)}")
        self.parts.add(place)

    def on_part_done(self, part: str, value: dict[str, Any]) -> None:
        place = _place(part, value)
        self.expect(place in self.parts, f"{part}.done of {place}", "added, then done, once each")
        self.parts.remove(place)
        self.closed_parts.add(place)
        for stream in (stream for stream, around in _PART_OF.items() if around == part):
            said = value["part"].get("refusal" if stream == "refusal" else "text")
            self.same(f"{part}.done", place[1], said, self.streamed.get((stream, *place[1:])))

    def on_delta(self, stream: str, value: dict[str, Any]) -> None:
        place = _place(stream, value)
        around = _PART_OF.get(stream)
        inside = around is None or (around, *place[1:]) in self.parts
        self.expect(inside, f"{stream}.delta outside of any part", f"{around}.added before it")
        self.expect(place not in self.finished, f"{stream}.delta", f"nothing after {stream}.done")
        self.streamed[place] = self.streamed.get(place, "") + str(value["delta"])

    def on_stream_done(self, stream: str, value: dict[str, Any]) -> None:
        place = _place(stream, value)
        self.expect(place not in self.finished, f"a second {stream}.done", "one")
        self.finished.add(place)
        whole = next((value[key] for key in _WHOLE if key in value), None)
        self.same(f"{stream}.done", place[1], whole, self.streamed.get(place, ""))

    def same(self, what: str, index: int, whole: object, streamed: str | None) -> None:
        agree = None in (whole, streamed) or whole == streamed
        self.expect(agree, f"{what} of item {index} with {whole!r}", f"what was streamed, {streamed!r}")

    def on_terminal(self, kind: str, value: dict[str, Any]) -> None:
        if kind == "response.completed":
            owed = [index for index, item in self.open.items() if item["type"] != _SOMETIMES_NEVER_DONE]
            self.expect(not owed, kind, f"output_item.done of items {owed}")
            repeated = [_lasting(item) for n, item in enumerate(value["response"]["output"]) if n not in self.open]
            finished = [_lasting(self.done[index]) for index in sorted(self.done)]
            assert_unchanged(repeated, finished, where="the output of response.completed")
        self.ended_by = kind


def _place(stream: str, value: dict[str, Any]) -> Place:
    return stream, value["output_index"], value.get("content_index", value.get("summary_index", 0))


def _lasting(item: dict[str, Any]) -> dict[str, Any]:
    """An item without what OpenAI itself encrypts anew for the terminal event."""
    return {key: value for key, value in item.items() if key != "encrypted_content"}
