"""HTTP/1.1 answers as a load generator reads them: cheaply, and to their very end."""

from __future__ import annotations

import time

END_OF_HEAD = b"\r\n\r\n"


class Answer:
    """One answer, fed as it comes. Raises `ValueError` where it is not HTTP/1.1 with a length or chunks."""

    def __init__(self) -> None:
        self.status = 0
        self.first_byte = 0.0  # of the body, on the clock of `time.perf_counter`
        self.complete = False
        self._rest = b""
        self._pieces: list[bytes] = []
        self._length: int | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    def feed(self, data: bytes) -> None:
        if self.complete:
            raise ValueError("more bytes after its end")
        self._rest += data
        if not self.status:
            self._read_head()
        if self.status and self._rest:
            self.first_byte = self.first_byte or time.perf_counter()
            self._read_body()

    def _read_head(self) -> None:
        head, found, rest = self._rest.partition(END_OF_HEAD)
        if not found:
            return
        first, *lines = head.decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        if headers.get("transfer-encoding") != "chunked":
            self._length = int(headers["content-length"]) if "content-length" in headers else _refuse(first)
        self._rest, self.status = rest, int(first.split(" ")[1])
        self.complete = self._length == 0

    def _read_body(self) -> None:
        if self._length is None:
            self._read_chunks()
        elif len(self._rest) >= self._length:
            self._pieces, self.complete = [self._rest], len(self._rest) == self._length
            if not self.complete:
                raise ValueError("more bytes than Content-Length says")

    def _read_chunks(self) -> None:
        """Chunks without extensions or trailers, which nobody here sends."""
        rest, at = self._rest, 0
        while (line := rest.find(b"\r\n", at)) >= 0:
            size = int(rest[at:line], 16)
            start, end = line + 2, line + 2 + size
            if len(rest) < end + 2:
                break
            if rest[end : end + 2] != b"\r\n":
                raise ValueError("a chunk that is longer than it says")
            if size:
                self._pieces.append(rest[start:end])
            else:
                self.complete = True
            at = end + 2
        self._rest = rest[at:]


def _refuse(first_line: str) -> int:
    raise ValueError(f"{first_line}: neither a length nor chunks")
