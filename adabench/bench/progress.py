"""Telling how a bench gets on: a line a task, or on a terminal a display that is kept up to date."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TextIO

from adabench.bench.executors import Running
from adabench.bench.process import holder
from adabench.bench.tasks import Task

Status = Literal["done", "skipped", "failed", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """What became of one task.

    Attributes:
        status: ``skipped`` had its record already; ``stopped`` was running when bench was stopped.
        seconds: it ran for.
        rmse: of its record, points.
        reason: of a failure.
        log: where its output is; None for one that did not run.
    """

    job: Task
    status: Status
    seconds: float = 0.0
    rmse: float | None = None
    reason: str = ""
    log: Path | None = None


class Progress:
    """One line a job, with the time that is left by the jobs so far.

    Args:
        total: tasks to run.
        parallel: how many at a time.
        out: where to; standard output by default.
        estimates: seconds that tasks are expected to take, where something is known.
    """

    def __init__(
        self,
        total: int,
        parallel: int = 1,
        out: TextIO | None = None,
        estimates: Mapping[Task, float] = MappingProxyType({}),
    ) -> None:
        self.total = total
        self.parallel = parallel
        self.estimates = dict(estimates)
        self._joins_lines = parallel == 1
        self._out = out or sys.stdout
        self._numbers: dict[Task, int] = {}
        self._took: dict[Task, float] = {}
        self._told: set[Task] = set()
        self._running: set[Task] = set()
        self._over: set[Task] = set()
        self._ended = 0

    def started(self, job: Task) -> None:
        """Say that a job runs; where one runs at a time, its result ends the same line."""
        self._running.add(job)
        if self._joins_lines:
            self._write(f"{self._head(job)} ... ", end="")
        else:
            self._write(f"{self._head(job)} started")

    def waiting(self, job: Task) -> None:
        """Say once that another process is running a job."""
        if job not in self._told:
            self._told.add(job)
            self._write(f"{job.name}: process {holder(job)} is running it; waiting")

    def finished(self, outcome: Outcome) -> None:
        """Say what became of a job."""
        self._ended += 1
        self._over.add(outcome.job)
        started = outcome.job in self._running
        self._running.discard(outcome.job)
        head = "" if self._joins_lines and started else f"{self._head(outcome.job)} "
        self._write(head + self._result(outcome, started))

    def _result(self, outcome: Outcome, started: bool) -> str:
        if outcome.status == "skipped":
            return "skipped: another process has finished it"
        told = f"{outcome.status} in {duration(outcome.seconds)}" if started else outcome.status
        if outcome.rmse is not None:
            told += f", RMSE {outcome.rmse:.2f}"
        if outcome.reason:
            told += f": {outcome.reason}"
        if started:
            self._took[outcome.job] = outcome.seconds
        left = self.seconds_left()
        if left is not None and outcome.status != "stopped":
            told += f"  ({duration(left)} left)"
        return told

    def seconds_left(self) -> float | None:
        """Return the time that the rest is expected to take; None where nothing tells.

        What has ended says how far estimates are off.
        """
        left = self.total - self._ended
        if not left:
            return None
        ahead = [seconds for task, seconds in self.estimates.items() if task not in self._over]
        known = ahead or list(self._took.values())
        if not known:
            return None
        whole = sum(ahead) * self._slower() + statistics.fmean(known) * max(0, left - len(ahead))
        return whole / self.parallel

    def _slower(self) -> float:
        """Return what ended tasks took over what they were expected to take: the middle one.

        One that had to make its own trunk, say, tells nothing of the others.
        """
        ratios = [
            seconds / self.estimates[task]
            for task, seconds in self._took.items()
            if self.estimates.get(task)
        ]
        return statistics.median(ratios) if ratios else 1.0

    def looked(self, running: Sequence[Running]) -> None:
        """Take note of what runs, several times a second; lines have nothing to add."""

    def say(self, text: str) -> None:
        """Write a line that is of no one job."""
        self._write(text)

    def close(self) -> None:
        """End the display."""

    def _head(self, job: Task) -> str:
        number = self._numbers.setdefault(job, len(self._numbers) + 1)
        return f"[{number}/{self.total}] {job.name}"

    def _write(self, text: str, end: str = "\n") -> None:
        print(text, end=end, file=self._out, flush=True)


def duration(seconds: float) -> str:
    """Return seconds as a reader takes them in: ``42 s``, ``12.3 min``, ``2.1 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
