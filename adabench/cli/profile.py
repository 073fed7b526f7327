"""Measure what things cost.

`step`: a training step against its trunk alone; `data`: the share of training spent waiting;
`prepare`: preparing a corpus over decoding its videos.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from adabench.cli.arguments import add_run_arguments, experiment_from, run_tool
from adabench.engine.building import build_untrained
from adabench.engine.training import set_threads
from adabench.profiling.data import profile_data
from adabench.profiling.prepare import profile_prepare
from adabench.profiling.step import profile_step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    step = actions.add_parser("step", help="a training step over that of its trunk alone, one run")
    add_run_arguments(step)
    step.add_argument("--clips", type=int, default=2)
    step.add_argument("--frames", type=int, default=25, help="of each clip")
    step.add_argument("--size", type=int, default=128, help="side of a frame, pixels")
    step.add_argument("--repeats", type=int, default=7)
    step.add_argument("--threads", type=int, default=0, help="torch's threads; 0 takes all cores")
    step.add_argument("--device", default="cpu")
    data = actions.add_parser("data", help="share of the training steps spent waiting for data")
    add_run_arguments(data)
    data.add_argument("--epochs", type=int, default=2)
    prepare = actions.add_parser("prepare", help="prepare over decoding the same videos")
    prepare.add_argument("corpus", nargs="?", default="avec2014", help="the reader's name")
    prepare.add_argument("--src", type=Path, required=True, help="folder of the raw corpus")
    prepare.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    prepare.add_argument("--clips", type=int, default=24, help="how many of the corpus's")
    prepare.add_argument("--size", type=int, default=112, help="side of a crop, pixels")
    prepare.add_argument("--repeats", type=int, default=1)
    prepare.add_argument("--detector", help="mtcnn or haar; the corpus's own, if not given")
    prepare.add_argument("--cut", help="box or aligned")
    for each in (step, data, prepare):
        each.add_argument("--json", action="store_true", help="print JSON")
    return parser


def measure(given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Return what something costs, for JSON and for a person."""
    if given.action == "prepare":
        options = values(given, "processes", "clips", "size", "repeats", "detector", "cut")
        prepared = profile_prepare(given.corpus, given.src, **options)
        return prepared.as_dict(), prepared.format()
    experiment = experiment_from(given)
    if given.action == "data":
        waiting = profile_data(experiment, epochs=given.epochs)
        return waiting, f"waiting for data: {waiting['share']:.1%}"
    set_threads(given.threads)
    sizes = values(given, "clips", "frames", "size", "repeats", "device")
    found = profile_step(build_untrained(experiment), **sizes)
    return found.as_dict(), found.format()


def values(given: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return some of the arguments by name."""
    return {name: getattr(given, name) for name in names}


def main() -> None:
    """Measure from the command line, and exit."""
    run_tool(command)


def command() -> int:
    """Parse, measure, print."""
    given = _parser().parse_args()
    as_json, text = measure(given)
    print(json.dumps(as_json, indent=1) if given.json else text)
    return 0
