"""An upstream that answers with what it received, as far as it is not told to misbehave."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.sockets import is_over

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Echo(ThreadingHTTPServer):
    """`?gated` waits for `gate` before its second chunk, `?silent` before it answers; `?cut` breaks off.

    `asked` is set with the first request, `abandoned` when its caller has left.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.gate = threading.Event()
        self.asked = threading.Event()
        self.abandoned = threading.Event()
        self.received: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Echo

    def do_GET(self) -> None:
        body = self.body()
        received = {"path": self.path, "headers": self.headers.items(), "body": body.decode("latin-1")}
        self.server.received.append(received)
        self.server.asked.set()
        if self.path.endswith(("?gated", "?silent")):
            threading.Thread(target=self.watch, daemon=True).start()
        if self.path.endswith("?silent"):
            self.server.gate.wait(60)
        elif self.path.endswith(("?gated", "?cut")):
            self.stream()
        else:
            answer = CHAT if self.path == "/openai/v1/chat/completions" else received
            self.answer(json.dumps(answer).encode())

    def do_POST(self) -> None:
        self.do_GET()

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, body: bytes) -> None:
        self.send_response(200, "Fine")
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Accel-Buffering", "no"),
            ("X_Odd", "kept"),
            ("Set-Cookie", "a=b"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        if self.path.endswith("?gated"):
            self.server.gate.wait(60)
            self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")
        self.close_connection = True

    def watch(self) -> None:
        """Nothing more is due from the gateway, so whatever comes is its leaving."""
        if is_over(self.connection):
            self.server.abandoned.set()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it
        pass


@contextmanager
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
            thread.join()
