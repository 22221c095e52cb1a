"""The audit for people: one line a row, as it comes, so that widths are what they mostly need to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.rows import Row

COLUMNS = {
    "time": 23,
    "status": 6,
    "key": 12,
    "run": 12,
    "surface": 18,
    "model": 24,
    "provider": 12,
    "in": 8,
    "out": 7,
    "usd": 10,
    "ms": 9,
    "end": 0,
}
NUMBERS = {"in", "out", "usd", "ms"}


def heading() -> str:
    return laid_out({name: name for name in COLUMNS})


def line_of(row: Row) -> str:
    usage = row.get("usage") or {}
    cost = row.get("cost_usd")
    said = {
        "time": str(row.get("ts")).replace("T", " ").removesuffix("+00:00"),
        "status": row.get("status"),
        "key": row.get("key_name") or row.get("key"),
        "run": row.get("run"),
        "surface": row.get("surface"),
        "model": row.get("client_model") or row.get("model"),
        "provider": row.get("provider"),
        "in": usage.get("input"),
        "out": usage.get("output"),
        "usd": None if cost is None else f"{cost:.6f}",
        "ms": row.get("duration_ms"),
        "end": " ".join(filter(None, [row.get("end"), row.get("rule")])),
    }
    return laid_out({name: "-" if value is None else str(value) for name, value in said.items()})


def laid_out(texts: dict[str, str]) -> str:
    cells = (
        shown(texts[name]).rjust(width) if name in NUMBERS else shown(texts[name]).ljust(width)
        for name, width in COLUMNS.items()
    )
    return "  ".join(cells).rstrip()


def shown(text: str) -> str:
    """What a client named something must not move the reader's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
