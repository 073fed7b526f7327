"""Preparing the tests' raw corpus, and what that leaves."""

import csv

from adabench.data.prepare import prepare


def run(raw, out, **options):
    # in this process: starting another one takes longer than preparing these clips
    return prepare("synthface", raw, out, **{"progress": False, "processes": 0, **options})


def content(out):
    """All files of a prepared corpus except the notes, by name."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".clips" not in path.parts
    }


def reported(out):
    with (out / "report.csv").open(newline="") as file:
        return {row["clip"]: row["status"] for row in csv.DictReader(file)}
