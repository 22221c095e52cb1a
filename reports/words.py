"""What every renderer says in the same words."""

from reports.model import Counts, Outcome, Verdict

MARKS: dict[Verdict, str] = {"conformant": "✓", "partial": "◐", "nonconformant": "✗", "not-measured": "?"}
MEANINGS: dict[Verdict, str] = {
    "conformant": "Every requirement of level must that the target claims was checked, and holds.",
    "partial": "No must fails, but some are excused by a waiver or could not be observed.",
    "nonconformant": "At least one requirement of level must that the target claims does not hold.",
    "not-measured": "This run shows nothing about the target: its instruments or its checks did not work.",
}
FOCUSED = "Narrowed to single checks: this run certifies nothing."
CAVEAT = (
    "What this shows: these checks, in these cases, with these versions, came out as listed. It says nothing about "
    "load, cost, availability or any behaviour that no check names. Secrets appear as fingerprints, never as values."
)


def counted(counts: Counts) -> str:
    """`12 pass, 1 fail`: the passes always, and whatever else occurred."""
    shown: list[tuple[Outcome, int]] = [("pass", counts.get("pass", 0))]
    shown += [(outcome, number) for outcome, number in counts.items() if number and outcome != "pass"]
    return ", ".join(f"{number} {outcome}" for outcome, number in shown)
