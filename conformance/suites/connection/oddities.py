"""Requests that two readers of HTTP may read in two ways, and what a gateway makes of them.

Behind each hides a second request. It has no key, and asks for a path with a token of its own: should it reach the
upstream as a request, in whatever way, then it was smuggled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.api import Reply, dialled
from conformance.suites.connection.by_hand import CHUNKED, address, asked, chunk, head, in_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.api import Client, Received, Spoken, Upstream


@dataclass(frozen=True)
class Odd:
    """Header lines and body of such a request; `endless` ones promise more than can come: waiting for it is fair."""

    name: str
    lines: tuple[str, ...]
    body: bytes
    endless: bool = False


@dataclass(frozen=True)
class Material:
    """What oddities are made of: an honest body, and the request that hides behind it."""

    body: bytes
    hidden: bytes


@dataclass(frozen=True)
class Trial:
    """The answer to one (None: the gateway hung up, or waits), and what of it reached the upstream."""

    name: str
    answer: Spoken | None
    received: tuple[Received, ...]

    @property
    def refused(self) -> bool:
        return not self.received and (self.answer is None or self.answer.refuses)


def length(value: object) -> str:
    return f"Content-Length: {value}"


def coded(value: str) -> str:
    return f"Transfer-Encoding: {value}"


def two_framings(it: Material) -> Iterator[Odd]:
    """A length and chunks at once (RFC 9112, 6.1 and 6.3), or lines that one reader takes for a coding."""
    chunks = in_chunks(it.body)
    for name, given in (("short", 4), ("of the chunks", len(chunks)), ("of all", len(chunks + it.hidden))):
        yield Odd(f"chunks and a length: {name}", (length(given), CHUNKED), chunks + it.hidden)
    yield Odd("chunks before a length", (CHUNKED, length(len(chunks + it.hidden))), chunks + it.hidden)
    for line in ("Transfer-Encoding:\r\n chunked", "Transfer-Encoding : chunked", " Transfer-Encoding: chunked"):
        yield Odd(repr(line), (length(len(it.body)), line), it.body + it.hidden)


def no_length(it: Material) -> Iterator[Odd]:
    """Lengths that are none, and codings that do not end in chunks (RFC 9112, 6.3)."""
    size, longer = len(it.body), len(it.body + it.hidden)
    yield Odd("two lengths", (length(size), length(longer)), it.body + it.hidden)
    yield Odd("two lengths, the longer first", (length(longer), length(size)), it.body + it.hidden)
    for value in (f"{size}, {longer}", -1, f"+{size}", hex(size), f"{size} {size}", f"{size}.0", 2**64 + size):
        yield Odd(f"length {value}", (length(value),), it.body + it.hidden, endless=value == 2**64 + size)
    for value in ("xchunked", "chunked, identity", '"chunked"', "\x0bchunked"):
        yield Odd(f"coding {value!r}", (length(size), coded(value)), it.body + it.hidden)


def odd_chunks(it: Material) -> Iterator[Odd]:
    """Sizes that are no hexadecimal number or overflow one, and chunks that do not end where they say (7.1)."""
    size, last = format(len(it.body), "x"), b"0\r\n\r\n" + it.hidden
    huge = "1" + size.rjust(16, "0")
    for given in (f"0x{size}", f"+{size}", f"-{size}", f"0_{size}", huge):
        yield Odd(f"chunk size {given}", (CHUNKED,), chunk(it.body, given) + last, endless=given == huge)
    unended = chunk(it.body)[:-2]
    yield Odd("chunk without an end", (CHUNKED,), unended + last)
    yield Odd("chunk with another end", (CHUNKED,), unended + b"xx" + last)
    yield Odd("chunk extension with LF", (CHUNKED,), chunk(it.body, extension=";a\nb") + last)


async def tried(client: Client, upstream: Upstream, ladder: Callable[[Material], Iterator[Odd]]) -> list[Trial]:
    """Every rung on a connection of its own; then a plain call, whose answer must be its own."""
    script, smuggled = await upstream.answers(), await upstream.answers()
    hidden = (
        f"POST {address(client)}?{smuggled.token} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    )
    bodies = [asked(client, f"{script.prompt} {rung:02}") for rung in range(len(list(ladder(Material(b"", b"")))))]
    odds = [list(ladder(Material(body, hidden)))[rung] for rung, body in enumerate(bodies)]
    answers = [await _sent(client, odd) for odd in odds]
    after = await upstream.answers(Reply(text="mine"))
    assert (await client.ask(after.prompt)).text == "mine", "a plain call got the answer of another"
    journal, found = await script.journal(), await smuggled.journal()
    assert not found, f"a request that hid behind another reached the upstream: {found[0].method} {found[0].path}"
    return [
        Trial(odd.name, answer, tuple(call for call in journal if _marked(call, script.prompt, rung)))
        for rung, (odd, answer) in enumerate(zip(odds, answers, strict=True))
    ]


def _marked(call: Received, prompt: str, rung: int) -> bool:
    return f"{prompt} {rung:02}".encode() in call.body


async def _sent(client: Client, odd: Odd) -> Spoken | None:
    async with dialled(client.door.url, client.tape) as wire:
        await wire.send(head(client, *odd.lines) + odd.body)
        try:
            return await wire.answer()
        except AssertionError:
            if not odd.endless:
                raise
            return None


def assert_read_in_one_way(trials: list[Trial]) -> None:
    """What reached the upstream of each is one request, well-formed, and its body is one JSON object."""
    for trial in trials:
        assert len(trial.received) <= 1, f"{trial.name}: one request became {len(trial.received)}"
        for call in trial.received:
            assert call.legible, f"{trial.name}: what the upstream got is no HTTP: {call.body[-300:]!r}"
            assert is_json(call.body), f"{trial.name}: the upstream got another body: {call.body[:300]!r}"


def is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
