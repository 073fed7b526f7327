"""Train a method from a config, test it once, and add its record to the leaderboard.

    python tools/train.py configs/depmap_r18_avec14.py --demo
    python tools/train.py configs/depmap_r18_avec14.py --protocol person-disjoint
    python tools/train.py --from-record leaderboard/measured/demo/RECORD.json

The second divides the corpus anew, so that nobody is both seen and tested; without it, the corpus's
own splits count. The third runs a record's config again and says how far the numbers are from it;
its own record goes to its work folder, unless --results names another.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tabulate import tabulate

from adabench.cli.arguments import (
    add_run_arguments,
    experiment_from,
    is_changed,
    recorded_from,
    refuse_unplanned,
    run_tool,
)
from adabench.config.experiment import Experiment
from adabench.data.digests import check_books
from adabench.engine.controls import run_controls
from adabench.engine.repeat import differences
from adabench.engine.reporting import describe_timing
from adabench.engine.run import Outcome, make_ready, train
from adabench.engine.work_folder import default_work_dir, runs_beside
from adabench.leaderboard.collect import show_track
from adabench.records.record import Record

RESULTS = Path("leaderboard/local")


def main() -> None:
    """Train from the command line, and exit."""
    run_tool(command)


def command() -> int:
    """Parse, train, print."""
    arguments = _parser().parse_args()
    before = None
    if arguments.from_record is None:
        experiment = experiment_from(arguments)
        refuse_unplanned(experiment, arguments.planned)
        if arguments.check:
            return _check(Path(experiment.data.root))
        if arguments.prepare is not None:
            make_ready(experiment, arguments.prepare)
            print(f"{arguments.prepare}: ready")
            return 0
        on_track = arguments.track is not None
        work_dir = arguments.work_dir or default_work_dir(
            experiment, with_track=on_track, with_hash=is_changed(arguments, experiment)
        )
        if arguments.resume and not work_dir.is_dir():
            for line in runs_beside(work_dir, experiment):
                print(f"nothing to go on with in {work_dir}: {line}", file=sys.stderr)
        results = arguments.results or RESULTS
    else:
        work_dir = arguments.work_dir or Path("work_dirs/again") / arguments.from_record.stem
        before, experiment = recorded_from(
            arguments, work_dir / "code" if arguments.trust_code else None
        )
        results = arguments.results or work_dir / "results"
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
    print(f"\nrecord  {outcome.path}\nfigure  {outcome.figure}")
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_run_arguments(parser)
    parser.add_argument(
        "--from-record", type=Path, metavar="FILE", help="run a record's config again and compare"
    )
    parser.add_argument(
        "--prepare",
        metavar="WHAT",
        help="make what runs share and stop: corpus, the name of a stage, or features",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="read all that is kept below the config's data folder and compare it with its digests; "
        "a run itself reads only what changed in size or time",
    )
    parser.add_argument(
        "--controls",
        choices=("after", "only", "none"),
        default="after",
        help="the constant predictor, and a generated corpus's bounds, on the same data, where the "
        "results folder lacks them: after the run (the default), in its place, or not at all",
    )
    _add_what_is_run(parser)
    parser.add_argument("--work-dir", type=Path, help="checkpoints and figure of this run")
    parser.add_argument("--results", type=Path, help=f"folder of result records ({RESULTS})")
    return parser


def _add_what_is_run(parser: argparse.ArgumentParser) -> None:
    """Add what decides whether a run that was begun or is done is run, and with which code."""
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was cut")
    parser.add_argument(
        "--force",
        action="store_true",
        help="run again what is done, a model per task and folds too",
    )
    parser.add_argument(
        "--since",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="the same for what was done before this time, in seconds since the epoch",
    )
    parser.add_argument(
        "--trust-code",
        action="store_true",
        help="with --from-record: run the plugin's code that is kept beside the record",
    )
    parser.add_argument("--planned", metavar="HASH", help="stop if the config's hash is another")
    parser.add_argument(
        "--allow-broken",
        action="store_true",
        help="train and test a method that breaks the contract; its record says so",
    )
