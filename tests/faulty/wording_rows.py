"""What the faults in what is said do to a conversation, row by row."""

from __future__ import annotations

from tests.faulty.seen import CHAT, Seen, Spoils, Stimulus


def saying(text: str) -> Stimulus:
    return CHAT.but(turns=({"role": "user", "content": text},))


def then(*roles: str) -> Stimulus:
    return CHAT.but(turns=tuple({"role": role, "content": f"{number}"} for number, role in enumerate(roles)))


def said(it: Seen) -> object:
    return it.asked["messages"][-1]["content"]


WORDING = (
    Spoils("trims-text", saying(" a "), "asked body", lambda it: said(it) == "a"),
    Spoils("expands-placeholders", saying("a ${B}"), "asked body", lambda it: said(it) == "a "),
    Spoils("unifies-line-ends", saying("a\r\nb"), "asked body", lambda it: said(it) == "a\nb"),
    Spoils("strips-control-characters", saying("a\x00b"), "asked body", lambda it: said(it) == "ab"),
    Spoils("reserialises-requests", CHAT, "asked body", lambda it: b'"model":"m"' in it.received[0].body),
    Spoils("sorts-keys", CHAT, "asked body", lambda it: next(iter(it.asked)) == "messages"),
    Spoils("merges-same-role", then("user"), "asked body", lambda it: len(it.asked["messages"]) == 1),
    Spoils("moves-system-first", then("system"), "asked body", lambda it: it.asked["messages"][0]["role"] == "system"),
    Spoils(
        "adds-a-last-word",
        then("assistant"),
        "asked body",
        lambda it: it.asked["messages"][-1] == {"role": "user", "content": "Please continue."},
    ),
    Spoils(
        "forgets-older-messages",
        then(*["user", "assistant"] * 60),
        "asked body",
        lambda it: len(it.asked["messages"]) == 101,
    ),
)
