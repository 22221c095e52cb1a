"""Cassettes: SDK exchanges in VCR's format, each with its provenance, replayed strictly.

A request must match in method, URI and body; each interaction is played once; one that is never asked for is an error.
Provenance stands under `metadata`, which VCR keeps and does not read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import vcr  # type: ignore[import-untyped]
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from vcr.serializers import yamlserializer  # type: ignore[import-untyped]

from conformance.run.evidence import cassette
from conformance.secrets import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from conformance.drivers import Exchange
    from conformance.secrets import Secret

_STRICT = vcr.VCR(record_mode="none", match_on=["method", "uri", "body"])


class CassetteInvalidError(Exception):
    """A file that is no whole cassette; says where it goes wrong."""

    def __init__(self, path: Path, place: str, what: str) -> None:
        super().__init__(f"{path}: {place}: {what}")
        self.path = path


class CassetteExistsError(Exception):
    """A cassette is never written over."""


class CredentialCapturedError(Exception):
    """A key is in what was captured, so that nothing is written."""


class UnplayedInteractionsError(AssertionError):
    """A cassette holds more than was asked for: whoever recorded it saw calls that are no longer made."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Provenance(_Value):
    """Who answered: a provider (`live`) or the scripted upstream; when, with which model and which software."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provenance: Literal["live", "scripted"]
    recorded: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    command: str
    provider: str
    model: str
    scenarios: tuple[str, ...]
    software: dict[str, str]


class _Request(_Value):
    method: str
    uri: str
    headers: dict[str, list[str]]
    body: str | bytes


class _Status(_Value):
    code: int
    message: str


class _Body(_Value):
    string: str | bytes


class _Response(_Value):
    status: _Status
    headers: dict[str, list[str]]
    body: _Body


class _Interaction(_Value):
    request: _Request
    response: _Response


class _Cassette(_Value):
    """`version` stands last in the file, so that a file which was cut off lacks it."""

    interactions: Annotated[tuple[_Interaction, ...], Field(min_length=1)]
    metadata: Provenance
    version: Literal[1]


def refuse_existing(path: Path) -> None:
    if path.exists():
        raise CassetteExistsError(f"{path}: exists and is not written over; move it away, or choose another name")


def write_cassette(path: Path, exchanges: Sequence[Exchange], provenance: Provenance, key: Secret) -> None:
    """Store a new file, unless it would hold the key."""
    text = cassette(exchanges, provenance.model_dump(mode="json"))
    if leaks := find(key, text.encode(), str(path)):
        raise CredentialCapturedError(f"not written: {leaks[0]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        refuse_existing(path)


def read_provenance(path: Path) -> Provenance:
    """Where a cassette comes from; raises `CassetteInvalidError` unless it is whole."""
    return _read(path).metadata


@contextmanager
def played(path: Path) -> Iterator[Any]:
    """VCR's cassette in place of the network, for whatever runs inside the block."""
    _read(path)
    with _STRICT.use_cassette(str(path)) as playing:
        yield playing
    unplayed = [request.uri for at, request in enumerate(playing.requests) if not playing.play_counts[at]]
    if unplayed:
        raise UnplayedInteractionsError(f"{path}: {len(unplayed)} never asked for: {', '.join(unplayed)}")


def _read(path: Path) -> _Cassette:
    try:
        document = yamlserializer.deserialize(path.read_text(encoding="utf-8"))
        return _Cassette.model_validate(document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the whole file"
        raise CassetteInvalidError(path, place, f"not YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CassetteInvalidError(path, "the whole file", f"cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole file"
        raise CassetteInvalidError(path, place, first["msg"]) from None
