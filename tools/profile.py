"""Measure what things cost.

`step`: a training step against its trunk alone; `data`: the share of training spent waiting;
`store`: ways to keep a clip's frames; `prepare`: preparing a corpus over decoding its videos.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import sysconfig
from pathlib import Path
from typing import Any


def stand_aside() -> None:
    """Put the standard library's ``profile`` in this file's place.

    ``python tools/train.py`` puts this folder first on the path, and torch imports ``profile``.
    """
    path = Path(sysconfig.get_path("stdlib")) / "profile.py"
    spec = importlib.util.spec_from_file_location("profile", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"the standard library's profile is missing: {path}")
    sys.modules["profile"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["profile"])


def parser_of(add_run_arguments: Any) -> argparse.ArgumentParser:
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
    store = actions.add_parser("store", help="candidates for the prepared store, in one run")
    store.add_argument("--src", type=Path, help="folder of videos; else a clip is generated")
    store.add_argument("--clips", type=int, default=4, help="videos taken from --src")
    store.add_argument("--frames", type=int, default=900, help="most frames of a clip")
    store.add_argument("--size", type=int, default=112, help="side of a crop, pixels")
    store.add_argument("--candidates", nargs="+", default=[], metavar="NAME", help="else all")
    store.add_argument("--repeats", type=int, default=5)
    store.add_argument("--folder", type=Path, help="on the disk to measure")
    store.add_argument("--cpu-time", action="store_true", help="on a machine with other work")
    prepare = actions.add_parser("prepare", help="prepare over decoding the same videos")
    prepare.add_argument("corpus", nargs="?", default="avec2014", help="the reader's name")
    prepare.add_argument("--src", type=Path, required=True, help="folder of the raw corpus")
    prepare.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    prepare.add_argument("--clips", type=int, default=24, help="how many of the corpus's")
    prepare.add_argument("--size", type=int, default=112, help="side of a crop, pixels")
    prepare.add_argument("--repeats", type=int, default=1)
    for each in (step, data, store, prepare):
        each.add_argument("--json", action="store_true", help="print JSON")
    return parser


def measure_run(given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Return what a run's training costs, for JSON and for a person."""
    # Imported here, since torch among them imports the standard library's module of this name.
    from adabench.cli.arguments import experiment_from
    from adabench.engine.training import set_threads
    from adabench.engine.workbench import build_untrained
    from adabench.profiling.data import profile_data
    from adabench.profiling.step import profile_step

    experiment = experiment_from(given)
    if given.action == "data":
        waiting = profile_data(experiment, epochs=given.epochs)
        return waiting, f"waiting for data: {waiting['share']:.1%}"
    set_threads(given.threads)
    sizes = values(given, "clips", "frames", "size", "repeats", "device")
    found = profile_step(build_untrained(experiment), **sizes)
    return found.as_dict(), found.format()


def measure_corpus(given: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Return what the candidates for the store cost, or what preparing does."""
    from adabench.profiling.prepare import profile_prepare
    from adabench.profiling.store import profile_candidates

    found: Any
    if given.action == "store":
        names = ("candidates", "clips", "frames", "size", "repeats", "folder", "cpu_time")
        found = profile_candidates(given.src, **values(given, *names))
    else:
        options = values(given, "processes", "clips", "size", "repeats")
        found = profile_prepare(given.corpus, given.src, **options)
    return found.as_dict(), found.format()


def values(given: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(given, name) for name in names}


def main() -> int:
    """Parse, measure, print."""
    from adabench.cli.arguments import add_run_arguments

    given = parser_of(add_run_arguments).parse_args()
    measure = measure_corpus if given.action in ("store", "prepare") else measure_run
    as_json, text = measure(given)
    print(json.dumps(as_json, indent=1) if given.json else text)
    return 0


if __name__ == "profile":
    stand_aside()
elif __name__ == "__main__":
    from adabench.cli.arguments import run_tool

    run_tool(main)
