"""Recorded traffic through a target: the client's side sent again, the provider's side answered again, both compared.

A recorded body holds no case token and none is put into it: replays run one at a time, and the upstream answers
whatever comes. Each recording goes first straight to the upstream, which must be faultless, and through faulty relays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import anyio

from conformance.drivers import Http, Tape
from conformance.recordings.judging import CREDENTIALS, OF_ONE_HOP, Findings, judged
from conformance.recordings.routes import unserved
from conformance.run import evidence
from conformance.run.stage import DIRECT, FAULT, TARGET
from conformance.run.staging import staged
from conformance.surface import BELOW_PROVIDER, PROVIDER_OF, Surface
from conformance.upstream import PATIENCE, Reply, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from conformance.drivers import Door, Exchange
    from conformance.recordings.recording import Recording
    from conformance.run.stage import Stage, Subject
    from conformance.target import Target
    from conformance.upstream import Received
    from conformance.upstream.journal import Headers

FAULTS = ("injects-field", "rewrites-answer-id")
"""One for each direction: relays that no replay may let pass."""

_DEADLINE = PATIENCE
_SILENCES = 3
_VERSION = ("anthropic-version", "2023-06-01")


@dataclass(frozen=True)
class Played:
    """One recording at one subject.

    `status` is what the client got, None for no answer at all; `silent` says that no answer came to its end;
    `evidence` is a path below the report's directory.
    """

    recording: Recording
    findings: Findings
    seconds: float
    status: int | None
    reached_the_provider: bool
    silent: bool
    evidence: str = ""


@dataclass(frozen=True)
class Replayed:
    """A whole replay: at the target, and the controls by lane."""

    version: str
    played: tuple[Played, ...]
    controls: dict[str, tuple[Played, ...]]
    started_at: datetime
    seconds: float


def replayed(
    target: Target, recordings: Sequence[Recording], out: Path, *, watch: Callable[[str, Played], None]
) -> Replayed:
    """Play every recording that the target has a surface for; raises what kept it from starting."""
    started_at, clock = datetime.now(UTC), monotonic()
    with staged(target, out) as (stage, running):
        assert running is not None, "a stage with a target runs it"
        lanes = anyio.run(_lanes, stage, target, recordings, watch)
        return Replayed(running.version, lanes.pop(TARGET), lanes, started_at, monotonic() - clock)


async def _lanes(
    stage: Stage, target: Target, recordings: Sequence[Recording], watch: Callable[[str, Played], None]
) -> dict[str, tuple[Played, ...]]:
    async with Upstream(stage.upstream) as upstream:
        lanes = {}
        for lane in (DIRECT, *(FAULT + name for name in FAULTS), TARGET):
            player = _Player(stage, stage.subjects[lane], target, upstream)
            lanes[lane] = await player.play_all(
                [recording for recording in recordings if player.takes(recording)], watch
            )
    return lanes


@dataclass(frozen=True)
class _Player:
    """Plays recordings at one subject."""

    stage: Stage
    subject: Subject
    target: Target
    upstream: Upstream

    def takes(self, recording: Recording) -> bool:
        served = recording.surface in self.subject.doors
        return served and (self.subject.is_target or unserved(recording, None) is None)

    async def play_all(
        self, recordings: Sequence[Recording], watch: Callable[[str, Played], None]
    ) -> tuple[Played, ...]:
        """One after the other; a subject that answers nothing any more is not waited for to the end."""
        played: list[Played] = []
        for recording in recordings:
            silent = [each.silent for each in played[-_SILENCES:]]
            lost = len(silent) == _SILENCES and all(silent)
            played.append(_not_sent(recording) if lost else await self._play(recording))
            watch(self.subject.name, played[-1])
        return tuple(played)

    async def _play(self, recording: Recording) -> Played:
        clock, tape = monotonic(), Tape()
        await self.upstream.answers_strangers(Reply(verbatim=recording.answer))
        failed = await self._send(recording, tape)
        received = await self.upstream.journal()
        findings = Findings(must=(failed,)) if failed else self._judged(recording, tape.last, received)
        seconds, last = round(monotonic() - clock, 4), tape.last
        where = self._kept(recording, tape.exchanges, received)
        return Played(recording, findings, seconds, last.status, bool(received), not last.complete, where)

    async def _send(self, recording: Recording, tape: Tape) -> str:
        """What went wrong before there was anything to compare; "" for nothing."""
        door = self.subject.doors[recording.surface]
        http = Http(tape, door.headers)
        url = door.url + recording.path.removeprefix(BELOW_PROVIDER[PROVIDER_OF[recording.surface]])
        url += f"?{recording.query}" if recording.query else ""
        try:
            with anyio.fail_after(_DEADLINE):
                await http.send(
                    recording.method, url, headers=_headers(recording, door), body=self._body(recording, door)
                )
        except (AssertionError, TimeoutError) as error:
            return str(error) or f"no complete answer within {_DEADLINE:.0f} s"
        finally:
            await http.aclose()
        return ""

    def _renames(self) -> bool:
        return self.subject.is_target and not self.target.any_model

    def _body(self, recording: Recording, door: Door) -> bytes | None:
        return _for_model(recording.body, door.model) if recording.body and self._renames() else recording.body

    def _judged(self, recording: Recording, exchange: Exchange, received: Sequence[Received]) -> Findings:
        findings = judged(recording, exchange, received, renamed=self._renames())
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
        where = f"evidence/{recording.surface}/{recording.id}"
        evidence.write(self.stage.out / where, exchanges, received, self.stage.known_secrets)
        return where


def _not_sent(recording: Recording) -> Played:
    why = f"not sent: {_SILENCES} calls before it got no complete answer"
    return Played(recording, Findings(must=(why,)), 0.0, None, reached_the_provider=False, silent=True)


def _headers(recording: Recording, door: Door) -> Headers:
    """As recorded, but for what belongs to one hop, with our key in the recorded carrier.

    Some recordings lost their `anthropic-version`, without which the provider had not answered.
    """
    kept = tuple(h for h in recording.headers if h[0].lower() not in OF_ONE_HOP | CREDENTIALS)
    named = {name.lower() for name, _ in recording.headers}
    messages = recording.surface is Surface.ANTHROPIC_MESSAGES
    version = (_VERSION,) if messages and "anthropic-version" not in named else ()
    bearer = "authorization" in named or not messages
    credential = ("authorization", f"Bearer {door.key}") if bearer else ("x-api-key", door.key)
    return (*kept, *version, credential)


def _for_model(body: bytes, model: str) -> bytes:
    """The same request for another model; anything that names none stays as it is."""
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return body
    if not isinstance(asked, dict) or "model" not in asked:
        return body
    return json.dumps(asked | {"model": model}, ensure_ascii=False).encode(errors="backslashreplace")
