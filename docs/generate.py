"""Writes the pages that are made from the checks, the ledger and the faults. `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.catalogue import load_suites
from conformance.explain import profiles_of
from conformance.faulty import FAULTS
from conformance.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.check import Check

DOCS = Path(__file__).parent
_HEAD = "<!-- made by docs/generate.py; edit the checks and the ledger -->\n"


def checks_page() -> str:
    """Every requirement, the checks that hold it, and the faults that these catch."""
    return _HEAD + "\n".join(_checks()) + "\n"


def _checks() -> Iterator[str]:
    checks = load_suites()
    yield f"\n# Checks\n\n{len(checks)} checks hold {len(ledger())} requirements and catch {len(FAULTS)} faults.\n"
    for source in dict.fromkeys(requirement.source for requirement in ledger().values()):
        held = [requirement for requirement in ledger().values() if requirement.source == source]
        yield f"## {source}\n"
        for requirement in held:
            quote = f' *"{requirement.quote}"*' if requirement.quote else ""
            yield f"**{requirement.level}** {requirement.text}{quote} ([source]({requirement.url}))\n"
            yield from (_line(checks[name]) for name in requirement.checks if name in checks)
            yield ""


def _line(check: Check) -> str:
    modes = "" if len(check.modes) == 1 else f", {len(check.modes)} ways of calling"
    caught = ", ".join(f"`{fault}`" for fault in check.catches)
    return f"- `{check.id}` {check.title} ({', '.join(profiles_of(check))}; {check.feature}{modes}) catches {caught}"


PAGES = {"checks.md": checks_page}


def main(arguments: list[str]) -> int:
    stale = [name for name, page in PAGES.items() if not _current(name, page())]
    for name in stale:
        print(f"docs/{name} {'is stale' if '--check' in arguments else 'written'}")  # noqa: T201 - a command's output
        if "--check" not in arguments:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


def _current(name: str, content: str) -> bool:
    path = DOCS / name
    return path.exists() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
