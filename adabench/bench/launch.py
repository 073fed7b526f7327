"""What the bench's command does with a plan: tell it, run it, put what was measured into tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from adabench.bench.estimates import describe_estimate, estimate_seconds, read_took
from adabench.bench.executors import Executor, LocalExecutor
from adabench.bench.jobs import Plan, measured_records
from adabench.bench.progress import Progress
from adabench.bench.runner import Summary, run_plan, tasks_to_run
from adabench.bench.suites import Suite, reported_file
from adabench.bench.tasks import Task
from adabench.leaderboard.places import MEASURED, ROOT
from adabench.records.files.reported import read_reported


def make_executor(
    kind: str, parallel: int, slurm: Sequence[str] = (), limit: float | None = None
) -> Executor:
    """Return where jobs run.

    Args:
        kind: ``local`` or ``slurm``.
        parallel: jobs at a time.
        slurm: ``KEY=VALUE`` pairs for Slurm.
        limit: seconds that a job may take.

    Raises:
        ValueError: more jobs than the machine has cores or GPUs, or options of Slurm without it.
    """
    if kind == "local":
        if slurm:
            raise ValueError("--slurm goes with --executor slurm")
        return LocalExecutor(parallel)
    # submitit takes a moment to import, and local runs need none of it.
    from adabench.bench.slurm import SlurmExecutor, slurm_parameters

    return SlurmExecutor(parallel, slurm_parameters(slurm), limit)


def describe_plan(plan: Plan, results: Path, parallel: int = 1) -> Iterator[str]:
    """Yield a line a task, then the counts, then how long it may take."""
    yield from plan.describe()
    done = sum(job.done for job in plan.jobs)
    yield (
        f"{len(plan.jobs)} jobs: {done} done, {len(plan.jobs) - done} to do; "
        f"{len(plan.refused)} rows can't be loaded"
    )
    tasks = tasks_to_run(plan)
    yield from describe_estimate(tasks, _estimates(tasks, results), parallel)


def launch(
    plan: Plan,
    results: Path,
    executor: Executor,
    *,
    limit: float | None = None,
    retry_failed: bool = False,
    keep_caches: bool = False,
) -> Summary:
    """Run a plan, on a terminal with a display of what runs; see `run_plan`."""
    tasks = tasks_to_run(plan, retry_failed)
    estimates = _estimates(tasks, results)
    for line in describe_estimate(tasks, estimates, executor.parallel):
        print(line)
    progress = Progress(len(tasks), executor.parallel, estimates=estimates)
    if sys.stdout.isatty():
        from adabench.bench.live import LiveProgress

        progress = LiveProgress(len(tasks), executor.parallel, estimates)
    return run_plan(
        plan,
        results,
        executor=executor,
        limit=limit,
        retry_failed=retry_failed,
        progress=progress,
        keep_caches=keep_caches,
    )


def write_tables(suites: Sequence[Suite], plan: Plan, results: Path) -> Iterator[str]:
    """Write each suite's table into ``results/suites`` and yield it as text."""
    # Statistics and tables take a moment to import, and a plan needs none of it.
    from adabench.bench.comparison.compare import compare_apart
    from adabench.bench.comparison.pages import render_text, write_comparison

    records, _ = measured_records(results)
    reported = read_reported(reported_file())
    for suite in suites:
        for comparison in compare_apart(suite, plan.cells, records, reported):
            pages = write_comparison(comparison, results / "suites")
            yield f"\n{render_text(comparison)}\n\npages  {' '.join(str(path) for path in pages)}\n"


def _estimates(tasks: Sequence[Task], results: Path) -> dict[Task, float]:
    return estimate_seconds(tasks, read_took((results, ROOT / MEASURED)))
