"""What a person sees while a run goes on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.run.stage import TARGET

if TYPE_CHECKING:
    from rich.console import Console

    from conformance.run.results import Result

_EVERY = 200


class ProgressDisplay:
    """A bar where somebody watches, a line now and then where nobody does."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counts: Counter[str] = Counter()
        self._done = self._total = 0
        self._bar = Progress(
            TextColumn("{task.description:<44}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[tally]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting upstream, relays and target", total=None, tally="")

    def start(self) -> None:
        self._bar.start()

    def stop(self) -> None:
        self._bar.stop()

    def expect(self, total: int) -> None:
        self._total = total
        self._bar.update(self._task, total=total)

    def saw(self, result: Result) -> None:
        self._done += 1
        kind = result.outcome if result.subject == TARGET else "controls"
        self._counts[kind] += 1
        self._bar.update(self._task, completed=self._done, description=result.check, tally=self._tally())
        if not self._console.is_terminal and self._done % _EVERY == 0:
            self._console.print(f"{self._done}/{self._total}  {self._tally()}", highlight=False)

    def _tally(self) -> str:
        return "  ".join(f"{count} {kind}" for kind, count in sorted(self._counts.items()))
