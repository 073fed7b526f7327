"""A bench's progress on a terminal: what runs and what it says, how much is done, how long it takes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from adabench.bench.executors import Running
from adabench.bench.process import HEAD
from adabench.bench.progress import Outcome, Progress, duration
from adabench.bench.tasks import Task

_TAIL_BYTES = 4096
_REFRESH = 0.5


class LiveProgress(Progress):
    """Lines as `Progress` writes them, above a display of what is running.

    Args:
        total, parallel, estimates: as for `Progress`.
        console: where to; standard output by default.
    """

    def __init__(
        self,
        total: int,
        parallel: int = 1,
        estimates: Mapping[Task, float] = MappingProxyType({}),
        console: Console | None = None,
    ) -> None:
        super().__init__(total, parallel, estimates=estimates)
        self._joins_lines = False
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._failed = 0
        self._began = self._drawn = time.monotonic()
        self._live.start()

    def started(self, job: Task) -> None:
        """Note that a task runs; the display shows it."""
        self._running.add(job)

    def finished(self, outcome: Outcome) -> None:
        """Write a line, as without a display."""
        self._failed += outcome.status == "failed"
        super().finished(outcome)

    def looked(self, running: Sequence[Running]) -> None:
        """Draw what runs, twice a second."""
        now = time.monotonic()
        if now - self._drawn >= _REFRESH:
            self._drawn = now
            self._live.update(self._view(running), refresh=True)

    def close(self) -> None:
        """Take the display away; the lines stay."""
        self._live.stop()

    def _view(self, running: Sequence[Running]) -> Group:
        table = Table.grid(padding=(0, 2), expand=True)
        for ratio in (5, 1, 6):
            table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
        for process in running:
            told = last_line(process.log)
            table.add_row(Text(process.job.name), duration(process.seconds), Text(told, "dim"))
        left = self.seconds_left()
        words = f"{self._ended} of {self.total} ended"
        words += f", {self._failed} failed" if self._failed else ""
        words += f", {duration(time.monotonic() - self._began)} gone"
        words += f", about {duration(left)} left" if left is not None else ""
        bar = Table.grid(padding=(0, 2))
        bar.add_row(ProgressBar(total=max(1, self.total), completed=self._ended, width=30), words)
        return Group(table, bar)

    def _write(self, text: str, end: str = "\n") -> None:
        self._console.print(Text(text), end=end, soft_wrap=True)


def last_line(log: Path) -> str:
    """Return the last line of a log that says something; a progress bar's is its last state."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    # The command stands at the head of each attempt.
    return lines[-1] if lines and not lines[-1].startswith(HEAD) else ""
