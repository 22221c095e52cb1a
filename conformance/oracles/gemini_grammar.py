"""The stream of the Gemini surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.oracles.grammar import Grammar

if TYPE_CHECKING:
    from conformance.oracles.sse import ServerSentEvent


class GeminiGrammar(Grammar):
    """chunk* (chunk with a finishReason), each of them a GenerateContentResponse

    All chunks are of one response and one model; a candidate that has finished says nothing more; a function call comes
    whole; counts never fall. A prompt that was blocked has no candidates. An object with `error` may come anywhere and
    ends the stream. There is no [DONE]: Google's SDK chokes on it.
    Source: https://ai.google.dev/api/generate-content
    """

    terminal = "a finishReason"

    def __init__(self) -> None:
        super().__init__()
        self.same: dict[str, Any] = {}
        self.finished: dict[int, bool] = {}
        self.counted = 0

    def may_follow_the_end(self, event: ServerSentEvent) -> bool:
        """Another candidate, or what is about none: usage, and what nobody has heard of."""
        if self.ended_by != "finishReason" or event.data == "[DONE]":
            return False
        candidates = event.json.get("candidates", ())
        return all(not self.finished.get(candidate.get("index", 0)) for candidate in candidates)

    def feed(self, event: ServerSentEvent) -> None:
        self.expect(event.data != "[DONE]", "[DONE]", "a response, or the end")
        value = event.json
        self.expect(isinstance(value, dict), str(event), "an object")
        if "error" in value:
            self.ended_by = "error"
            return
        for name in ("responseId", "modelVersion"):
            kept = self.same.setdefault(name, value.get(name))
            self.expect(
                value.get(name, kept) == kept, f"a chunk with {name} {value.get(name)!r}", f"{kept!r}, as before"
            )
        for candidate in value.get("candidates") or ():
            self.on_candidate(candidate)
        self.on_usage(value.get("usageMetadata") or {})
        if "blockReason" in (value.get("promptFeedback") or {}):
            self.ended_by = "blockReason"
        elif self.finished and all(self.finished.values()):
            self.ended_by = "finishReason"

    def on_candidate(self, candidate: dict[str, Any]) -> None:
        index = candidate.get("index", 0)
        self.expect(not self.finished.get(index), f"more of candidate {index}", "nothing after its finishReason")
        content = candidate.get("content") or {}
        role = content.get("role", "model")
        self.expect(role == "model", f"a content of {role}", "the role model")
        for part in content.get("parts") or ():
            self.on_part(part)
        self.finished[index] = candidate.get("finishReason") is not None

    def on_part(self, part: dict[str, Any]) -> None:
        call = part.get("functionCall")
        if call is not None:
            whole = bool(call.get("name")) and isinstance(call.get("args", {}), dict)
            self.expect(whole, f"the function call {call}", "one that is whole: a name, and arguments as an object")

    def on_usage(self, usage: dict[str, Any]) -> None:
        count = usage.get("candidatesTokenCount", self.counted)
        self.expect(count >= self.counted, f"{count} candidate tokens", f"at least {self.counted}, as before")
        self.counted = count
