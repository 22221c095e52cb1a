"""The least that can be launched: answers, and misbehaves as its arguments say.

`python small_gateway.py PORT [MARKER] [flags…]`; MARKER only makes the process recognisable in the process table.
"""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEYS: dict[str, object] = {}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/environment":
            self.answer(200, dict(os.environ))
        elif self.path == "/pid":
            self.answer(200, os.getpid())
        elif self.path == "/keys":
            self.answer(200, KEYS)
        else:
            self.answer(503 if "--never-ready" in sys.argv else 200, {})

    def do_POST(self) -> None:
        if self.headers.get("x-admin") != os.environ.get("ADMIN"):
            self.answer(403, {"error": f"not {self.headers.get('x-admin')}"})
        elif self.path == "/keys":
            key = f"minted-key-number-{len(KEYS)}"
            KEYS[key] = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.answer(200, {"data": [{"token": key}]})
        else:
            self.answer(200, KEYS.pop(self.path.split("/")[2]))

    def do_DELETE(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        pass

    def answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


def main() -> None:
    if "--stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for flag, detached in (("--child", False), ("--daemon", True)):
        if flag in sys.argv:
            sleeper = [sys.executable, "-c", "import signal; signal.pause()", *sys.argv[2:3]]
            subprocess.Popen(sleeper, start_new_session=detached)
    if "--exit" in sys.argv:
        sys.stdout.write(f"cannot open the database {os.environ.get('ADMIN')}\n")
        sys.exit(7)
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        sys.stderr.write("small gateway is up\n")
        server.serve_forever()


if __name__ == "__main__":
    main()
