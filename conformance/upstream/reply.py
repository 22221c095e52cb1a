"""What the scripted upstream answers, said once for every protocol.

A `Reply` describes content; the renderers put it into the wire format of whichever provider the gateway calls.
`Delivery` says how the bytes travel. Both cross processes as JSON.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

_VALUE = ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

LineEnd = Literal["\n", "\r\n", "\r", "mixed"]
Framing = Literal[
    "usual",
    "no-space",
    "several-data-lines",
    "other-fields",
    "comments-inside",
    "data-first",
    "escaped",
    "unheard-of",
    "byte-order-mark",
]
Pieces = Literal["usual", "whole", "characters", "interleaved", "arguments-when-done"]
ErrorForm = Literal["usual", "beside-choices", "failed", "failed-then-error"]
Early = Literal["reads-on", "reads-no-more"]
Stop = Literal["end", "length", "tool-use", "stop-sequence", "refusal", "pause"]


@dataclass(frozen=True, config=_VALUE)
class ToolCall:
    """One tool call. `arguments` is the provider's own JSON text, kept to the letter."""

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, config=_VALUE)
class Thinking:
    """Visible reasoning with the token that proves it.

    Messages: a `thinking` block and its signature. Responses: a reasoning item, its summary and `encrypted_content`.
    Gemini: a thought, and a signature on the first function call or on what is said last. Mistral: a thinking chunk,
    unsigned. Converse: reasoning content. Chat Completions has no place for it.
    """

    text: str
    signature: str


@dataclass(frozen=True, config=_VALUE)
class RedactedThinking:
    """Reasoning that only the provider can read."""

    data: str


@dataclass(frozen=True, config=_VALUE)
class Usage:
    """Token counts, each part included in its whole: cached in `input`, reasoning in `output`.

    `extra` is merged into the provider's usage object, in its own terms.
    """

    input: int = 21
    output: int = 13
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    extra: dict[str, Any] | None = None


@dataclass(frozen=True, config=_VALUE)
class ProviderError:
    """An error answer, in the provider's own envelope and with its own headers.

    `type` and `code` left out are those the provider uses for the status. `retry_after` is written to the header as it
    is.
    """

    status: int
    message: str = "the upstream refused, by script"
    type: str | None = None
    code: str | None = None
    param: str | None = None
    retry_after: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, config=_VALUE)
class Delivery:
    """How the bytes of an answer travel; event counts are those of the answer's own events, from 1.

    What a provider never sends it is not made to send: pings from Gemini and Bedrock, comments within JSON or frames.

    gated           after each content event, and the keep-alives behind it, wait for a release before going on
    hold_headers    wait for a release before the first byte
    chunk_bytes     write in pieces of that many bytes; None: one write an event
    line_end        what ends a line of a server-sent event, as the provider does it unless another is named; "mixed":
                    another with each event
    framing         how events are written down, by the letter of the standard; "unheard-of": with a member that
                    nobody has heard of in every object; "byte-order-mark": with that before the first
    pieces          how content falls into deltas: as the provider does it; one delta each, a tool call's name and
                    arguments together; single characters with empty deltas between; the fragments of parallel calls
                    by turns, and text amid them (Chat Completions), or thoughts between calls (Messages, Responses,
                    Gemini); arguments in their `.done` event alone (Responses)
    done            whether `[DONE]` ends the stream; None: as the protocol has it
    early_usage     usage beside the finish reason, in no chunk of its own (Chat Completions)
    comments, pings keep-alives between events, as the provider sends them; comments also before the first
    unknown_event   an event of a type nobody has heard of, among the others
    content_type    in place of `text/event-stream; charset=utf-8`; "" for none at all
    encoding        compress the body, where the caller accepts it
    early           answer as soon as the script is known, before the request has come to its end; then read what is
                    left of it, or say that nothing follows and read no more, until a release closes the connection
    cut_after       close the connection, uncleanly, after that many events
    end_after       end the body cleanly after that many events: truncation that only the protocol shows
    stall_after     say nothing more after that many events, until the client leaves
    garbage_after   bytes that are no event after that many events
    error_after     the provider's own error event, and nothing after it: the reply's `error`, where it has one
    error_form      the shape of that error: beside an empty list of choices (Chat Completions), as `response.failed`,
                    or as that and an `error` event after it (Responses)
    """

    gated: bool = False
    hold_headers: bool = False
    chunk_bytes: int | None = None
    line_end: LineEnd = "\n"
    framing: Framing = "usual"
    pieces: Pieces = "usual"
    done: bool | None = None
    early_usage: bool = False
    comments: bool = False
    pings: bool = False
    unknown_event: bool = False
    content_type: str | None = None
    encoding: Literal["gzip", "br"] | None = None
    early: Early | None = None
    cut_after: int | None = None
    end_after: int | None = None
    stall_after: int | None = None
    garbage_after: int | None = None
    error_after: int | None = None
    error_form: ErrorForm = "usual"


@dataclass(frozen=True, config=_VALUE)
class Verbatim:
    """Bytes that some provider really sent: status, headers and body, as they were."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, config=_VALUE)
class Raw:
    """An answer from its status line on, as no HTTP library would write it; `keeps` the connection open after it."""

    data: bytes
    keeps: bool = False


@dataclass(frozen=True, config=_VALUE)
class Reply:
    """One answer: what a model says, or the error or the recording that stands in its place.

    `text` as a tuple is streamed piece by piece; as a string the renderer cuts it into a few pieces. It is said
    `repeats` times.
    `stop_word` is the provider's own word for why it stops, in place of the usual one for `stop`.
    `extra` is merged into the top level of the answer: fields that no SDK has heard of.
    `input_tokens` is what count_tokens answers.
    """

    text: str | tuple[str, ...] = ()
    repeats: int = 1
    thinking: tuple[Thinking | RedactedThinking, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    stop: Stop | None = None
    stop_word: str | None = None
    stop_sequence: str | None = None
    usage: Usage = Usage()
    input_tokens: int = 4321
    extra: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    error: ProviderError | None = None
    verbatim: Verbatim | None = None
    raw: Raw | None = None
    delivery: Delivery = Delivery()

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text as it is streamed."""
        if isinstance(self.text, tuple):
            return self.text * self.repeats
        return tuple(self.text[at : at + 24] for at in range(0, len(self.text), 24)) * self.repeats

    @property
    def whole_text(self) -> str:
        return "".join(self.text) * self.repeats

    @property
    def why_it_stops(self) -> Stop:
        return self.stop or ("refusal" if self.refusal else "tool-use" if self.tool_calls else "end")


@dataclass(frozen=True, config=_VALUE)
class Script:
    """What the upstream answers to the requests that carry a token: the nth reply to the nth, the last to all later."""

    token: str
    replies: tuple[Reply, ...]


SCRIPT: TypeAdapter[Script] = TypeAdapter(Script)
REPLIES: TypeAdapter[tuple[Reply, ...]] = TypeAdapter(tuple[Reply, ...])
