"""What a relay tells of its calls: a line of JSON on stderr for each that carries a trace, and counts of all."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer, Call
    from conformance.faulty.fault import Fault
    from conformance.faulty.sse import Json

_TRACE = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
INPUT = re.compile(rb'"(?:input_tokens|prompt_tokens|promptTokenCount)": ?(\d+)')
OUTPUT = re.compile(rb'"(?:output_tokens|completion_tokens|candidatesTokenCount)": ?(\d+)')


@dataclass
class Heard:
    """A call with what was answered: no status where nothing was, not `whole` where the client left before the end."""

    call: Call
    status: int | None = None
    whole: bool = False
    body: bytearray = field(default_factory=bytearray)

    @property
    def trace(self) -> str | None:
        found = _TRACE.fullmatch("".join(values(self.call.headers, "traceparent")))
        return found[1] if found else None

    def answered(self, answer: Answer) -> Answer:
        self.status = answer.status
        return replace(answer, chunks=self._listening(answer.chunks)) if self.trace else answer

    async def _listening(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.body += chunk
            yield chunk
        self.whole = True

    def row(self) -> Json:
        return {
            "trace": self.trace,
            "method": self.call.method,
            "path": self.call.path,
            "status": self.status,
            "input": largest(INPUT, self.body),
            "output": largest(OUTPUT, self.body),
        }


def largest(pattern: re.Pattern[bytes], body: bytes | bytearray) -> int | None:
    """Streams count on: the last number is the sum."""
    return max(map(int, pattern.findall(body)), default=None)


class Counts:
    """How many calls ended how, in Prometheus' text format."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def add(self, labels: dict[str, str]) -> None:
        said = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items())
        self._calls[said] += 1

    def text(self) -> str:
        lines = [f"relay_requests_total{{{labels}}} {count}" for labels, count in self._calls.items()]
        return "\n".join(["# TYPE relay_requests_total counter", *lines, ""])


def tell(fault: Fault, counts: Counts, heard: Heard) -> None:
    status_class = f"{heard.status // 100}xx" if heard.status else "none"
    counts.add({"status_class": status_class, **fault.labels(heard.call)})
    if heard.trace:
        for row in fault.rows(heard, heard.row()):
            sys.stderr.write(json.dumps(row) + "\n")
