"""What the hub can say, made up by hypothesis: requests, answers, and the pieces that a stream falls into."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

from gateway.protocols import hub
from gateway.protocols.codec import compact

if TYPE_CHECKING:
    from collections.abc import Sequence

examples = settings(max_examples=25, database=None, derandomize=True)
LETTERS = st.characters(exclude_categories=["Cs"])
TEXT = st.text(LETTERS, min_size=1, max_size=12)
NAME = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,15}", fullmatch=True)
BASE64 = st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode())
NUMBER = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | st.text(LETTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(TEXT, VALUE, max_size=3).map(compact)
SCHEMA = st.dictionaries(NAME, st.just({"type": "string"}), max_size=3).map(
    lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)}
)

texts = st.builds(hub.Text, TEXT)
thoughts = st.builds(hub.Thinking, TEXT, st.just("") | BASE64)
refusals = st.builds(hub.Refusal, TEXT)
images = st.builds(hub.Image, st.sampled_from(["image/png", "image/webp"]), BASE64) | st.builds(
    hub.Image, url=NAME.map("https://images.example/{}.png".format)
)
documents = st.builds(hub.Document, st.just("application/pdf"), BASE64, NAME)
shown = texts | images | documents


@st.composite
def calls(draw: st.DrawFn, most: int = 3) -> tuple[hub.ToolUse, ...]:
    """Each under an id of its own."""
    names = draw(st.lists(NAME, max_size=most))
    ids = draw(st.lists(NAME, min_size=len(names), max_size=len(names), unique=True))
    return tuple(hub.ToolUse(f"call_{given}", name, draw(ARGUMENTS)) for given, name in zip(ids, names, strict=True))


@st.composite
def answers(draw: st.DrawFn, stops: Sequence[hub.Stop] = ("end", "length", "refusal")) -> hub.Answer:
    """Thoughts, then text, then calls, as models have it; they stop as what they say demands."""
    said = draw(calls())
    thought, text = draw(st.lists(thoughts, max_size=1)), draw(st.lists(texts, min_size=0 if said else 1, max_size=1))
    stop: hub.Stop = draw(st.sampled_from(["tool-use", "length"] if said else stops))
    ended = draw(TEXT) if stop == "stop-sequence" else None
    return hub.Answer(draw(NAME), "model", (*thought, *text, *said), stop, draw(usages()), ended)


@st.composite
def usages(draw: st.DrawFn) -> hub.Usage:
    """Parts are never more than their whole."""
    count = st.integers(0, 10**6)
    read, written, reasoning = draw(count), draw(count), draw(count)
    return hub.Usage(read + written + draw(count), reasoning + draw(count), read, written, reasoning)


@st.composite
def results(draw: st.DrawFn, call_id: str) -> hub.ToolResult:
    return hub.ToolResult(call_id, tuple(draw(st.lists(shown, min_size=1, max_size=2))), draw(st.booleans()))


@st.composite
def conversations(draw: st.DrawFn) -> list[hub.Turn]:
    """A system prompt or none; then what the user says, what the model answers and calls, and what its tools say."""
    turns = [hub.Turn("system", (part,)) for part in draw(st.lists(texts, max_size=1))]
    for _ in range(draw(st.integers(1, 3))):
        turns.append(hub.Turn("user", tuple(draw(st.lists(shown, min_size=1, max_size=2)))))
        called = [replace(call, id=f"{call.id}_{len(turns)}") for call in draw(calls(2))]
        said = draw(st.lists(texts | refusals, min_size=0 if called else 1, max_size=1))
        turns.append(hub.Turn("assistant", (*said, *called)))
        turns += [hub.Turn("user", (draw(results(call.id)),)) for call in called]
    turns += [hub.Turn("system", (part,)) for part in draw(st.lists(texts, max_size=1))]
    turns += [hub.Turn("user", (part,)) for part in draw(st.lists(texts, max_size=1))]
    return turns


@st.composite
def requests(draw: st.DrawFn) -> hub.Request:
    """Everything that can be asked for, or nothing of it."""
    names = draw(st.lists(NAME, max_size=2, unique=True))
    tools = tuple(
        hub.Tool(name, draw(st.none() | TEXT), draw(SCHEMA), draw(st.none() | st.booleans())) for name in names
    )
    choices: list[Any] = [None, "auto", "none", "required", *map(hub.Forced, names)]
    number, warmth = st.none() | st.floats(0, 1), st.none() | st.floats(0, 2)
    penalty = st.none() | st.floats(-2, 2)
    return hub.Request(
        model="model",
        turns=draw(conversations()),
        tools=tools,
        choice=draw(st.sampled_from(choices)) if tools else None,
        one_call_only=draw(st.sampled_from([None, True])) if tools else None,
        limit=draw(st.none() | st.integers(1, 10**6)),
        temperature=draw(warmth),
        top_p=draw(number),
        top_k=draw(st.none() | st.integers(1, 500)),
        stop=tuple(draw(st.lists(TEXT, max_size=2))),
        seed=draw(st.none() | st.integers(0, 2**31)),
        frequency_penalty=draw(penalty),
        presence_penalty=draw(penalty),
        effort=draw(st.none() | st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
        schema=draw(st.none() | st.builds(hub.Schema, SCHEMA, NAME, st.none() | st.booleans(), st.none() | TEXT)),
        user=draw(st.none() | NAME),
        stream=draw(st.booleans()),
    )


@st.composite
def cuts(draw: st.DrawFn, length: int) -> list[int]:
    """Where a stream of so many bytes is cut."""
    return sorted(draw(st.sets(st.integers(1, max(1, length - 1)), max_size=12)))
