"""Writes the pages that are made from the checks, the ledger and the faults. `--check` only compares."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.bugs import FAMILIES, WIRE_FAMILIES, bugs
from conformance.catalogue import load_suites
from conformance.explain import profiles_of
from conformance.faulty import FAULTS
from conformance.ledger import ledger
from conformance.run.stage import FAULT
from gateway.losses import OUTCOMES, PASSES, losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.bugs import Bug
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


def translation_page() -> str:
    """What the reference gateway keeps of each field of a request, for each pair of protocols."""
    return _HEAD.replace("the checks and the ledger", "gateway/losses.toml") + "\n".join(_translation()) + "\n"


def _translation() -> Iterator[str]:
    yield "\n# What translation keeps\n"
    yield (
        "A client's own protocol passes byte for byte: "
        + "; ".join(f"{client} to {', '.join(providers)}" for client, providers in PASSES.items())
        + ". Elsewhere each field of a request is\n"
    )
    yield from (f"- **{outcome}**: {meaning}" for outcome, meaning in OUTCOMES.items())
    yield "\nNothing else happens to a field: a test asks each of each provider and holds this page to it.\n"
    for client, rows in losses().items():
        providers = list(next(iter(rows.values())))
        yield f"## From {client}\n\n| field | {' | '.join(providers)} |\n|---|{'---|' * len(providers)}"
        for name, row in rows.items():
            yield f"| {name} | {' | '.join(row[provider] for provider in providers)} |"
        yield ""


def coverage_page() -> str:
    """Each bug, the checks that hold it and the requirements behind them; then the requirements, with counts."""
    return _HEAD + "\n".join((*_coverage(), *_families(), *_held_requirements())) + "\n"


def _coverage() -> Iterator[str]:
    yield "\n# Coverage\n"
    yield (
        "Bugs that users of real gateways met, and the checks that fail on a gateway that has them. "
        "*Other reason*: its maintainers would agree that no check should. *Later*: a profile to come will judge it; "
        "*alike*, of these, are the ones whose kind is already found wherever the suites can look.\n"
    )
    yield "| family | bugs | held by checks | other reason | later | of these alike |\n|---|---|---|---|---|---|"
    for name, families in (
        *((family, (family,)) for family in FAMILIES),
        ("**all that the suites of today are for**", WIRE_FAMILIES),
        ("**all**", FAMILIES),
    ):
        found = [bug for bug in bugs().values() if bug.family in families]
        held, excluded = sum(bool(bug.checks) for bug in found), sum(bool(bug.excluded) for bug in found)
        later = [bug for bug in found if bug.later]
        alike = sum(bool(bug.alike) for bug in later)
        yield f"| {name} | {len(found)} | {held} | {excluded} | {len(later)} | {alike} |"
    yield ""


def _families() -> Iterator[str]:
    for family in FAMILIES:
        yield f"## Family {family}\n"
        yield "| bug | what users saw | held by |\n|---|---|---|"
        for name, bug in bugs().items():
            if bug.family == family:
                pair = f" *({bug.pair})*" if bug.pair else ""
                yield f"| {_reported(name, bug)} | {bug.symptom}{pair} | {_held_by(bug)} |"
        yield ""


def _reported(name: str, bug: Bug) -> str:
    link = f"[{bug.project}]({bug.reference})" if bug.reference.startswith("https://") else bug.project
    return f"{name} {link}"


def _held_by(bug: Bug) -> str:
    if not bug.checks:
        alike = f"; alike elsewhere: {', '.join(f'`{name}`' for name in bug.alike)}" if bug.alike else ""
        return f"*{'later' if bug.later else 'no check'}*: {bug.reason}{alike}"
    checks = load_suites()
    return "<br>".join(f"`{name}` ({checks[name].requirement})" for name in bug.checks)


def _held_requirements() -> Iterator[str]:
    yield "## Requirements\n"
    yield "| requirement | level | source | checks | bugs |\n|---|---|---|---|---|"
    for requirement in ledger().values():
        known = [name for name, bug in bugs().items() if set(bug.checks) & set(requirement.checks)]
        checks = ", ".join(f"`{name}`" for name in requirement.checks) or f"*{requirement.excluded}*"
        yield (
            f"| {requirement.id} | {requirement.level} | [{requirement.source}]({requirement.url}) "
            f"| {len(requirement.checks)}: {checks} | {len(known)}{': ' if known else ''}{', '.join(known)} |"
        )


def kill_matrix_page(matrix: dict[str, Any]) -> str:
    """The outcome of `conformance selftest --out FILE`: which check catches which fault, in how many of its cases."""
    return _HEAD + "\n".join(_kills(matrix)) + "\n"


def _kills(matrix: dict[str, Any]) -> Iterator[str]:
    caught, missed = len(matrix["caught"]), len(matrix["missed"])
    pairs: dict[str, dict[str, list[bool]]] = {}
    for case in matrix["cases"]:
        if case["subject"].startswith(FAULT):
            checks = pairs.setdefault(case["subject"].removeprefix(FAULT), {})
            checks.setdefault(case["check"], []).append(case["outcome"] == "fail")
    yield "\n# Kill matrix\n"
    yield (
        f"Measured {matrix['measured_at'][:10]} with {matrix['version']} by `conformance selftest`: {len(pairs)} "
        f"faults, {caught} of {caught + missed} pairs of check and fault caught. Without a fault, on the upstream "
        f"itself and through a faithful relay, {matrix['passed']} cases passed and {len(matrix['alarms'])} failed.\n"
    )
    yield (
        "A check names the faults that it exists to catch; each is run against a relay that has that one fault. "
        "The figures are the cases (surface and way of calling) that failed, of those that ran: a fault that spoils "
        "one surface leaves the others green.\n"
    )
    yield "| fault | what it does | caught by |\n|---|---|---|"
    for fault, checks in sorted(pairs.items()):
        told = "<br>".join(f"`{check}` {sum(failed)}/{len(failed)}" for check, failed in sorted(checks.items()))
        yield f"| `{fault}` | {FAULTS[fault].description} | {told} |"


PAGES = {"checks.md": checks_page, "coverage.md": coverage_page, "translation.md": translation_page}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument(
        "--kill-matrix", type=Path, metavar="FILE", help="write kill-matrix.md from this selftest's JSON"
    )
    options = parser.parse_args(arguments)
    if options.kill_matrix:
        matrix = json.loads(options.kill_matrix.read_text(encoding="utf-8"))
        (DOCS / "kill-matrix.md").write_text(kill_matrix_page(matrix), encoding="utf-8")
    stale = [name for name, page in PAGES.items() if not _current(name, page())]
    for name in stale:
        print(f"docs/{name} {'is stale' if options.check else 'written'}")  # noqa: T201 - a command's output
        if not options.check:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
    return int(bool(stale) and options.check)


def _current(name: str, content: str) -> bool:
    path = DOCS / name
    return path.exists() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main())
