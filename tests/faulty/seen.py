"""One stimulus through the faithful relay and through a faulty one, and what differs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx2

from conformance.surface import Surface
from conformance.upstream import Delivery, Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.upstream import Received, Scripted

PATHS = {
    Surface.ANTHROPIC_MESSAGES: "/v1/messages",
    Surface.OPENAI_CHAT: "/v1/chat/completions",
    Surface.OPENAI_RESPONSES: "/v1/responses",
    Surface.GEMINI: "/v1beta/models/m:generateContent",
    Surface.BEDROCK: "/model/m/invoke",
    Surface.VERTEX: "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
    Surface.AZURE_OPENAI: "/openai/deployments/m/chat/completions?api-version=2025-04-01-preview",
}
_NUMBERED = re.compile(r"(case-[0-9a-f]{12})_\d+")
_PER_CALL = {"date", "content-length", "transfer-encoding", "host", "connection"}
_TEXT = Reply(text=("Grüße. ", "It is a ", "fine day."), usage=Usage(100, 50, 30, 20, 10))


@dataclass(frozen=True)
class Stimulus:
    """A call and its scripted answer; `turns` follow the prompt, `path` stands for another one than the surface's."""

    surface: Surface
    reply: Reply = _TEXT
    stream: bool = False
    turns: tuple[dict[str, Any], ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    path: str = ""
    method: str = "POST"

    def __str__(self) -> str:
        return f"{self.surface}{'-stream' * self.stream}"

    def but(self, **fields: Any) -> Stimulus:
        return replace(self, **fields)

    def delivered(self, **delivery: Any) -> Stimulus:
        return replace(self, stream=True, reply=replace(self.reply, delivery=Delivery(**delivery)))

    def body(self, prompt: str) -> bytes:
        if self.surface is Surface.GEMINI:
            contents = [{"role": "user", "parts": [{"text": prompt}]}, *self.turns]
            return json.dumps({"contents": contents, **dict(self.fields)}).encode()
        if self.surface in {Surface.BEDROCK, Surface.VERTEX}:
            said = [{"role": "user", "content": prompt}, *self.turns]
            return json.dumps({"anthropic_version": "2098-01-01", "messages": said, **dict(self.fields)}).encode()
        turns = "input" if self.surface is Surface.OPENAI_RESPONSES else "messages"
        said = [{"role": "user", "content": prompt}, *self.turns]
        return json.dumps({"model": "m", turns: said, **dict(self.fields), "stream": self.stream}).encode()


CLAUDE = Stimulus(Surface.ANTHROPIC_MESSAGES)
CHAT = Stimulus(Surface.OPENAI_CHAT)
RESPONSES = Stimulus(Surface.OPENAI_RESPONSES)
GEMINI = Stimulus(Surface.GEMINI)
AZURE = Stimulus(Surface.AZURE_OPENAI)
BEDROCK = Stimulus(Surface.BEDROCK)
VERTEX = Stimulus(Surface.VERTEX)
COUNT = CLAUDE.but(path="/v1/messages/count_tokens")
MODELS = CHAT.but(path="/v1/models", method="GET")
TOLD = CLAUDE.but(stream=True)
CHATTED = CHAT.but(stream=True)
RESPONDED = RESPONSES.but(stream=True)
METERED = CHATTED.but(fields=(("stream_options", {"include_usage": True}),))


def with_header(name: str, value: str = "1", on: Stimulus = CLAUDE) -> Stimulus:
    return on.but(headers=((name, value),))


def asked(on: Stimulus, **fields: object) -> Stimulus:
    return on.but(fields=tuple(fields.items()))


@dataclass(frozen=True)
class Seen:
    """What the client saw, and what the upstream received for it. `whole`: the answer ended as HTTP says it should."""

    status: int
    headers: httpx2.Headers
    body: bytes
    whole: bool
    received: list[Received]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def asked(self) -> Any:
        return self.received[0].json

    @property
    def events(self) -> list[Any]:
        """The data of each event; names are left to `text`."""
        blocks = self.text.replace("\r\n", "\n").split("\n\n")
        data = [line[6:] for block in blocks for line in block.split("\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in data]

    @property
    def types(self) -> list[str]:
        return [event.get("type", "") for event in self.events if isinstance(event, dict)]

    def sent(self, name: str) -> list[str]:
        return self.received[0].values(name)


def differences(clean: Seen, faulty: Seen) -> set[str]:
    """The aspects in which two calls differ."""
    one, other = _aspects(clean), _aspects(faulty)
    return {aspect for aspect in one if one[aspect] != other[aspect]}


def _aspects(seen: Seen) -> dict[str, Any]:
    request = seen.received[0] if seen.received else None
    return {
        "asked headers": request and _comparable(list(request.headers)),
        "asked query": request and request.query,
        "asked body": request and request.body,
        "calls": len(seen.received),
        "status": seen.status,
        "headers": _comparable(seen.headers.multi_items()),
        "body": _NUMBERED.sub(r"\1", seen.body.decode(errors="replace")),
        "ending": seen.whole,
    }


def _comparable(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in _PER_CALL]
    return sorted((name, _NUMBERED.sub(r"\1", value)) for name, value in kept)


class Lane:
    """Calls through one relay process, as one client."""

    def __init__(self, http: httpx2.AsyncClient, key: str) -> None:
        self.http = http
        self.key = key

    async def call(self, stimulus: Stimulus, script: Scripted, fault: str = "") -> Seen:
        before = len(await script.journal())
        sent = self.http.stream(
            stimulus.method,
            self.url(stimulus, fault, script.token),
            headers=self.headers(stimulus),
            content=stimulus.body(script.prompt) if stimulus.method == "POST" else None,
        )
        async with sent as answer:
            body, whole = await _read(answer)
        return Seen(answer.status_code, answer.headers, body, whole, (await script.journal())[before:])

    def url(self, stimulus: Stimulus, fault: str, token: str = "") -> str:
        prefix = f"/faults/{fault}" if fault else ""
        path = stimulus.path or PATHS[stimulus.surface]
        return f"{prefix}{path}{'&' if '?' in path else '?'}case={token}"

    def headers(self, stimulus: Stimulus) -> list[tuple[str, str]]:
        """The client's own key unless the stimulus brings a credential."""
        names = {name.lower() for name, _ in stimulus.headers}
        carriers = {"authorization", "x-goog-api-key" if stimulus.surface is Surface.GEMINI else "x-api-key"}
        mine = [("authorization", f"Bearer {self.key}")] if not names & carriers else []
        version = stimulus.surface is Surface.ANTHROPIC_MESSAGES and "anthropic-version" not in names
        return [*mine, *([("anthropic-version", "2026-05-05")] if version else []), *stimulus.headers]


async def _read(answer: httpx2.Response) -> tuple[bytes, bool]:
    body = b""
    try:
        async for chunk in answer.aiter_raw():
            body += chunk
    except httpx2.TransportError:
        return body, False
    return body, True


@dataclass(frozen=True)
class Spoils:
    """What a fault changes on one stimulus, and a statement that holds with it and not without it."""

    fault: str
    stimulus: Stimulus
    aspects: str
    shows: Callable[[Seen], Any]

    def __str__(self) -> str:
        return f"{self.fault}-{self.stimulus}"

    @property
    def expected(self) -> set[str]:
        return set(self.aspects.split(", "))
