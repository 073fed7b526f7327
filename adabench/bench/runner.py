"""Runs a plan's tasks, each after those it needs, and goes on after a failure."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from adabench.bench.executors import Executor, LocalExecutor, Running
from adabench.bench.failures import forget_failure, remember_failure
from adabench.bench.jobs import Plan
from adabench.bench.process import LOG, claim, holder
from adabench.bench.progress import Outcome, Progress, duration
from adabench.bench.tasks import PREPARED, Job, Preparing, Refused, Task
from adabench.data.files import write_bytes
from adabench.records.files.results import find_record

#: Seconds between two looks at the running jobs.
_PAUSE = 0.05
_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@dataclass(frozen=True)
class Summary:
    """What became of a plan.

    Attributes:
        outcomes: of the tasks, in the order they ended.
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
        counts = {
            status: sum(isinstance(outcome.job, Job) for outcome in self._with(status))
            for status in ("done", "skipped", "failed")
        }
        counts["failed"] += len(self.refused)
        stopped = [o for o in self._with("stopped") if isinstance(o.job, Job)]
        counts["not run"] = self.not_run + len(stopped)
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


@dataclass
class _Run:
    """The state of one run: what waits, what runs, what has ended."""

    plan: Plan
    results: Path
    executor: Executor
    limit: float | None
    progress: Progress
    pending: list[Task]
    running: list[Running] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    # Task id → what became of it, or "" while it waits or runs.
    status: dict[str, str] = field(default_factory=dict)
    waiting_since: dict[Task, float] = field(default_factory=dict)
    keep_caches: bool = False

    def start_what_can(self) -> None:
        for task in list(self.pending):
            if len(self.running) == self.executor.parallel:
                return
            if not self._may_start(task):
                continue
            try:
                self._start(task)
            except OSError as error:
                self._end(task, Outcome(task, "failed", reason=str(error)))

    def collect_what_ended(self) -> None:
        limit = None if self.executor.keeps_limit else self.limit
        for process in list(self.running):
            code = process.poll()
            over = limit is not None and process.seconds > limit
            if code is None and not over:
                continue
            if code is None:
                process.stop()
            self.running.remove(process)
            self.executor.ended(process)
            self._end(process.job, self._outcome(process, code))
        self.progress.looked(self.running)

    def stop(self) -> None:
        for process in self.running:
            process.ask_to_stop()
        for process in self.running:
            process.stop()
            self._end(
                process.job, Outcome(process.job, "stopped", process.seconds, log=process.log)
            )
        self.running.clear()

    def _may_start(self, task: Task) -> bool:
        """Whether all that a task needs has ended well; where something failed, it fails too."""
        for name in task.needs:
            status = self.status.get(name, "done")
            if status == "failed":
                (cause,) = [o for o in self.outcomes if o.job.id == name]
                reason = f"it needs what failed: {cause.job.name}: {cause.reason}"
                self._end(task, Outcome(task, "failed", reason=reason))
                return False
            if status not in ("done", "skipped"):
                return False
        return True

    def _start(self, task: Task) -> None:
        with claim(task) as lock:
            if lock is None:
                self._wait_for(task)
                return
            ready = self._made_elsewhere(task)
            if ready is not None:
                self._end(task, ready)
                return
            if isinstance(task, Job):
                forget_failure(task.work_dir)
            process = self.executor.start(task, lock)
        self.pending.remove(task)
        self.running.append(process)
        self.progress.started(task)

    def _made_elsewhere(self, task: Task) -> Outcome | None:
        if not isinstance(task, Job):
            made = (task.work_dir / PREPARED).is_file()
            return Outcome(task, "skipped") if made else None
        record = find_record(
            *(self.results, task.scored, task.config_hash, task.seed, task.draw),
            since=self.plan.made,
        )
        return None if record is None else Outcome(task, "skipped", rmse=record.metrics.RMSE)

    def _outcome(self, process: Running, code: int | None) -> Outcome:
        task, seconds, log = process.job, process.seconds, process.log
        failed = Outcome(task, "failed", seconds, log=log)
        if code is None:
            limit = f"the limit being {self.limit:g} s"
            return self._failed(
                replace(failed, reason=f"killed after {duration(seconds)}, {limit}")
            )
        if code:
            outcome = replace(failed, reason=process.reason(code))
            # A signal came from outside: the next bench tries again by itself.
            return self._failed(outcome) if code > 0 else outcome
        if not isinstance(task, Job):
            write_bytes(task.work_dir / PREPARED, b"")
            return Outcome(task, "done", seconds, log=log)
        record = find_record(self.results, task.scored, task.config_hash, task.seed, task.draw)
        if record is None:
            reason = f"it ended well, but {self.results} holds no record with its config hash"
            reason += f" {task.config_hash}, track {task.scored} and seed {task.seed}"
            return self._failed(replace(failed, reason=reason))
        return Outcome(task, "done", seconds, rmse=record.metrics.RMSE, log=log)

    def _failed(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome.job, Job):
            remember_failure(outcome.job.work_dir, outcome.reason)
        return outcome

    def _wait_for(self, task: Task) -> None:
        since = self.waiting_since.setdefault(task, time.monotonic())
        self.progress.waiting(task)
        if self.limit is not None and time.monotonic() - since > self.limit:
            reason = f"process {holder(task)} has been running it for more than {self.limit:g} s"
            self._end(task, Outcome(task, "failed", reason=reason, log=task.work_dir / LOG))

    def _end(self, task: Task, outcome: Outcome) -> None:
        if task in self.pending:
            self.pending.remove(task)
        self.status[task.id] = outcome.status
        self.outcomes.append(outcome)
        self.progress.finished(outcome)
        if task.draw is not None and not self.keep_caches and outcome.status == "done":
            self._let_go(task.draw)

    def _let_go(self, draw: int) -> None:
        """Remove what only one draw's runs read, once all of them are done."""
        own = [task for task in self.plan.tasks() if task.draw == draw]
        if any(self.status.get(task.id, "done") not in ("done", "skipped") for task in own):
            return
        # Drawing and preparing take a second to import, which a plan has no need of.
        from adabench.engine.data.corpora import remove_drawn

        for task in own:
            if isinstance(task, Preparing):
                (task.work_dir / PREPARED).unlink(missing_ok=True)
        for data in self.plan.drawn(draw):
            try:
                removed = remove_drawn(data)
            except OSError as error:
                self.progress.say(f"kept: {error}")
                continue
            for folder in removed:
                self.progress.say(f"removed {folder}: all runs on draw {draw} are done")


def run_plan(
    plan: Plan,
    results: Path,
    *,
    executor: Executor | None = None,
    limit: float | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
    estimates: Mapping[Task, float] | None = None,
    keep_caches: bool = False,
) -> Summary:
    """Run what a plan has to do.

    A job that fails or goes over its limit is told at the end; the others run, except those that
    need it. A job that failed before is not run again, unless ``retry_failed``. An interrupt
    (Ctrl-C, SIGTERM, SIGHUP) stops what runs, with all its processes. A job that another process is
    running already, of another bench or of one that was killed, is waited for.

    Args:
        plan: the jobs.
        results: where their records go.
        executor: where they run; one at a time on this machine by default.
        limit: seconds after which a job is killed.
        retry_failed: run jobs again that failed before.
        progress: tells of each job; on standard output by default.
        estimates: seconds that tasks are expected to take.
        keep_caches: keep the generated corpora, and their caches, of draws whose runs are all done.

    Raises:
        ValueError: ``limit`` not above 0.
    """
    if limit is not None and limit <= 0:
        raise ValueError(f"--limit must be above 0 seconds; got {limit:g}")
    executor = executor or LocalExecutor()
    tasks = tasks_to_run(plan, retry_failed)
    progress = progress or Progress(len(tasks), executor.parallel, estimates=estimates or {})
    run = _Run(plan, results, executor, limit, progress, tasks, keep_caches=keep_caches)
    _begin(run)
    began = time.monotonic()
    interrupted = _to_the_end(run)
    return Summary(
        outcomes=tuple(run.outcomes),
        refused=plan.refused,
        not_run=sum(isinstance(task, Job) for task in run.pending),
        interrupted=interrupted,
        seconds=time.monotonic() - began,
    )


def _to_the_end(run: _Run) -> bool:
    """Start tasks and collect them until none is left; return whether a signal ended it before."""
    try:
        with _stopped_by_signals() as stopped:
            while (run.pending or run.running) and not stopped.is_set():
                run.start_what_can()
                time.sleep(_PAUSE)
                run.collect_what_ended()
            run.stop()
    finally:
        run.progress.close()
    return stopped.is_set()


def _begin(run: _Run) -> None:
    """Note what is done already and what failed before."""
    failed = [job for job in run.plan.jobs if not job.done and job not in run.pending]
    run.status = {task.id: "" for task in run.pending} | {job.id: "failed" for job in failed}
    run.outcomes = [Outcome(job, "skipped") for job in run.plan.jobs if job.done]
    run.outcomes += [_failed_before(job) for job in failed]


def tasks_to_run(plan: Plan, retry_failed: bool = False) -> list[Task]:
    """Return a plan's tasks that are not done, in order.

    Args:
        plan: the tasks.
        retry_failed: jobs that failed before are among them.
    """
    tasks = [
        task
        for task in plan.tasks()
        if not task.done and (retry_failed or not isinstance(task, Job) or not task.failure)
    ]
    # A preparation that none of these jobs waits for is of no use.
    needed: set[str] = set()
    for task in reversed(tasks):
        if isinstance(task, Job) or task.id in needed:
            needed.update(task.needs)
    return [task for task in tasks if isinstance(task, Job) or task.id in needed]


def _failed_before(job: Job) -> Outcome:
    reason = f"{job.failure}; failed before, and not run again without --retry-failed"
    return Outcome(job, "failed", reason=reason, log=job.work_dir / LOG)


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
