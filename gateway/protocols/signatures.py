"""Signatures on their way through a client of another protocol, and back to the provider that wrote them.

A signature is worth something to its issuer only: in the hub, and in the carriers of other protocols, it is marked with
that issuer. Anthropic and OpenAI sign reasoning: their own carriers (`signature`, `data`, `encrypted_content`) hold the
signature as they made it. Gemini signs parts of any kind, and wants each signature back on the part that it stood on,
which its mark tells. A signature on anything but a thought becomes a `RedactedThinking` of its own: before its `call`,
after its `text`, or in the place of a part that held nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from gateway.protocols import hub

if TYPE_CHECKING:
    from collections.abc import Iterable

Place = Literal["thought", "call", "text", "empty"]
Issuer = Literal["anthropic", "openai"]
_MARKED = ("anthropic.", "openai.", "gemini.")
_MARKS: dict[Place, str] = {
    "thought": "gemini.thought.",
    "call": "gemini.call.",
    "text": "gemini.text.",
    "empty": "gemini.empty.",
}


class Signed(NamedTuple):
    """Gemini's own signature, and where it stood."""

    place: Place
    signature: str


def marked(place: Place, signature: str) -> str:
    return _MARKS[place] + signature


def unmarked(token: str) -> Signed | None:
    """None where it is not Gemini's."""
    found = (Signed(place, token[len(mark) :]) for place, mark in _MARKS.items() if token.startswith(mark))
    return next(found, None)


def of_calls(parts: Iterable[hub.Part]) -> dict[str, str]:
    """Gemini's signatures by the ids of the calls that they stood on."""
    found: dict[str, str] = {}
    before: Signed | None = None
    for part in parts:
        if isinstance(part, hub.ToolUse) and before and before.place == "call":
            found[part.id] = before.signature
        before = unmarked(part.data) if isinstance(part, hub.RedactedThinking) else None
    return found


def only_geminis(parts: Iterable[hub.Part]) -> list[hub.Part]:
    """Without the reasoning that Gemini would not know again."""
    return [part for part in parts if _token(part) is None or unmarked(_token(part) or "")]


def read(issuer: Issuer, token: str) -> str:
    """A signature from a carrier of the issuer's protocol: its own, if it bears no other mark."""
    return token if not token or token.startswith(_MARKED) else f"{issuer}.{token}"


def written(issuer: Issuer, token: str) -> str:
    """For a carrier of the issuer's protocol: its own signatures stand there as it made them."""
    return token.removeprefix(f"{issuer}.")


def only(issuer: Issuer, parts: Iterable[hub.Part]) -> list[hub.Part]:
    """Without the reasoning that the issuer has not signed."""
    return [part for part in parts if (token := _token(part)) is None or token.startswith(f"{issuer}.")]


def _token(part: hub.Part) -> str | None:
    match part:
        case hub.Thinking(signature=token) | hub.RedactedThinking(data=token):
            return token
        case _:
            return None
