"""Score a config's test clips with a checkpoint."""

from __future__ import annotations

from pathlib import Path

from tabulate import tabulate

from adabench.cli.arguments import add_run_arguments, experiment_from, naming_file, run_tool
from adabench.cli.parser import Parser
from adabench.engine.run import score_checkpoint
from adabench.engine.testing.calibrated import held_told
from adabench.engine.testing.decoy import describe
from adabench.records.files.results import write_record


def main() -> None:
    """Score a checkpoint from the command line, and exit."""
    run_tool(command)


def command() -> int:
    """Parse, test, print."""
    parser = Parser(description=__doc__)
    add_run_arguments(parser)
    parser.add_argument(
        "checkpoint", type=Path, help="best.pth or estimator.skops of a run of the config"
    )
    parser.add_argument(
        "--out", type=Path, metavar="RESULTS", help="also write a record to this results folder"
    )
    arguments = parser.parse_args()
    experiment = experiment_from(arguments)
    with naming_file(arguments):
        _, record = score_checkpoint(experiment, arguments.checkpoint)
    if arguments.out:
        print(f"record  {write_record(record, arguments.out)}")
    metrics = record.metrics.model_dump(exclude_none=True)
    print(tabulate(metrics.items(), headers=["metric", "value"], floatfmt=".3f"))
    for found in record.conformal:
        print(held_told(found))
    if record.decoy is not None:
        print(describe(record.decoy))
    return 0
