"""List the stages and caches that no record names, and remove them.

    python tools/caches.py [--data DIR] [--results DIR ...] [--days N] [--remove]

A run makes what it needs again, so all that is lost is the time that it took. Records of before
caches were named in them name none. Exit status: 0; 1 if something could not be removed; 2 if the
arguments are wrong or a record can't be read, since nobody knows what that one names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from adabench.cli.parser import Parser
from adabench.cli.streams import write_anywhere
from adabench.data.locks import FolderInUseError
from adabench.engine.caches.unused import Kept, named_by, remove, unnamed
from adabench.leaderboard.places import LOCAL, MEASURED, ROOT
from adabench.records.files.results import read_records
from adabench.records.schema.record import Record


def main() -> None:
    """Serve the command line, and exit."""
    write_anywhere()
    sys.exit(command())


def command(arguments: Sequence[str] | None = None) -> int:
    """Parse, list, remove if asked; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        found = unnamed(given.data, named_by(_records(given.results)))
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    old = [kept for kept in found if kept.days >= given.days]
    _tell(old, len(found) - len(old), given.days)
    if not given.remove:
        return 0
    return max([_remove(kept) for kept in old], default=0)


def _records(folders: Sequence[Path]) -> list[Record]:
    """Read all records of the results folders.

    Raises:
        ValueError: one can't be read.
    """
    records: list[Record] = []
    for folder in folders or [f for f in (ROOT / MEASURED, ROOT / LOCAL) if f.is_dir()]:
        found, problems = read_records(folder)
        if problems:
            raise ValueError(f"{problems[0]}; mend it or move it away: what it names can't be told")
        records += found
    return records


def _tell(old: Sequence[Kept], newer: int, days: float) -> None:
    rows = [(k.kind, str(k.folder), f"{k.size / 1e6:,.1f}", f"{k.days:.1f}") for k in old]
    if rows:
        header = ("kind", "folder", "MB", "days since use")
        print(tabulate(rows, header, colalign=("left", "left", "right", "right")))
    total = sum(kept.size for kept in old) / 1e9
    print(f"{len(old)} that no record names, {total:,.2f} GB")
    if newer:
        print(f"{newer} more were used in the last {days:g} days and are left alone (--days 0)")


def _remove(kept: Kept) -> int:
    try:
        remove(kept)
    except FolderInUseError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{kept.folder}: not removed: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"removed {kept.folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--results",
        type=Path,
        nargs="+",
        default=[],
        help="results folders whose records count; by default the leaderboard's own",
    )
    parser.add_argument(
        "--days",
        type=float,
        default=1.0,
        help="leave alone what was used within so many days, by a run that has no record yet (1)",
    )
    parser.add_argument("--remove", action="store_true", help="remove what is listed")
    return parser
