"""What the faults that know only plain answers do to another one, row by row."""

from __future__ import annotations

import json

from conformance.upstream import Reply, Verbatim
from tests.faulty.seen import CHAT, Seen, Spoils, Stimulus


def answering(**answer: object) -> Stimulus:
    verbatim = Verbatim(200, (("content-type", "application/json"),), json.dumps(answer).encode())
    return CHAT.but(reply=Reply(verbatim=verbatim))


def streaming(parts: list[tuple[int, str, str | None]]) -> Stimulus:
    """One chunk a part: the index of its choice, what it says and why it ends."""
    choices = ({"index": index, "delta": {"content": said}, "finish_reason": end} for index, said, end in parts)
    body = "".join(f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices)
    verbatim = Verbatim(200, (("content-type", "text/event-stream"),), f"{body}data: [DONE]\n\n".encode())
    return CHAT.but(stream=True, reply=Reply(verbatim=verbatim))


def first(it: Seen) -> dict[str, object]:
    choice: dict[str, object] = it.json["choices"][0]
    return choice


ANSWERS = (
    Spoils(
        "knows-plain-answers",
        answering(content=[{"type": "text"}, {"type": "of_tomorrow"}]),
        "body",
        lambda it: it.json["content"] == [{"type": "text"}],
    ),
    Spoils("drops-citations", CHAT, "body", lambda it: "annotations" not in it.text),
    Spoils("drops-logprobs", answering(choices=[{"logprobs": {}}]), "body", lambda it: first(it)["logprobs"] is None),
    Spoils(
        "first-choice-only",
        answering(choices=[{"index": 0}, {"index": 1}]),
        "body",
        lambda it: it.json["choices"] == [{"index": 0}],
    ),
    Spoils(
        "renumbers-choices",
        answering(choices=[{"index": 0}, {"index": 1}]),
        "body",
        lambda it: it.json["choices"] == [{"index": 0}, {"index": 0}],
    ),
    Spoils(
        "ends-with-the-first-choice",
        streaming([(0, "a", None), (0, "b", "stop"), (1, "c", "stop")]),
        "body",
        lambda it: '"c"' not in it.text,
    ),
    Spoils(
        "knows-four-stops",
        answering(stop_reason="pause_turn"),
        "body",
        lambda it: it.json["stop_reason"] == "end_turn",
    ),
    Spoils(
        "drops-fields-within-answers",
        answering(choices=[{"message": {"novel": 1}}]),
        "body",
        lambda it: first(it) == {"message": {}},
    ),
)
