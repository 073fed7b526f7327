"""Measure what a method costs: `step` against its trunk alone, `data` for the share of waiting."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import sysconfig
from pathlib import Path


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


def main() -> int:
    """Parse, measure, print."""
    # Imported here, since torch among them imports the standard library's module of this name.
    from adabench.engine.cli import add_run_arguments, experiment_from
    from adabench.engine.data_profile import profile_data
    from adabench.engine.step_profile import profile_step
    from adabench.engine.training import set_threads
    from adabench.engine.workbench import build_untrained

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
    for each in (step, data):
        each.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    experiment = experiment_from(arguments)
    if arguments.action == "step":
        set_threads(arguments.threads)
        found = profile_step(
            build_untrained(experiment),
            clips=arguments.clips,
            frames=arguments.frames,
            size=arguments.size,
            repeats=arguments.repeats,
            device=arguments.device,
        )
        print(json.dumps(found.as_dict(), indent=1) if arguments.json else found.format())
    else:
        waiting = profile_data(experiment, epochs=arguments.epochs)
        print(
            json.dumps(waiting) if arguments.json else f"waiting for data: {waiting['share']:.1%}"
        )
    return 0


if __name__ == "profile":
    stand_aside()
elif __name__ == "__main__":
    from adabench.engine.cli import run_tool

    run_tool(main)
