"""Real provider traffic on disk: one JSON file per exchange, `DIRECTORY/<protocol>/<id>.json`.

    {"id", "protocol", "request": {"method", "url", "headers", "body" | "body_base64"},
     "response": {"status", "headers", "body" | "sse" | "body_base64"}}

A JSON body is stored as parsed and is written anew here, once; the text of an event stream is kept to the byte.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError, model_validator

from conformance.surface import Surface
from conformance.upstream import Verbatim
from conformance.upstream.rendering import to_bytes, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conformance.upstream.journal import Headers

PROTOCOLS: dict[str, Surface] = {surface.value: surface for surface in Surface} | {
    "openai-platform": Surface.OPENAI_CHAT
}
"""What recordings are filed under, and the surface at whose door each is played."""

_NONE = object()
_MASKED = re.compile(r"<\w+>")
_STREAMS = ("text/event-stream", "application/vnd.amazon.eventstream")


class RecordingsInvalidError(Exception):
    """Recordings that cannot be read; `problems` names each with its file and the place in it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NoRecordingsError(Exception):
    """There is nothing to replay."""


@dataclass(frozen=True)
class Recording:
    """One exchange between some client and a provider; `path` and `query` are raw, `headers` those of the request."""

    id: str
    protocol: str
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None
    answer: Verbatim

    @property
    def surface(self) -> Surface:
        """Whose door it is played at."""
        return PROTOCOLS[self.protocol]

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def streams(self) -> bool:
        return any(n.lower() == "content-type" and v.startswith(_STREAMS) for n, v in self.answer.headers)

    @property
    def fails(self) -> bool:
        return self.answer.status >= HTTPStatus.BAD_REQUEST

    @property
    def asks_for_stream(self) -> bool:
        asked = self.asked
        return self.streams or (isinstance(asked, dict) and asked.get("stream") is True)

    @property
    def asked(self) -> Any:
        """The request body as JSON values; None where it is none."""
        try:
            return json.loads(self.body or b"null")
        except ValueError:
            return None


def read_recordings(directory: Path, protocols: Sequence[str]) -> list[Recording]:
    """All recordings of these protocols, in the order of their ids.

    Raises `RecordingsInvalidError` with everything that is wrong, or `NoRecordingsError`.
    """
    recordings, problems = [], []
    for path in (path for name in protocols for path in sorted((directory / name).glob("*.json"))):
        try:
            recordings.append(_read(path))
        except RecordingsInvalidError as error:
            problems += error.problems
    if problems:
        raise RecordingsInvalidError(problems)
    if not recordings:
        raise NoRecordingsError(f"{directory}: holds no recordings of {', '.join(protocols)}")
    return recordings


def _read(path: Path) -> Recording:
    try:
        recording = _File.model_validate(json.loads(path.read_bytes())).recording()
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise RecordingsInvalidError([f"{path}: not JSON: {error.msg} ({place})"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingsInvalidError([f"{path}: cannot be read: {error}"]) from None
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RecordingsInvalidError([f"{path}: {_place(each['loc'])}: {each['msg']}" for each in found]) from None
    if recording.id != path.stem:
        raise RecordingsInvalidError([f"{path}: id: is {recording.id!r}, which is not the name of the file"])
    return recording


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the whole file"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)

    headers: dict[str, str]
    body: Any = _NONE
    sse: str | None = None
    body_base64: Base64Bytes | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if sum((self.body is not _NONE, self.sse is not None, self.body_base64 is not None)) > 1:
            raise ValueError("has more than one of body, sse and body_base64")
        return self

    @property
    def content(self) -> bytes | None:
        if self.body_base64 is not None:
            return self.body_base64
        text = self.sse if self.sse is not None else self.body
        if text is _NONE or text is None:
            return None
        return to_bytes(text if isinstance(text, str) else to_json(text))


class _Request(_Message):
    method: Annotated[str, Field(pattern="^[A-Z]+$")]
    url: Annotated[str, Field(pattern="^https?://[^/]+/")]


class _Response(_Message):
    status: Annotated[int, Field(ge=200, le=599)]

    @property
    def typed_headers(self) -> Headers:
        """With the content type that a source may have filtered out, and that no provider leaves out."""
        headers = tuple(self.headers.items())
        if self.content is None or any(name.lower() == "content-type" for name, _ in headers):
            return headers
        return (*headers, ("content-type", "application/json" if self.sse is None else "text/event-stream"))


def _known(protocol: str) -> str:
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
    return protocol


class _File(BaseModel):
    """What of a file is used here; it holds more: where it came from, and what it shows."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    protocol: Annotated[str, AfterValidator(_known)]
    request: _Request
    response: _Response

    def recording(self) -> Recording:
        request, response = self.request, self.response
        url = urlsplit(request.url)
        return Recording(
            id=self.id,
            protocol=self.protocol,
            method=request.method,
            path=_MASKED.sub("masked", url.path),
            query=url.query,
            headers=tuple(request.headers.items()),
            body=request.content,
            answer=Verbatim(response.status, response.typed_headers, response.content or b""),
        )
