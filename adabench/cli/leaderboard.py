"""Builds and checks the leaderboard, adds records to it, compares two of its rows.

    python tools/leaderboard.py build [--results DIR ...] [--out DIR] [--track TRACK] [--data DIR ...]
    python tools/leaderboard.py verify [--data DIR ...] [--intervals] [--plugins DIR ...]
    python tools/leaderboard.py add FILE ... [--data DIR ...] [--allow-dirty]
    python tools/leaderboard.py compare A B [--track TRACK] [--data DIR ...]
    python tools/leaderboard.py compare --track TRACK [--data DIR ...]

Each takes --root DIR; without a command it builds. Exit status: 0; 1 if a record could not be read,
does not hold or is refused (the others are built or added); 2 if the arguments are wrong.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from adabench.cli.parser import Parser
from adabench.cli.streams import write_anywhere
from adabench.leaderboard.acceptance.accept import RefusedError, accept, remarks_on
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.pages.cells import terminal_cell
from adabench.leaderboard.pages.pairs import pairs_of_track, render_pairs
from adabench.leaderboard.pages.publish import publish
from adabench.leaderboard.places import ROOT
from adabench.leaderboard.rows.selection import constants_beside, select_runs
from adabench.leaderboard.statistics.two_rows import compare
from adabench.records.files.labels import labels_for, read_labels


def main() -> None:
    """Serve the command line, and exit."""
    write_anywhere()
    gc.disable()  # looking for cycles among thousands of records, which have none, takes seconds
    sys.exit(command())


def command(arguments: Sequence[str] | None = None) -> int:
    """Parse, build or check, print; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "build")
    parser = _parser()
    options = parser.parse_args(given)
    if options.run is _compare and len(options.rows) != 2 and (options.rows or not options.track):
        parser.error("compare takes two rows, A and B, or --track alone for every pair")
    try:
        return int(options.run(options))
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {terminal_cell(str(error))}\n")


def _say(*lines: str, file: TextIO | None = None) -> None:
    """Print lines; what came with a record or a file's name can't steer the terminal."""
    for line in lines:
        print(terminal_cell(line), file=file)


def _build(options: argparse.Namespace) -> int:
    corpora = read_labels(options.data)
    _load(options.plugins)
    board = publish(
        options.root, options.results, options.out, track=options.track, corpora=corpora
    )
    _say(*board.lines())
    for problem in board.problems:
        _say(f"left out: {problem}", file=sys.stderr)
    return 1 if board.problems else 0


def _load(plugins: Sequence[Path]) -> None:
    """Load plugins, if any are named: their metrics are computed; most import torch, which takes long."""
    if plugins:
        from adabench.cli.arguments import load_plugins_of

        load_plugins_of(plugins)


def _verify(options: argparse.Namespace) -> int:
    _load(options.plugins)
    found = verify(options.root, read_labels(options.data), intervals=options.intervals)
    _say(*found.lines())
    return 0 if found.holds else 1


def _add(options: argparse.Namespace) -> int:
    labels, refused = read_labels(options.data), 0
    for file in options.files:
        if not options.root.is_dir():
            raise FileNotFoundError(f"leaderboard folder {options.root} does not exist; use --root")
        try:
            path = accept(file, options.root, labels, allow_dirty=options.allow_dirty)
        except (RefusedError, OSError) as error:
            # A disk that can't be written says so of each file; another's fault ends nothing here.
            _say(str(error), file=sys.stderr)
            refused += 1
        else:
            _say("; ".join([f"{file} -> {path}", *remarks_on(path, options.root, labels)]))
    return 1 if refused else 0


def _compare(options: argparse.Namespace) -> int:
    if not options.rows:
        pairs = pairs_of_track(options.track, options.root, read_labels(options.data))
        _say(*render_pairs(pairs))
        return 0
    first, second = (select_runs(name, options.root, options.track) for name in options.rows)
    labels = labels_for([*first, *second], read_labels(options.data))
    constants = constants_beside([*first, *second], options.root)
    _say(*compare(first, second, labels, constants).lines())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description="The leaderboard: tables, checks, comparisons.")
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
    row = "a record, a folder of its seeds, or a method's or config's name; none: every pair"
    pair.add_argument("rows", nargs="*", metavar="A B", help=row)
    for command, run in ((build, _build), (check, _verify), (add, _add), (pair, _compare)):
        command.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="(leaderboard)")
        command.set_defaults(run=run)
    for command in (build, check, add, pair):
        _add_folders(command, "--data", "prepared corpora, for labels that licensed records lack")
    for command in (build, check):
        _add_folders(command, "--plugins", "plugins whose metrics are to be computed")
    for command in (build, pair):
        command.add_argument("--track", help="this track only")
    return parser


def _add_folders(command: argparse.ArgumentParser, name: str, text: str) -> None:
    command.add_argument(
        name, type=Path, nargs="+", action="extend", default=[], metavar="DIR", help=text
    )
