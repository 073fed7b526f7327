"""Running what ``tools/train.py`` was asked for, once its config holds."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tabulate import tabulate

from adabench.cli.arguments import is_changed, recorded_from
from adabench.config.experiment import Experiment
from adabench.data.digests import check_books
from adabench.engine.controls import run_controls
from adabench.engine.files.work_folder import default_work_dir, runs_beside
from adabench.engine.recording.repeat import differences
from adabench.engine.recording.reporting import describe_timing
from adabench.engine.run import Outcome, make_ready, train
from adabench.engine.testing.calibrated import held_told
from adabench.leaderboard.pages.publish import show_track
from adabench.records.schema.record import Record

RESULTS = Path("leaderboard/local")


def repeat(arguments: argparse.Namespace) -> int:
    """Run a record's config again and compare; returns the exit status."""
    work_dir = arguments.work_dir or Path("work_dirs/again") / arguments.from_record.stem
    code = work_dir / "code" if arguments.trust_code else None
    before, experiment = recorded_from(arguments, code)
    results = arguments.results or work_dir / "results"
    return _run(arguments, experiment, work_dir, results, before)


def run(arguments: argparse.Namespace, experiment: Experiment) -> int:
    """Check, prepare, or train and test; returns the exit status."""
    if arguments.check:
        return _check(Path(experiment.data.root))
    if arguments.prepare is not None:
        make_ready(experiment, arguments.prepare)
        print(f"{arguments.prepare}: ready")
        return 0
    work_dir = arguments.work_dir or default_work_dir(
        experiment,
        with_track=arguments.track is not None,
        with_hash=is_changed(arguments, experiment),
    )
    if arguments.resume and not work_dir.is_dir():
        for line in runs_beside(work_dir, experiment):
            print(f"nothing to go on with in {work_dir}: {line}", file=sys.stderr)
    return _run(arguments, experiment, work_dir, arguments.results or RESULTS, None)


def _run(
    arguments: argparse.Namespace,
    experiment: Experiment,
    work_dir: Path,
    results: Path,
    before: Record | None,
) -> int:
    outcome = None
    if arguments.controls != "only":
        outcome = train(
            experiment,
            work_dir=work_dir,
            results=results,
            resume=arguments.resume,
            since=time.time() if arguments.force else arguments.since,
            allow_broken=arguments.allow_broken,
        )
    if arguments.controls != "none":
        run_controls(experiment, results)
    if outcome is None:
        print(f"controls: in {results / experiment.track_.name}")
        return 0
    _tell(experiment, outcome, results, before)
    return 0


def _tell(experiment: Experiment, outcome: Outcome, results: Path, before: Record | None) -> None:
    """Print what a run took, its table or how far it is from the record it repeats, and its files."""
    print(f"\n{tabulate(describe_timing(outcome.record.timing), headers=['part', 'time'])}\n")
    if before is None:
        print(show_track(experiment.track_.name, [results]))
    else:
        print("     the record       now", *differences(before, outcome.record), sep="\n")
    print("", *map(held_told, outcome.record.conformal), sep="\n")
    print(f"record  {outcome.path}\nfigure  {outcome.figure}")
    if outcome.curve:
        print(f"curve   {outcome.curve}")
    if outcome.checkpoint:
        print(f"weights {outcome.checkpoint}")


def _check(root: Path) -> int:
    """Compare corpora, stages and caches wholly with their digests; 1 if any file differs."""
    count, changed = check_books(root)
    print(*changed, sep="\n", end="\n" if changed else "")
    print(f"{root}: {count} files read, {len(changed)} not as they were written")
    return 1 if changed else 0
