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
from pathlib import Path

from adabench.cli.arguments import (
    add_run_arguments,
    experiment_from,
    naming_file,
    refuse_unplanned,
    run_tool,
)
from adabench.cli.parser import Parser


def main() -> None:
    """Train from the command line, and exit."""
    run_tool(command)


def command() -> int:
    """Parse and check, then import what trains, which takes seconds, and run it."""
    arguments = _parser().parse_args()
    if arguments.from_record is not None:
        from adabench.cli.training import repeat

        return repeat(arguments)
    experiment = experiment_from(arguments)
    refuse_unplanned(experiment, arguments.planned)
    from adabench.cli.training import run

    with naming_file(arguments):
        return run(arguments, experiment)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    parser.add_argument("--results", type=Path, help="folder of result records (leaderboard/local)")
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
