"""Runs a plan's jobs on this machine, one or several at a time, and goes on after a failure."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from adabench.bench.jobs import Job, Plan, Refused
from adabench.bench.process import LOG, JobProcess, claim, holder
from adabench.bench.results import find_record

#: Seconds between two looks at the running jobs.
_PAUSE = 0.05
_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

Status = Literal["done", "skipped", "failed", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """What became of one job.

    Attributes:
        status: ``skipped`` had its record already; ``stopped`` was running when bench was stopped.
        seconds: it ran for.
        rmse: of its record, BDI-II points.
        reason: of a failure.
        log: where its output is; None for one that did not run.
    """

    job: Job
    status: Status
    seconds: float = 0.0
    rmse: float | None = None
    reason: str = ""
    log: Path | None = None


@dataclass(frozen=True)
class Summary:
    """What became of a plan.

    Attributes:
        outcomes: of the jobs, in the order they ended.
        refused: rows that could not run.
        not_run: jobs that bench did not come to.
        interrupted: bench was stopped.
        seconds: it took.
    """

    outcomes: tuple[Outcome, ...]
    refused: tuple[Refused, ...]
    not_run: int
    interrupted: bool
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 if nothing failed, 130 if bench was stopped, 1 otherwise."""
        if self.interrupted:
            return 130
        return 1 if self.refused or self._with("failed") else 0

    def lines(self) -> Iterator[str]:
        """Yield the counts, then each failure with its reason and log."""
        counts = {status: len(self._with(status)) for status in ("done", "skipped", "failed")}
        counts["failed"] += len(self.refused)
        counts["not run"] = self.not_run + len(self._with("stopped"))
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        yield f"{told}; {duration(self.seconds)}"
        for outcome in self._with("failed"):
            yield f"failed  {outcome.job.name}: {outcome.reason}"
            if outcome.log:
                yield f"        log: {outcome.log}"
        for refused in self.refused:
            yield f"failed  {refused.name}: {refused.reason}"
        if self.interrupted:
            yield "stopped; the same command goes on from here"

    def _with(self, status: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == status]


class Progress:
    """One line a job, with the time that is left by the jobs so far.

    Args:
        total: jobs to run.
        parallel: how many at a time.
        out: where to; standard output by default.
    """

    def __init__(self, total: int, parallel: int = 1, out: TextIO | None = None) -> None:
        self.total = total
        self.parallel = parallel
        self._out = out or sys.stdout
        self._numbers: dict[Job, int] = {}
        self._seconds: list[float] = []
        self._told: set[Job] = set()
        self._running: set[Job] = set()
        self._ended = 0

    def started(self, job: Job) -> None:
        """Say that a job runs; where one runs at a time, its result ends the same line."""
        self._running.add(job)
        if self.parallel == 1:
            self._write(f"{self._head(job)} ... ", end="")
        else:
            self._write(f"{self._head(job)} started")

    def waiting(self, job: Job) -> None:
        """Say once that another process is running a job."""
        if job not in self._told:
            self._told.add(job)
            self._write(f"{job.name}: process {holder(job)} is running it; waiting")

    def finished(self, outcome: Outcome) -> None:
        """Say what became of a job."""
        self._ended += 1
        started = outcome.job in self._running
        self._running.discard(outcome.job)
        head = "" if self.parallel == 1 and started else f"{self._head(outcome.job)} "
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
            self._seconds.append(outcome.seconds)
        left = self.total - self._ended
        if left and self._seconds and outcome.status != "stopped":
            each = statistics.fmean(self._seconds)
            told += f"  ({duration(each * left / self.parallel)} left)"
        return told

    def _head(self, job: Job) -> str:
        number = self._numbers.setdefault(job, len(self._numbers) + 1)
        return f"[{number}/{self.total}] {job.name}"

    def _write(self, text: str, end: str = "\n") -> None:
        print(text, end=end, file=self._out, flush=True)


@dataclass
class _Run:
    """The state of one run: what waits, what runs, what has ended."""

    plan: Plan
    results: Path
    parallel: int
    limit: float | None
    progress: Progress
    pending: list[Job]
    environment: dict[str, str]
    running: list[JobProcess] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    waiting_since: dict[Job, float] = field(default_factory=dict)

    def start_what_can(self) -> None:
        for job in list(self.pending):
            if len(self.running) == self.parallel:
                return
            try:
                self._start(job)
            except OSError as error:
                self._end(job, Outcome(job, "failed", reason=str(error)))

    def collect_what_ended(self) -> None:
        for process in list(self.running):
            code = process.poll()
            over = self.limit is not None and process.seconds > self.limit
            if code is None and not over:
                continue
            if code is None:
                process.stop()
            self.running.remove(process)
            self._end(process.job, self._outcome(process, code))

    def stop(self) -> None:
        for process in self.running:
            process.ask_to_stop()
        for process in self.running:
            process.stop()
            self._end(
                process.job, Outcome(process.job, "stopped", process.seconds, log=process.log)
            )
        self.running.clear()

    def _start(self, job: Job) -> None:
        with claim(job) as lock:
            if lock is None:
                self._wait_for(job)
                return
            record = find_record(
                self.results, job.scored, job.config_hash, job.seed, since=self.plan.made
            )
            if record is not None:
                self._end(job, Outcome(job, "skipped", rmse=record.metrics.RMSE))
                return
            process = JobProcess.start(job, lock, self.environment)
        self.pending.remove(job)
        self.running.append(process)
        self.progress.started(job)

    def _outcome(self, process: JobProcess, code: int | None) -> Outcome:
        job, seconds, log = process.job, process.seconds, process.log
        if code is None:
            reason = f"killed after {duration(seconds)}, the limit being {self.limit:g} s"
            return Outcome(job, "failed", seconds, reason=reason, log=log)
        if code:
            return Outcome(job, "failed", seconds, reason=process.reason(code), log=log)
        record = find_record(self.results, job.scored, job.config_hash, job.seed)
        if record is None:
            reason = f"it ended well, but {self.results} holds no record with its config hash"
            reason += f" {job.config_hash}, track {job.scored} and seed {job.seed}"
            return Outcome(job, "failed", seconds, reason=reason, log=log)
        return Outcome(job, "done", seconds, rmse=record.metrics.RMSE, log=log)

    def _wait_for(self, job: Job) -> None:
        since = self.waiting_since.setdefault(job, time.monotonic())
        self.progress.waiting(job)
        if self.limit is not None and time.monotonic() - since > self.limit:
            reason = f"process {holder(job)} has been running it for more than {self.limit:g} s"
            self._end(job, Outcome(job, "failed", reason=reason, log=job.work_dir / LOG))

    def _end(self, job: Job, outcome: Outcome) -> None:
        if job in self.pending:
            self.pending.remove(job)
        self.outcomes.append(outcome)
        self.progress.finished(outcome)


def run_plan(
    plan: Plan,
    results: Path,
    *,
    parallel: int = 1,
    limit: float | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Run what a plan has to do.

    A job that fails or goes over its limit is told at the end; the others run. An interrupt
    (Ctrl-C, SIGTERM, SIGHUP) stops what runs, with all its processes. A job that another process is
    running already, of another bench or of one that was killed, is waited for.

    Args:
        plan: the jobs.
        results: where their records go.
        parallel: jobs at a time; each gets its share of the cores.
        limit: seconds after which a job is killed.
        progress: tells of each job; on standard output by default.

    Raises:
        ValueError: ``parallel`` below 1, or ``limit`` not above 0.
    """
    if parallel < 1:
        raise ValueError(f"--jobs must be 1 or more; got {parallel}")
    if limit is not None and limit <= 0:
        raise ValueError(f"--limit must be above 0 seconds; got {limit:g}")
    pending = [job for job in plan.jobs if not job.done]
    threads = {"OMP_NUM_THREADS": str(max(1, _cores() // parallel))} if parallel > 1 else {}
    run = _Run(
        plan=plan,
        results=results,
        parallel=parallel,
        limit=limit,
        progress=progress or Progress(len(pending), parallel),
        pending=pending,
        environment=threads,
        outcomes=[Outcome(job, "skipped") for job in plan.jobs if job.done],
    )
    began = time.monotonic()
    with _stopped_by_signals() as stopped:
        while (run.pending or run.running) and not stopped.is_set():
            run.start_what_can()
            time.sleep(_PAUSE)
            run.collect_what_ended()
        run.stop()
    return Summary(
        outcomes=tuple(run.outcomes),
        refused=plan.refused,
        not_run=len(run.pending),
        interrupted=stopped.is_set(),
        seconds=time.monotonic() - began,
    )


def duration(seconds: float) -> str:
    """Return seconds as a reader takes them in: ``42 s``, ``12.3 min``, ``2.1 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Within the block, signals set the event in place of raising, so that no process is lost."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in _STOPPING}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
