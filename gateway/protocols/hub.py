"""What every protocol can say, said once: the form between two codecs.

A codec reads its own protocol into these values and writes them out again. What it cannot carry it names in `lost`,
by the name of the field in the protocol that the caller speaks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Role = Literal["user", "assistant", "system"]
Stop = Literal["end", "length", "tool-use", "stop-sequence", "refusal", "pause"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class UntranslatableError(Exception):
    """What was asked for cannot be said in the provider's protocol; `field` is where it stands in the request."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class UpstreamProtocolError(Exception):
    """The provider's answer is not in its own protocol."""


class AnswerFailedError(UpstreamProtocolError):
    """The answer says that there is none, though its status does not."""


@dataclass(frozen=True)
class Text:
    text: str = ""


@dataclass(frozen=True)
class Refusal:
    """The model's own words for not answering, where the protocol sets them apart."""

    text: str = ""


@dataclass(frozen=True)
class Image:
    """Base64 `data` of a media type, or a `url`."""

    media_type: str = ""
    data: str = ""
    url: str = ""


@dataclass(frozen=True)
class Document:
    """A file for the model to read, in base64."""

    media_type: str
    data: str
    name: str = ""


@dataclass(frozen=True)
class Thinking:
    """Visible reasoning, and the token by which its provider knows it again."""

    text: str = ""
    signature: str = ""


@dataclass(frozen=True)
class RedactedThinking:
    data: str


@dataclass(frozen=True)
class ToolUse:
    """`arguments` is the JSON text that the model wrote; of a `custom` tool, with its input in it."""

    id: str
    name: str
    arguments: str = ""
    namespace: str = ""
    custom: bool = False


@dataclass(frozen=True)
class ToolResult:
    call_id: str
    parts: tuple[Text | Image | Document, ...] = ()
    is_error: bool = False

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


Part = Text | Refusal | Image | Document | Thinking | RedactedThinking | ToolUse | ToolResult


@dataclass(frozen=True)
class Turn:
    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Tool:
    """A function; `parameters` is its JSON Schema. What the client holds it for has to be known for its answer alone:
    a member of a `namespace`, or a `custom` tool, that takes any text.
    """

    name: str
    description: str | None = None
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None
    namespace: str = ""
    custom: bool = False


@dataclass(frozen=True)
class Forced:
    """The tool that has to be called."""

    name: str


@dataclass(frozen=True)
class Schema:
    """What the answer's JSON must look like; an empty schema asks for any object.

    `strict` holds the answer to it to the letter, which OpenAI does for a part of all schemas only.
    """

    schema: dict[str, Any] | None
    name: str = "answer"
    strict: bool | None = None
    description: str | None = None


@dataclass
class Request:
    """One call. `lost` names the caller's fields that the provider's protocol has no place for."""

    model: str
    turns: list[Turn] = field(default_factory=list)
    tools: tuple[Tool, ...] = ()
    choice: Literal["auto", "none", "required"] | Forced | None = None
    one_call_only: bool | None = None
    limit: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    effort: Effort | None = None
    schema: Schema | None = None
    user: str | None = None
    stream: bool = False
    usage_asked: bool = True
    lost: list[str] = field(default_factory=list)

    def lose(self, *names: str) -> None:
        self.lost += [name for name in names if name not in self.lost]

    def lose_given(self, *names: str) -> None:
        """Settings that the provider does not know: they are lost where the caller gave them."""
        self.lose(*(name for name in names if getattr(self, name) is not None))

    @property
    def system(self) -> str:
        """All system text, wherever it stood."""
        return system_text(turn for turn in self.turns if turn.role == "system")

    @property
    def documents(self) -> list[Document]:
        """All that is given to read, by the user or by tools."""
        said = [part for turn in self.turns for part in turn.parts]
        shown = [part for result in said if isinstance(result, ToolResult) for part in result.parts]
        return [part for part in (*said, *shown) if isinstance(part, Document)]


def system_text(turns: Iterable[Turn]) -> str:
    parts = [part for turn in turns for part in turn.parts]
    refuse_shown(parts, "a system prompt is text")
    return "\n\n".join(part.text for part in parts if isinstance(part, Text))


def refuse_shown(parts: Iterable[Part], why: str = "a model's own picture cannot be sent back") -> None:
    if any(isinstance(part, Image | Document) for part in parts):
        raise UntranslatableError("messages.content", why)


@dataclass(frozen=True)
class Usage:
    """Tokens, each part included in its whole: cached ones in `input`, reasoning in `output`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Answer:
    id: str
    model: str
    parts: tuple[Part, ...]
    stop: Stop
    usage: Usage
    stop_sequence: str | None = None


@dataclass(frozen=True)
class Started:
    id: str
    model: str
    usage: Usage = Usage()


@dataclass(frozen=True)
class Opened:
    """A part begins; it holds what is known of it: a tool call's id and name, redacted thinking whole."""

    part: Part


@dataclass(frozen=True)
class Delta:
    """More of the open part's text, or of its arguments."""

    text: str


@dataclass(frozen=True)
class Signed:
    """The open thinking's signature."""

    signature: str


@dataclass(frozen=True)
class Closed:
    """The open part is complete."""


@dataclass(frozen=True)
class Finished:
    stop: Stop
    usage: Usage
    stop_sequence: str | None = None


@dataclass(frozen=True)
class Failed:
    """The provider's error: the status that it stands for, its words, and after how many seconds to come again."""

    status: int
    message: str
    retry_after: str | None = None


@dataclass(frozen=True)
class Ping:
    """The provider is still there."""


Event = Started | Opened | Delta | Signed | Closed | Finished | Failed | Ping
