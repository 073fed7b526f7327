"""Turns a raw corpus into a prepared one: ``tools/prepare.py CORPUS --src RAW --out data/CORPUS``.

Ends with 0 if every clip was prepared, 3 if some were left out, 2 if nothing could be done.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adabench.data.corpora import CORPORA
from adabench.data.prepare import PrepareSettings, prepare

LEFT_OUT = 3


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    defaults = PrepareSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help=f"one of {', '.join(sorted(CORPORA))}")
    parser.add_argument("--src", type=Path, required=True, help="folder of the raw corpus")
    parser.add_argument("--out", type=Path, help="default: data/CORPUS")
    parser.add_argument("--size", type=int, default=defaults.size, help="pixels")
    parser.add_argument("--margin", type=float, default=defaults.margin, help="share of the box")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--detect-every", type=int, default=defaults.detect_every, help="frames")
    parser.add_argument("--detector", default=defaults.detector)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    options = parser.parse_args(arguments)
    try:
        report = prepare(
            options.corpus,
            options.src,
            options.out or Path("data") / options.corpus,
            size=options.size,
            margin=options.margin,
            processes=options.processes,
            progress=not options.quiet,
            detect_every=options.detect_every,
            detector=options.detector,
        )
    except (OSError, ValueError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("prepare: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    print(report.summary())
    return LEFT_OUT if report.left_out else 0


if __name__ == "__main__":
    sys.exit(main())
