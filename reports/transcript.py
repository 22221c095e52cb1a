"""The evidence of a row, as far as it can be shown: what passed at the client, and what at the upstream.

Evidence is written beside the report and may be missing, broken or made up; then a transcript says so.
"""

from collections.abc import Callable
from errno import EACCES, EFBIG, ENOENT
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter
from pydantic_core import from_json

SIZE_LIMIT = 4_000_000

Headers = tuple[tuple[str, str], ...]


class Message(NamedTuple):
    """A request or a response: its first line, headers and body."""

    line: str
    headers: Headers
    body: str


class Exchange(NamedTuple):
    request: Message
    response: Message
    note: str = ""


Exchanges = tuple[Exchange, ...]


class Transcript(NamedTuple):
    """Both sides of one row; `problems` says what could not be read."""

    client: Exchanges
    upstream: Exchanges
    problems: tuple[str, ...]


def transcript(directory: Path, evidence: str) -> Transcript:
    """`evidence` is a directory inside `directory`; what leads out of it is refused, not followed."""
    if not evidence:
        return Transcript((), (), ("this row left no evidence",))
    client, cassette_problem = _side(directory, f"{evidence}/cassette.yaml", _cassette)
    upstream, journal_problem = _side(directory, f"{evidence}/journal.json", _journal)
    return Transcript(client, upstream, tuple(filter(None, (cassette_problem, journal_problem))))


def _body(value: object) -> object:
    if isinstance(value, dict):
        value = value.get("string")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "" if value is None else value


Body = Annotated[str, BeforeValidator(_body)]


class _Status(BaseModel):
    code: int
    message: str | None = None


class _RecordedRequest(BaseModel):
    method: str
    uri: str
    headers: dict[str, list[str]] = {}
    body: Body = ""


class _RecordedResponse(BaseModel):
    status: _Status
    headers: dict[str, list[str]] = {}
    body: Body = ""


class _Interaction(BaseModel):
    request: _RecordedRequest
    response: _RecordedResponse


class _Cassette(BaseModel):
    interactions: list[_Interaction]


class _Answer(BaseModel):
    status: int
    headers: Headers = ()
    body: Body = ""


class _Received(BaseModel):
    provider: str = ""
    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: Body = ""
    response: _Answer | None = None
    client_disconnected: bool = Field(default=False)


def _side(directory: Path, name: str, parse: Callable[[bytes], Exchanges]) -> tuple[Exchanges, str]:
    try:
        return parse(_content(directory, name)), ""
    except OSError as problem:
        return (), f"{name}: {problem.strerror}"
    except (ValueError, RuntimeError, yaml.YAMLError):  # the last resorts of a path, of JSON and of deep nesting
        return (), f"{name} is not of the form that a run leaves"


def _content(directory: Path, name: str) -> bytes:
    file = (directory / name).resolve()
    if not file.is_relative_to(directory.resolve()):
        raise PermissionError(EACCES, "outside of the report")
    if file.exists() and not file.is_file():
        raise FileNotFoundError(ENOENT, "no file")
    if file.stat().st_size > SIZE_LIMIT:
        raise OSError(EFBIG, "too large to be shown")
    return file.read_bytes()


def _cassette(raw: bytes) -> Exchanges:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    cassette = _Cassette.model_validate(yaml.load(raw, Loader=loader))  # noqa: S506 - one of the two safe loaders
    return tuple(_as_client_saw(interaction) for interaction in cassette.interactions)


def _as_client_saw(interaction: _Interaction) -> Exchange:
    request, response = interaction.request, interaction.response
    return Exchange(
        Message(f"{request.method} {request.uri}", _flat(request.headers), request.body),
        Message(f"{response.status.code} {response.status.message or ''}", _flat(response.headers), response.body),
    )


def _flat(headers: dict[str, list[str]]) -> Headers:
    return tuple((name, value) for name, values in headers.items() for value in values)


def _journal(raw: bytes) -> Exchanges:
    received = TypeAdapter(list[_Received]).validate_python(from_json(raw))
    return tuple(_as_upstream_saw(entry) for entry in received)


def _as_upstream_saw(entry: _Received) -> Exchange:
    query = f"?{entry.query}" if entry.query else ""
    answer = entry.response
    return Exchange(
        Message(f"{entry.method} {entry.path}{query}", entry.headers, entry.body),
        Message(str(answer.status), answer.headers, answer.body) if answer else Message("no response", (), ""),
        "The gateway hung up before the answer was complete." if entry.client_disconnected else "",
    )
