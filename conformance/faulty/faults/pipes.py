"""Faults in reading HTTP itself, in relays that hand on bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conformance.faulty.fault import fault
from conformance.faulty.pipe import Pipe

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERIM = re.compile(rb"HTTP/1\.1 1\d\d .*?\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"\ncontent-length:[^\n]*", re.IGNORECASE)
_CODING = re.compile(rb"\ntransfer-encoding[ \t]*:[ \t\r\n]*[^\n]*", re.IGNORECASE)
_TRAILERS = re.compile(rb"(\r\n0\r\n)([^\r].*?\r\n)\r\n$", re.DOTALL)
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"


@fault.pipe("pipes-blindly", "reads the first head of a connection, and pipes whatever follows to the provider")
class PipesBlindly(Pipe):
    pass


@fault.pipe("takes-interim-for-final", "takes an interim answer for the answer")
class TakesInterimForFinal(Pipe):
    def downward(self, data: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" if _INTERIM.match(data) else data


@fault.pipe("swallows-continue", "lets clients wait that ask before they send their body")
class SwallowsContinue(Pipe):
    def downward(self, data: bytes) -> bytes:
        return _INTERIM.sub(b"", data)


@fault.pipe("answers-head-with-body", "answers HEAD with the body that GET has")
class AnswersHeadWithBody(Pipe):
    def upward(self, data: bytes) -> bytes:
        return re.sub(rb"^HEAD ", b"GET ", data)


@fault.pipe("keeps-dead-connections", "sends the next call into a connection that the upstream has closed")
class KeepsDeadConnections(Pipe):
    def ended(self) -> bytes | None:
        return _BAD_GATEWAY


def _head_edited(data: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    head, end, body = data.partition(b"\r\n\r\n")
    return edit(head + b"\r\n") + end[2:] + body if end else data


@fault.pipe("prefers-length-to-chunks", "goes by Content-Length where Transfer-Encoding stands beside it")
class PrefersLengthToChunks(Pipe):
    def upward(self, data: bytes) -> bytes:
        return _head_edited(data, lambda head: _CODING.sub(b"", head) if _LENGTH.search(head) else head)


@fault.pipe(
    "mends-lengths", "makes a number of whatever stands in Content-Length, and ignores codings that it does not know"
)
class MendsLengths(Pipe):
    def upward(self, data: bytes) -> bytes:
        return _head_edited(data, self._mended)

    def _mended(self, head: bytes) -> bytes:
        numbers = [number for line in _LENGTH.findall(head) for number in re.findall(rb"\d+", line)]
        return _CODING.sub(b"", _LENGTH.sub(b"", head)) + b"content-length: %s\r\n" % (numbers or [b"0"])[0]


@fault.pipe("splits-lines-at-cr", "takes a lone CR for the end of a header line")
class SplitsLinesAtCr(Pipe):
    def upward(self, data: bytes) -> bytes:
        return re.sub(rb"\r(?!\n)\0?", b"\r\n", data)


@fault.pipe("merges-trailers", "adds the fields behind a body to those before it")
class MergesTrailers(Pipe):
    def upward(self, data: bytes) -> bytes:
        found = _TRAILERS.search(data)
        if found is None:
            return data
        body = _TRAILERS.sub(rb"\1\r\n", data)
        return _head_edited(body, lambda head: head + found[2])


@fault.pipe("forgets-the-old-version", "answers clients of HTTP/1.0 in chunks")
class ForgetsTheOldVersion(Pipe):
    def upward(self, data: bytes) -> bytes:
        return data.replace(b" HTTP/1.0\r\n", b" HTTP/1.1\r\n", 1)
