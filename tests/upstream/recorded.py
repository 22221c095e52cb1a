"""Real provider traffic, as far as it tells how objects and streams look."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped] # botocore has no types

from tests.absent import recordings_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FREE_FORM = {"input", "metadata", "schema", "parameters", "tools", "args"}


@dataclass(frozen=True)
class Recording:
    """One recorded exchange."""

    id: str
    recorded: str | None
    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: Any
    stream: list[dict[str, Any]]
    asked: Any


def recordings(*protocols: str) -> list[Recording]:
    """All of these protocols; skips where there are none, which in CI is a failure."""
    folder = recordings_directory()
    return [_read(path) for protocol in protocols for path in sorted((folder / protocol).glob("*.json"))]


def _read(path: Path) -> Recording:
    exchange = json.loads(path.read_text())
    request, response = exchange["request"], exchange["response"]
    return Recording(
        id=exchange["id"],
        recorded=exchange["source"]["recorded"],
        method=request["method"],
        url=request["url"],
        status=response["status"],
        headers=response["headers"],
        body=response.get("body"),
        stream=_payloads(response.get("sse", "")) or list(_unframed(response.get("body_base64", ""))),
        asked=request.get("body"),
    )


def _unframed(stream: str) -> Iterator[dict[str, Any]]:
    """Read by AWS's own library; a frame of Converse's is named, one of InvokeModel's holds an event."""
    buffer = EventStreamBuffer()
    buffer.add_data(b64decode(stream))
    for frame in buffer:
        said = json.loads(frame.payload)
        yield json.loads(b64decode(said["bytes"])) if "bytes" in said else {frame.headers[":event-type"]: said}


def _payloads(stream: str) -> list[dict[str, Any]]:
    data = (line.removeprefix("data:") for line in stream.splitlines() if line.startswith("data:"))
    return [json.loads(payload) for payload in data if payload.strip() != "[DONE]"]


def objects(value: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object within a value and its path; objects of different `type` have different paths."""
    if isinstance(value, list):
        for member in value:
            yield from objects(member, f"{at}[]")
    if isinstance(value, dict):
        kind = value.get("type")
        here = f"{at}<{kind}>" if isinstance(kind, str) else at
        yield here, value
        for name, member in value.items():
            if name not in _FREE_FORM:
                yield from objects(member, f"{here}.{name}")


def fields(values: Iterable[Any]) -> set[str]:
    """The path of every field that any of these has."""
    return {f"{path}.{name}" for value in values for path, found in objects(value) for name in found}


def constant_fields(values: Iterable[Any]) -> dict[str, set[str]]:
    """For each object, by path, the fields that it has every time it is seen, if that is more than once."""
    seen: dict[str, list[set[str]]] = defaultdict(list)
    for value in values:
        for path, found in objects(value):
            seen[path].append(set(found))
    return {path: set.intersection(*names) for path, names in seen.items() if len(names) > 1}


def steps(streams: Iterable[list[dict[str, Any]]]) -> set[tuple[str, str]]:
    """Which kind of event has been seen right after which."""
    return {pair for stream in streams for pair in pairwise(["start", *map(kind, stream), "end"])}


def kind(event: dict[str, Any]) -> str:
    """What an event is, as fine as the order of events goes."""
    if "choices" in event:
        return _kind_of_chunk(event)
    if "modelVersion" in event:
        return _kind_of_response(event)
    if "type" not in event:
        return _kind_of_frame(event)
    inner = event.get("delta") or event.get("content_block") or event.get("item") or event.get("part")
    detail = inner.get("type") if isinstance(inner, dict) else None
    return f"{event['type']} {detail}" if detail else str(event["type"])


def _kind_of_response(response: dict[str, Any]) -> str:
    """A chunk of Gemini's."""
    [candidate] = response["candidates"]
    [part, *_] = candidate.get("content", {}).get("parts") or [{"text": ""}]
    held = "thought" if part.get("thought") else next(name for name in part if name != "thoughtSignature")
    return f"{held} finish" if "finishReason" in candidate else held


def _kind_of_frame(event: dict[str, Any]) -> str:
    [(name, said)] = event.items()
    detail = said.get("delta") or said.get("start") or {}
    return " ".join([name, *detail])


def _kind_of_chunk(chunk: dict[str, Any]) -> str:
    if not chunk["choices"]:
        return "usage"
    choice = chunk["choices"][0]
    if choice.get("finish_reason"):
        return "finish"
    delta = choice["delta"]
    return "role" if "role" in delta else "+".join(sorted(delta))
