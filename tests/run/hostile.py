"""Gateways that mean no good: `python -m tests.run.hostile BEHAVIOUR PORT`."""

from __future__ import annotations

import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
_MARKUP = b"</script><script>alert(1)</script>\x1b[2J\x1b]0;owned\x07\xff\xfe\x00{{7*7}}"


def hang(line: socket.socket) -> None:
    while line.recv(65536):
        pass


def flood(line: socket.socket) -> None:
    line.sendall(_HEAD + b"\r\n")
    while True:
        line.sendall(b"data: " + b"x" * 65536)


def drip(line: socket.socket) -> None:
    line.sendall(_HEAD + b"content-length: 1000000\r\n\r\n")
    while True:
        line.sendall(b":")
        time.sleep(0.05)


def close(line: socket.socket) -> None:
    """Says nothing at all."""


def garbage(line: socket.socket) -> None:
    line.sendall(b"\x00\xff\x16\x03\x01 not http at all\r\n\r\n")


def markup(line: socket.socket) -> None:
    for status in (b"HTTP/1.1 200 <b>OK</b>\r\n", b"x-markup: <img src=x onerror=alert(1)>\r\n"):
        line.sendall(status)
    body = b'{"id": "' + _MARKUP[:20] + b'", "choices": "' + _MARKUP + b'", "content": 7}'
    line.sendall(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def deep(line: socket.socket) -> None:
    body = b"data: " + b'{"choices":[' * 20_000 + b"\n\n"
    line.sendall(_HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)


BEHAVIOURS: dict[str, Callable[[socket.socket], None]] = {
    function.__name__: function for function in (hang, flood, drip, close, garbage, markup, deep)
}


def serve(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    """One thread a connection; readiness probes on /ready are answered as they should be."""
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(line, behave), daemon=True).start()


def _answer(line: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with line, suppress(OSError):
        line.settimeout(60)
        if line.recv(65536).startswith(b"GET /ready"):
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        else:
            behave(line)


@contextmanager
def hostile(behaviour: str) -> Iterator[str]:
    """Its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, BEHAVIOURS[behaviour]), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[2]))) as opened:
        serve(opened, BEHAVIOURS[sys.argv[1]])
