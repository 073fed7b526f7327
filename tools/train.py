"""Train a method from a config, test it once, and add its record to the leaderboard."""

from __future__ import annotations

import argparse
from pathlib import Path

from tabulate import tabulate

from adabench.bench.leaderboard import show_track
from adabench.engine.cli import add_run_arguments, experiment_from, run_tool
from adabench.engine.experiment import default_work_dir, train
from adabench.engine.reporting import describe_timing


def main() -> int:
    """Parse, train, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was cut")
    parser.add_argument("--work-dir", type=Path, help="checkpoints and figure of this run")
    parser.add_argument(
        "--results", type=Path, default=Path("leaderboard/local"), help="folder of result records"
    )
    arguments = parser.parse_args()
    experiment = experiment_from(arguments)
    outcome = train(
        experiment,
        work_dir=arguments.work_dir or default_work_dir(experiment),
        results=arguments.results,
        resume=arguments.resume,
    )
    print(f"\n{tabulate(describe_timing(outcome.record.timing), headers=['part', 'time'])}\n")
    print(show_track(experiment.track_.name, [arguments.results]))
    print(f"\nrecord  {outcome.path}\nfigure  {outcome.figure}")
    if outcome.checkpoint:
        print(f"weights {outcome.checkpoint}")
    return 0


if __name__ == "__main__":
    run_tool(main)
