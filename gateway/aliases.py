"""Another name for a model: the provider's in what is asked, the client's in what is answered, all else as it was.

Only the values of `model` are touched, where the protocols have it; the bytes around them stay. An error's words may
quote the provider's name too: there it is replaced wherever it stands.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.routes import Route

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)
_IN_ANSWERS = ((b'"model"',), (b'"response"', b'"model"'), (b'"message"', b'"model"'))
_IN_REQUESTS = ((b'"model"',),)
_NAMING = {"openai-chat", "openai-responses", "anthropic-messages"}


def request_naming(body: bytes, model: str) -> bytes:
    """A request for `model`, whatever it asked for. What is no object is for the provider to refuse."""
    named = with_model(body, model, _IN_REQUESTS)
    if named != body or any(spans(body, _IN_REQUESTS)) or not (start := re.match(rb"\s*{", body)):
        return named
    comma = b"" if re.match(rb"\s*{\s*}", body) else b","
    return body[: start.end()] + b'"model":' + json.dumps(model).encode() + comma + body[start.end() :]


def error_naming(body: bytes, route: Route) -> bytes:
    """An error that does not show the provider's name."""
    if not (route.renamed and route.model and route.upstream_name):
        return body
    shown, hidden = (json.dumps(name)[1:-1].encode() for name in (route.model, route.upstream_name))
    return re.sub(rb"(?<![\w.-])" + re.escape(hidden) + rb"(?![\w-]|\.\w)", lambda _: shown, body)


def with_model(body: bytes, model: str, paths: tuple[tuple[bytes, ...], ...]) -> bytes:
    value = json.dumps(model).encode()
    pieces, at = [], 0
    for start, end in spans(body, paths):
        pieces += [body[at:start], value]
        at = end
    return b"".join([*pieces, body[at:]])


def spans(body: bytes, paths: tuple[tuple[bytes, ...], ...]) -> Iterator[tuple[int, int]]:
    """Where the strings stand to which these paths of names lead. Lists have no names, so none leads into one."""
    names: list[bytes | None] = []
    awaits_name = False
    for token in _TOKEN.finditer(body):
        text = token[0]
        match text:
            case b"{" | b"[":
                names.append(None)
                awaits_name = text == b"{"
            case b"}" | b"]":
                del names[-1:]
                awaits_name = False
            case b",":
                awaits_name = bool(names) and names[-1] is not None
            case _ if awaits_name and names:
                names[-1], awaits_name = text, False
            case _:
                if tuple(names) in paths:
                    yield token.span()


def in_answers(route: Route) -> bool:
    """Whether answers call the model by a name that is not the client's. Gemini's tell versions, and Bedrock's none."""
    return route.renamed and route.form in _NAMING


class Content(Protocol):
    """A body as it arrives."""

    async def readany(self) -> bytes:
        """Empty at the end."""


@dataclass
class Restored:
    """An answer that calls the model by the client's name: a stream line by line, a body as soon as it is whole."""

    content: Content
    model: str
    by_line: bool
    _rest: bytes = b""

    async def readany(self) -> bytes:
        while chunk := await self.content.readany():
            if ready := self._ready(chunk):
                return ready
        rest, self._rest = self._rest, b""
        return self._line(rest)

    def _ready(self, chunk: bytes) -> bytes:
        self._rest += chunk
        end = max(self._rest.rfind(b"\n"), self._rest.rfind(b"\r")) + 1 if self.by_line else 0
        lines, self._rest = self._rest[:end], self._rest[end:]
        return b"".join(map(self._line, lines.splitlines(keepends=True)))

    def _line(self, line: bytes) -> bytes:
        if b'"model"' not in line or (self.by_line and not line.removeprefix(BOM_UTF8).startswith(b"data:")):
            return line
        return with_model(line, self.model, _IN_ANSWERS)
