"""Builds and checks the leaderboard, adds records to it, compares two of its rows.

    python tools/leaderboard.py build [--results DIR ...] [--out DIR] [--track TRACK] [--data DIR ...]
    python tools/leaderboard.py verify [--data DIR ...] [--intervals]
    python tools/leaderboard.py add FILE ... [--data DIR ...] [--allow-dirty]
    python tools/leaderboard.py compare A B [--track TRACK] [--data DIR ...]

Each takes --root DIR; without a command it builds. Exit status: 0; 1 if a record could not be read,
does not hold or is refused (the others are built or added); 2 if the arguments are wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adabench.bench.accept import RefusedError, accept, untraceable
from adabench.bench.labels import labels_for, read_labels
from adabench.bench.leaderboard import ROOT, collect
from adabench.bench.over_tracks import write_ranks
from adabench.bench.page import write_page
from adabench.bench.pages import render_text, write_pages
from adabench.bench.results import read_record
from adabench.bench.rows import build_tables
from adabench.bench.selection import select_runs
from adabench.bench.statistics import compare
from adabench.bench.verify import verify


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "build")
    parser = _parser()
    options = parser.parse_args(given)
    try:
        return int(options.run(options))
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _build(options: argparse.Namespace) -> int:
    entries, problems = collect(options.root, options.results)
    tables = build_tables(entries, options.track, read_labels(options.data))
    out = options.out or options.root / "local" / "tables"
    paths = write_pages(tables, out)
    for table in tables:
        print(render_text(table), end="\n\n")
    print(*write_ranks(tables, out), sep="\n", end="")
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    print(f"{len(paths)} pages in {out}" if paths else f"no record found below {options.root}")
    if tables and options.track is None:
        page = write_page(tables, (options.out or options.root) / "index.html")
        print(f"all of them to sort and filter in {page}")
    return 1 if problems else 0


def _verify(options: argparse.Namespace) -> int:
    found = verify(options.root, read_labels(options.data), intervals=options.intervals)
    print(*found.lines(), sep="\n")
    return 0 if found.holds else 1


def _add(options: argparse.Namespace) -> int:
    labels, refused = read_labels(options.data), 0
    for file in options.files:
        try:
            path = accept(file, options.root, labels, allow_dirty=options.allow_dirty)
        except RefusedError as error:
            print(error, file=sys.stderr)
            refused += 1
        else:
            print(f"{file} -> {path}", *untraceable(read_record(path)), sep="; ")
    return 1 if refused else 0


def _compare(options: argparse.Namespace) -> int:
    first, second = (select_runs(name, options.root, options.track) for name in options.rows)
    labels = labels_for([*first, *second], read_labels(options.data))
    print(*compare(first, second, labels).lines(), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The leaderboard: tables, checks, comparisons.")
    commands = parser.add_subparsers(required=True, metavar="{build,verify,add,compare}")
    build = commands.add_parser("build", help="write one table a track, and one page (the default)")
    _add_folders(build, "--results", "read these in place of ROOT/measured and ROOT/local")
    out = "for tables and page (tables ROOT/local/tables, page ROOT/index.html)"
    build.add_argument("--out", type=Path, metavar="DIR", help=out)
    check = commands.add_parser("verify", help="check every record, name those that do not hold")
    check.add_argument("--intervals", action="store_true", help="recompute the intervals too")
    add = commands.add_parser("add", help="check records and move them to ROOT/measured")
    add.add_argument("files", type=Path, nargs="+", metavar="FILE")
    add.add_argument("--allow-dirty", action="store_true", help="also of code that nobody can find")
    pair = commands.add_parser("compare", help="tell whether two rows differ by more than chance")
    row = "a record, a folder of its seeds, or a method's or config's name"
    for name in ("A", "B"):
        pair.add_argument("rows", action="append", metavar=name, help=row)
    for command, run in ((build, _build), (check, _verify), (add, _add), (pair, _compare)):
        command.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="(leaderboard)")
        command.set_defaults(run=run)
    for command in (build, check, add, pair):
        _add_folders(command, "--data", "prepared corpora, for labels that licensed records lack")
    for command in (build, pair):
        command.add_argument("--track", help="this track only")
    return parser


def _add_folders(command: argparse.ArgumentParser, name: str, text: str) -> None:
    command.add_argument(
        name, type=Path, nargs="+", action="extend", default=[], metavar="DIR", help=text
    )


if __name__ == "__main__":
    sys.exit(main())
