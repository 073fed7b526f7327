"""Prints the leaderboard and writes its pages.

    python tools/leaderboard.py build [--results DIR ...] [--root DIR] [--out DIR] [--track TRACK]

Exit status: 0; 1 if a record could not be read (the tables are built from the others); 2 if the
arguments are wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adabench.bench.leaderboard import ROOT, collect
from adabench.bench.pages import render_text, write_pages
from adabench.bench.rows import build_tables


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    out = options.out or options.root / "local" / "tables"
    try:
        entries, problems = collect(options.root, options.results)
        tables = build_tables(entries, options.track)
        paths = write_pages(tables, out)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    for table in tables:
        print(render_text(table), end="\n\n")
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    print(f"{len(paths)} pages in {out}" if paths else f"no record found below {options.root}")
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Builds one table a track from result records.")
    parser.add_argument("action", nargs="?", choices=["build"], default="build")
    parser.add_argument(
        "--results",
        type=Path,
        action="extend",
        nargs="+",
        default=[],
        metavar="DIR",
        help="read these folders in place of ROOT/measured and ROOT/local",
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="(leaderboard)")
    parser.add_argument("--out", type=Path, help="folder of the pages (ROOT/local/tables)")
    parser.add_argument("--track", help="this track only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
