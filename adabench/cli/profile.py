"""Measure what things cost.

`step`: a training step against its trunk alone, or what an estimator takes to extract, fit and
predict; `data`: the share of training spent waiting;
`prepare`: preparing a corpus over decoding its videos.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from adabench.cli.arguments import add_run_arguments, experiment_from, run_tool
from adabench.cli.parser import Parser, whole
from adabench.config.experiment import Experiment
from adabench.engine.building import build_untrained, signal_names
from adabench.engine.cpu import set_up_cpu
from adabench.engine.estimating import build_untrained_estimator
from adabench.engine.kinds import EstimatorRun, kind_of_method
from adabench.profiling.data import profile_data
from adabench.profiling.estimator import profile_estimator
from adabench.profiling.prepare import profile_prepare
from adabench.profiling.step import profile_step
from adabench.registry import TRANSFORMS

#: Of the noise: frames a second, for views that are told in seconds.
FPS = 30.0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    step = actions.add_parser(
        "step", help="a training step over that of its trunk alone, or an estimator"
    )
    add_run_arguments(step)
    step.add_argument(
        "--clips",
        type=whole(),
        help="of a step (2); of an estimator those it is fitted on (100)",
    )
    step.add_argument("--frames", type=whole(), default=25, help="of each clip")
    step.add_argument("--size", type=whole(), default=128, help="side of a frame, pixels")
    step.add_argument("--repeats", type=whole(), default=7)
    step.add_argument(
        "--threads", type=whole(0), default=0, help="torch's threads; 0 takes all cores"
    )
    step.add_argument("--device", default="cpu")
    data = actions.add_parser("data", help="share of the training steps spent waiting for data")
    add_run_arguments(data)
    data.add_argument("--epochs", type=whole(), default=2)
    prepare = actions.add_parser("prepare", help="prepare over decoding the same videos")
    prepare.add_argument("corpus", nargs="?", default="avec2014", help="the reader's name")
    prepare.add_argument("--src", type=Path, required=True, help="folder of the raw corpus")
    told = "clips at once; 0 measures CPU time, where others use the machine too"
    prepare.add_argument("--processes", type=whole(0), nargs="+", default=[1, 2], help=told)
    prepare.add_argument("--clips", type=whole(), default=24, help="how many of the corpus's")
    prepare.add_argument("--size", type=whole(), default=112, help="side of a crop, pixels")
    prepare.add_argument("--repeats", type=whole(), default=1)
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
    is_estimator = kind_of_method(experiment) is EstimatorRun
    if given.action == "data":
        if is_estimator:
            raise ValueError(
                f"{experiment.name}: an estimator has no training steps that wait for data; "
                "`tools/profile.py step` measures what it takes"
            )
        waiting = profile_data(experiment, epochs=given.epochs)
        return waiting, f"waiting for data: {waiting['share']:.1%}"
    set_up_cpu(given.threads)
    sizes = {**values(given, "size", "repeats", "device"), **_shape(experiment, given)}
    if is_estimator:
        method, names = build_untrained_estimator(experiment), signal_names(experiment)
        fitted = profile_estimator(method, **sizes, signals=names)
        return fitted.as_dict(), fitted.format()
    found = profile_step(build_untrained(experiment), **sizes)
    return found.as_dict(), found.format()


def _shape(experiment: Experiment, given: argparse.Namespace) -> dict[str, int]:
    """Return the clips asked for, their frames, as whole segments, and frames a segment."""
    views, frames = experiment.views, given.frames
    length = 0 if views is None else TRANSFORMS.build(views.test).at(FPS).segment_length
    whole = frames + -frames % length if length else frames
    clips = {} if given.clips is None else {"clips": given.clips}
    return {**clips, "frames": whole, "segment_length": length}


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
