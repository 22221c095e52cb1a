"""Request bodies sent to the letter, without an SDK that edits them, and what became of them on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from conformance.api import MESSAGES, RESPONSES, differences, documented

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager

    from conformance.api import Client, Exchange, Http, Received, Reply, Surface, Upstream

_ROOM = {"max_tokens": 16384}
_SHOWN = 12
_REFUSED = "refused with"


def conversation(surface: Surface) -> str:
    """The field that holds the conversation."""
    return "input" if surface == RESPONSES else "messages"


@dataclass(frozen=True)
class Variant:
    """A request: further fields, and what follows the prompt in the conversation."""

    fields: dict[str, Any] = field(default_factory=dict)
    turns: list[Any] = field(default_factory=list)
    name: str = "all at once"


@dataclass(frozen=True)
class Sender:
    """Sends bodies through the gateway in hand, each under a script of its own; `path` counts in place of asking."""

    client: Client
    http: Http
    upstream: Upstream
    path: str = ""

    def body(self, variant: Variant, prompt: str) -> dict[str, Any]:
        said = conversation(self.client.surface)
        room = _ROOM if self.client.surface == MESSAGES else {}
        body = self.client.body(prompt) | room | variant.fields
        if self.path:
            del body["max_tokens"]
        turns = variant.fields.get(said, [{"role": "user", "content": prompt}])
        return body | {said: [*turns, *variant.turns]}

    async def post(self, body: Any) -> Exchange:
        """One call with the credentials of an agent; a body of bytes goes as it is."""
        return await self.http.send("POST", self._url, headers=self._headers(), body=body)

    def opened(self, body: Any) -> AbstractAsyncContextManager[tuple[Exchange, AsyncIterator[bytes]]]:
        """The same, with the answer's body still to come."""
        return self.http.open("POST", self._url, headers=self._headers(), body=body)

    async def delivered(self, body: Any, *replies: Reply) -> Received:
        """What the upstream received of a body, which is made to carry the script's prompt in place of `PROMPT`."""
        script = await self.upstream.answers(*replies)
        answer = await self.post(body.replace(b"PROMPT", script.prompt.encode()))
        assert answer.status == 200, f"refused with {answer.status}: {answer.content[:300]!r}"
        return await script.received()

    async def harm(self, variant: Variant) -> list[str]:
        """What of a request was refused, lost or changed on the way; what was added does not count."""
        return [line for line in await self.differing(variant) if not line.startswith("added ")]

    async def differing(self, variant: Variant) -> list[str]:
        """All in which the upstream's request is not the client's; a refusal is one line."""
        script = await self.upstream.answers()
        body = self.body(variant, script.prompt)
        answer = await self.post(body)
        if answer.status != 200:
            return [f"{_REFUSED} {answer.status}: {answer.content[:200].decode(errors='replace')}"]
        if self.path and not await script.journal():
            return []  # a gateway that counts by itself, which another check judges
        received = (await script.received()).json
        return sorted(differences(received | {"model": body["model"]}, body))

    async def unharmed(
        self, at_once: Iterable[Variant], apart: Iterable[Variant], *, aside: Callable[[str], bool] = lambda _: False
    ) -> None:
        """Everything arrives: all at once or, as some things may exclude each other, each by itself.

        Lines of `harm` that are set aside are another check's business.
        """
        if not [line for variant in at_once for line in await self.harm(variant)]:
            return
        found: list[str] = []
        for variant in apart:
            found += [f"{variant.name}: {line}" for line in await self.harm(variant) if not aside(line)]
            if len(found) > _SHOWN:
                break
        assert not found, "\n".join([*found[:_SHOWN], *(["and so on"] if len(found) > _SHOWN else [])])

    @property
    def _url(self) -> str:
        return self.client.door.url + (self.path or self.client.path)

    def _headers(self) -> list[tuple[str, str]]:
        key = self.client.door.key
        if self.client.surface != MESSAGES:
            return [("authorization", f"Bearer {key}")]
        betas = ",".join(documented.betas())
        return [("x-api-key", key), ("anthropic-version", "2023-06-01"), ("anthropic-beta", betas)]


def options_apart(options: dict[str, list[Any]]) -> Iterator[Variant]:
    """Each form of each option in a request of its own."""
    for name, forms in options.items():
        for form in forms:
            fields = {name: form} | ({"stream": True} if name == "stream_options" else {})
            yield Variant(fields, name=f"{name}={str(form)[:60]}")


def turns_apart(turns: list[Any]) -> Iterator[Variant]:
    """Each kind of turn by itself; of a message of many blocks, each kind of block."""
    for (role, kind), group in groupby(_single(turns), key=lambda turn: (turn.get("role"), _kind(turn))):
        yield Variant(turns=list(group), name=f"{role or ''} {kind}".strip())


def _single(turns: list[Any]) -> Iterator[Any]:
    for turn in turns:
        content = turn.get("content")
        blocks = content if "role" in turn and isinstance(content, list) else [content]
        yield from ([turn | {"content": [block]} for block in blocks] if len(blocks) > 1 else [turn])


def _kind(turn: Any) -> Any:
    content = turn.get("content")
    return content[0].get("type") if "role" in turn and content and isinstance(content, list) else turn.get("type")


def refused(line: str) -> bool:
    """A refusal that says that this is not taken here: not silent, and so no loss."""
    return line.startswith((f"{_REFUSED} 4", f"{_REFUSED} 501"))


def silent(line: str) -> bool:
    return not line.startswith(_REFUSED)
