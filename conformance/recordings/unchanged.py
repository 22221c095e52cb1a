"""Recorded traffic byte for byte: the client's side sent again, the provider's side answered again, both compared."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio

from conformance.drivers import Http, Tape
from conformance.recordings.judging import CREDENTIALS, OF_ONE_HOP, Findings, judged
from conformance.recordings.plays import Played, Way
from conformance.recordings.routes import with_model
from conformance.run import evidence
from conformance.surface import BELOW_PROVIDER, PROVIDER_OF, Surface
from conformance.upstream import PATIENCE, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.drivers import Door, Exchange
    from conformance.recordings.recording import Recording
    from conformance.run.stage import Stage, Subject
    from conformance.upstream import Received, Upstream
    from conformance.upstream.journal import Headers

_DEADLINE = PATIENCE
_VERSION = ("anthropic-version", "2023-06-01")
_CARRIERS = {
    Surface.ANTHROPIC_MESSAGES: "x-api-key",
    Surface.AZURE_OPENAI: "api-key",
    Surface.GEMINI: "x-goog-api-key",
}


@dataclass(frozen=True)
class Unchanged:
    """Plays recordings at one subject, where client and provider speak the same protocol."""

    stage: Stage
    subject: Subject
    upstream: Upstream
    renames: bool  # the subject knows its models alone, and is asked for one of them

    def way(self, recording: Recording) -> Way:
        return Way("unchanged", recording.surface, recording.surface)

    async def play(self, recording: Recording) -> Played:
        clock, tape = monotonic(), Tape()
        await self.upstream.answers_strangers(Reply(verbatim=recording.answer))
        failed = await self._send(recording, tape)
        received = await self.upstream.journal()
        findings = Findings(must=(failed,)) if failed else self._judged(recording, tape.last, received)
        seconds, last = round(monotonic() - clock, 4), tape.last
        where = self._kept(recording, tape.exchanges, received)
        way = self.way(recording)
        reached = bool(received)
        return Played(recording, way, "http", findings, seconds, last.status, not last.complete, reached, where)

    async def _send(self, recording: Recording, tape: Tape) -> str:
        """What went wrong before there was anything to compare; "" for nothing."""
        door = self.subject.doors[recording.surface]
        http = Http(tape, door.headers)
        asked = for_model(recording, door.model) if self.renames else recording
        try:
            with anyio.fail_after(_DEADLINE):
                await http.send(asked.method, url_of(asked, door), headers=headers_of(asked, door), body=asked.body)
        except (AssertionError, TimeoutError) as error:
            return str(error) or f"no complete answer within {_DEADLINE:.0f} s"
        finally:
            await http.aclose()
        return ""

    def _judged(self, recording: Recording, exchange: Exchange, received: Sequence[Received]) -> Findings:
        model = self.subject.doors[recording.surface].upstream_model
        expected = replace(recording, path=with_model(recording.path, model)) if self.renames else recording
        findings = judged(expected, exchange, received, renamed=self.renames)
        leaks = tuple(f"leaked: {leak}" for leak in self._leaks(exchange, received))
        return replace(findings, must=findings.must + leaks)

    def _leaks(self, exchange: Exchange, received: Sequence[Received]) -> Iterator[object]:
        if not self.subject.is_target:
            return
        providers = {name: secret for name, secret in self.stage.secrets.items() if name != "client"}
        yield from evidence.leaks_to_client([exchange], list(providers.values()))
        yield from evidence.leaks_to_upstream(received, [self.stage.secrets["client"]], providers)

    def _kept(self, recording: Recording, exchanges: Sequence[Exchange], received: Sequence[Received]) -> str:
        """Where the evidence of a target lies; "" for the controls, which leave none."""
        if not self.subject.is_target or self.stage.out is None:
            return ""
        where = f"evidence/{recording.protocol}/{recording.id}"
        evidence.write(self.stage.out / where, exchanges, received, self.stage.known_secrets)
        return where


def url_of(recording: Recording, door: Door) -> str:
    """Where a recorded request goes, with our key where the recorded one stood in the query."""
    below = recording.path.removeprefix(BELOW_PROVIDER[PROVIDER_OF[recording.surface]])
    pairs = (pair.partition("=") for pair in recording.query.split("&"))
    query = "&".join(f"key={quote(door.key)}" if name == "key" else name + eq + value for name, eq, value in pairs)
    return door.url + below + (f"?{query}" if query else "")


def headers_of(recording: Recording, door: Door) -> Headers:
    """As recorded, but for what belongs to one hop, with our key in the recorded carrier.

    Some recordings lost their `anthropic-version`, without which the provider had not answered.
    """
    kept = tuple(h for h in recording.headers if h[0].lower() not in OF_ONE_HOP | CREDENTIALS)
    named = {name.lower() for name, _ in recording.headers}
    messages = recording.surface is Surface.ANTHROPIC_MESSAGES
    version = (_VERSION,) if messages and "anthropic-version" not in named else ()
    return (*kept, *version, *_credential(recording, door, named))


def _credential(recording: Recording, door: Door, named: set[str]) -> Headers:
    if recording.surface is Surface.GEMINI and "key=" in recording.query:
        return ()
    carrier = "authorization" if "authorization" in named else _CARRIERS.get(recording.surface, "authorization")
    return ((carrier, f"Bearer {door.key}" if carrier == "authorization" else door.key),)


def for_model(recording: Recording, model: str) -> Recording:
    """The same request for another model; one that names none stays as it is."""
    asked: Any = recording.asked
    path = with_model(recording.path, model)
    if not isinstance(asked, dict) or "model" not in asked:
        return replace(recording, path=path)
    body = json.dumps(asked | {"model": model}, ensure_ascii=False).encode(errors="backslashreplace")
    return replace(recording, path=path, body=body)
