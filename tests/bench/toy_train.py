"""Stands in for tools/train.py: no training, a record or a failure as the row's name asks for.

Every start and end goes into ``journal.txt`` beside the results folder.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LABELS = [0.0, 10.0, 20.0, 30.0]


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", type=Path)
    for name in ("--row", "--track"):
        parser.add_argument(name)
    for name in ("--seed", "--draw"):
        parser.add_argument(name, type=int)
    for name in ("--demo", "--resume"):
        parser.add_argument(name, action="store_true")
    for name in ("--results", "--work-dir"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--prepare")
    parser.add_argument("--controls", default="after")
    parser.add_argument("--plugins", action="append")
    parser.add_argument("--cfg-options", nargs="+", default=[])
    return parser.parse_args()


def misbehave(row):
    if row.startswith("fails"):
        print("error: an early one\nsteps 1/9\rsteps 2/9\rerror: loss is not finite at step 3")
        sys.exit(2)
    if row.startswith("raises"):
        raise RuntimeError("a shape does not fit")
    if row.startswith("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    if row.startswith("silent"):
        sys.exit(0)
    if row.startswith("hangs"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        print(f"child {child.pid}")
        time.sleep(300)


def write(given, config_hash):
    """Write a job's record."""
    # Which take most of a job's time, and jobs that prepare or fail do without them.
    from adabench.evaluation import score_metrics
    from adabench.records import Cost, Flags, Measured, Metrics, Prediction, Record, write_record

    control = given.controls == "only"
    seed, draw = given.seed, None
    if given.demo:
        draw = given.seed if given.draw is None else given.draw
        seed = 0 if control else given.seed
    guess = [label + 1 + seed for label in LABELS]
    drawn = {} if draw is None else {"draw": draw, "family": "f00d", "world": "sparse"}
    record = Record(
        kind="control" if control else "method",
        method="constant" if control else "Toy",
        config=f"{given.suite.stem}/{given.row}" if given.row else given.suite.stem,
        config_hash=config_hash,
        track=f"demo{(given.track or '').removeprefix('avec14')}" if given.demo else given.track,
        corpus="synthface",
        corpus_checksum=f"c0ffee{draw}",
        **drawn,
        licensed=False,
        protocol="official",
        fusion="joint",
        seed=seed,
        metrics=Metrics(**score_metrics(guess, LABELS)),
        predictions=[
            Prediction(
                session=f"{draw}{number}_1",
                subject=f"{draw}{number}",
                prediction=value,
                label=label,
            )
            for number, (value, label) in enumerate(zip(guess, LABELS, strict=True))
        ],
        cost=Cost(wall_seconds=1.0),
        flags=Flags(demo=given.demo),
        created="2026-01-02T03:04:05+00:00",
        origin=Measured(),
    )
    write_record(record, given.results)


def main():
    given = parse()
    given.results.mkdir(parents=True, exist_ok=True)
    if given.prepare:
        with (given.results.parent / "journal.txt").open("a") as journal:
            journal.write(f"prepare {given.prepare} {given.track} {given.work_dir.name}\n")
        misbehave(os.environ.get("TOY_PREPARE", ""))
        return
    # The folder of a bench's job is named after its config's hash.
    config_hash = given.work_dir.parent.name.rpartition("-")[2]
    if given.controls == "only":
        with (given.results.parent / "journal.txt").open("a") as journal:
            journal.write(f"controls {given.track} {config_hash}\n")
        write(given, config_hash)
        return
    with (given.results.parent / "journal.txt").open("a") as journal:
        what = f"{given.row} {given.track} {given.seed} {config_hash}"
        journal.write(f"start {what} threads={os.environ.get('OMP_NUM_THREADS')}\n")
        journal.flush()
        misbehave(given.row or given.suite.stem)
        time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
        write(given, config_hash)
        journal.write(f"end {what}\n")


if __name__ == "__main__":
    main()
