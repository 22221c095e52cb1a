"""Recorded traffic through translations: answers to clients of other protocols, requests to other providers."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

import anyio

from conformance.drivers import CLIENTS, Ask, Http, Mode, Tape
from conformance.oracles import GRAMMARS, assert_in_order
from conformance.recordings import asking, meaning
from conformance.recordings.judging import Findings
from conformance.recordings.plays import Played, Way
from conformance.recordings.routes import form_of
from conformance.recordings.unchanged import for_model, headers_of, url_of
from conformance.run import evidence
from conformance.surface import Surface
from conformance.upstream import PATIENCE, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.drivers import Client, Door
    from conformance.recordings.recording import Recording
    from conformance.run.stage import Stage, Subject
    from conformance.upstream import Upstream

HUB = {Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES, Surface.GEMINI}
_DIALECTS = {
    Surface.MISTRAL: Surface.OPENAI_CHAT,
    Surface.AZURE_OPENAI: Surface.OPENAI_CHAT,
    Surface.BEDROCK: Surface.ANTHROPIC_MESSAGES,
    Surface.VERTEX: Surface.ANTHROPIC_MESSAGES,
}
"""Recordings of the hub go from each of its protocols to each other; dialects keep to the one that they are of."""

_DEADLINE = PATIENCE
_USAGE = {"stream_options": {"include_usage": True}}


def ways_of(recording: Recording, subject: Subject) -> Iterator[Way]:
    """Where a recording goes through the subject's translations; one that holds no answer goes nowhere."""
    form, spoken = form_of(recording), recording.surface
    if not meaning.readable(recording):
        return
    for client, bridges in subject.bridges.items():
        if spoken in bridges and (client == form or {client, spoken} <= HUB):
            yield Way("answer", client, spoken)
    for provider in subject.bridges.get(spoken, ()) if spoken in HUB else ():
        if provider in HUB or _DIALECTS[provider] == spoken:
            yield Way("request", spoken, provider)


@dataclass(frozen=True)
class Across:
    """Plays recordings at one subject, one call at a time; SDKs are made once and kept."""

    stage: Stage
    subject: Subject
    upstream: Upstream
    tape: Tape = field(default_factory=Tape)
    _clients: dict[tuple[Door, Surface, Mode], Client] = field(default_factory=dict)

    async def play(self, recording: Recording, way: Way) -> Played:
        clock = monotonic()
        self.tape.exchanges.clear()
        try:
            with anyio.fail_after(_DEADLINE):
                found = await (self._answer if way.part == "answer" else self._request)(recording, way)
        except TimeoutError:
            found = [f"no complete answer within {_DEADLINE:.0f} s"]
        except AssertionError as error:
            found = [str(error)]
        last, seconds = self.tape.last, round(monotonic() - clock, 4)
        where, findings = await self._kept(recording, way) if found else "", Findings(must=tuple(found))
        driver = _mode(recording) if way.part == "answer" else "http"
        return Played(recording, way, driver, findings, seconds, last.status, silent=not last.complete, evidence=where)

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def _answer(self, recording: Recording, way: Way) -> list[str]:
        """What the SDK of that surface makes of the recorded answer."""
        mode = _mode(recording)
        client = self._client(self._door(way), way.client, mode)
        await self.upstream.answers_strangers(Reply(verbatim=recording.answer))
        ask = Ask("Say it again.", fields=_USAGE if way.client is Surface.OPENAI_CHAT and mode.streams else {})
        if recording.fails:
            return list(meaning.misreported(await client.fails(ask), recording, self.tape.last))
        answer = await client.ask(ask)
        if recording.streams and way.client in GRAMMARS:
            assert_in_order(way.client, self.tape.last.content)
        return list(meaning.changed(answer, meaning.recorded_answer(recording), way.client))

    async def _request(self, recording: Recording, way: Way) -> list[str]:
        """What reaches the provider of the recorded request."""
        door = self._door(way)
        await self.upstream.answers_strangers(Reply(text="ok"))
        asked, http = for_model(recording, door.model), Http(self.tape, door.headers)
        try:
            exchange = await http.send(
                asked.method, url_of(asked, door), headers=headers_of(asked, door), body=asked.body
            )
        finally:
            await http.aclose()
        return list(asking.changed(asked, way.provider, exchange, await self.upstream.journal()))

    def _door(self, way: Way) -> Door:
        return self.subject.door(way.client, None if way.client == way.provider else way.provider)

    def _client(self, door: Door, surface: Surface, mode: Mode) -> Client:
        key = (door, surface, mode)
        if key not in self._clients:
            self._clients[key] = CLIENTS[surface](door, mode, self.tape)
        return self._clients[key]

    async def _kept(self, recording: Recording, way: Way) -> str:
        """Where the evidence of a finding at a target lies."""
        if not self.subject.is_target or self.stage.out is None:
            return ""
        where = f"evidence/{recording.protocol}/{recording.id}/{way.part}-{way.client}-{way.provider}"
        received = await self.upstream.journal()
        evidence.write(self.stage.out / where, self.tape.exchanges, received, self.stage.known_secrets)
        return where


def _mode(recording: Recording) -> Mode:
    return Mode.ASYNC_STREAM if recording.asks_for_stream else Mode.ASYNC
