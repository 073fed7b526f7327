"""Finds the runs that a user names: by file, by folder, or as the tables name them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from adabench.leaderboard.rows.collect import collect
from adabench.leaderboard.rows.row import Entry, Row
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.errors import Constants, constants_in
from adabench.records.files.results import read_record, record_files
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported


def select_runs(name: str, root: str | os.PathLike[str], track: str | None = None) -> list[Record]:
    """The records of one row, its runs.

    Args:
        name: a record's file; a folder of records; or a method's or config's name, or
            ``METHOD/CONFIG``, in any case, looked for in measured and local records.
        root: the leaderboard folder.
        track: only records of this track.

    Raises:
        ValueError: nothing is found, with the nearest name; several rows are, with all of them; or
            a record of the folder is damaged.
        FileNotFoundError: a name is looked for, and ``root`` does not exist.
    """
    path = Path(name)
    if path.is_file():
        return [read_record(path)]
    entries = _below(path) if path.is_dir() else _named(name, root, track)
    rows = [
        (table.track, row)
        for table in build_tables(entries)
        for row in table.rows
        if track in (None, table.track)
    ]
    if not rows:
        raise ValueError(f"{name}: no record of track {track!r} in this folder")
    if len(rows) > 1:
        shown = "".join(f"\n  {_line(track, row)}" for track, row in rows)
        raise ValueError(
            f"{name!r} names {len(rows)} rows; name one by --track, by METHOD/CONFIG, by a folder "
            f"of its records or by a file:{shown}"
        )
    return [entry.record for entry in rows[0][1].entries]


def constants_beside(records: Sequence[Record], root: str | os.PathLike[str]) -> Constants:
    """Return the constants of the records' corpora and protocols, as far as they are at hand.

    Args:
        records: to compare.
        root: the leaderboard folder; where there is none, no constant is known.
    """
    if not Path(root).is_dir():
        return {}
    wanted = {(record.corpus_checksum, record.protocol) for record in records}
    found = constants_in([[entry.record for entry in collect(root)[0]]])
    return {key: rmse for key, rmse in found.items() if key in wanted}


def _below(folder: Path) -> list[Entry]:
    entries = [Entry(read_record(path), str(folder), path) for path in record_files(folder)]
    if not entries:
        raise ValueError(f"{folder}: no record in this folder")
    return entries


def _named(name: str, root: str | os.PathLike[str], track: str | None) -> list[Entry]:
    entries, _ = collect(root)
    found = [
        entry
        for entry in entries
        if track in (None, entry.record.track) and name.casefold() in _names(entry.record)
    ]
    measured = [entry for entry in found if not isinstance(entry.record.origin, Reported)]
    if measured:
        return measured
    if found:
        raise ValueError(
            f"{name!r} is only reported by papers, without predictions; a comparison needs them"
        )
    raise ValueError(_unknown(name, track, [entry.record for entry in entries]))


def _names(record: Record) -> Sequence[str]:
    names = (record.method, record.config, f"{record.method}/{record.config}")
    return [name.casefold() for name in names]


def _unknown(name: str, track: str | None, records: Iterable[Record]) -> str:
    known = {
        each
        for record in records
        if not isinstance(record.origin, Reported) and track in (None, record.track)
        for each in (record.method, record.config)
    }
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    where = "" if track is None else f" on track {track!r}"
    hint = f"; did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(sorted(known)[:20]) or "none"
    return f"{name!r} is no file, no folder and no measured row{where}{hint} Known: {listed}"


def _line(track: str, row: Row) -> str:
    seeds = ",".join(map(str, row.seeds)) or "none"
    parts = (track, row.method, row.config, row.origin, *row.flags, f"seeds {seeds}")
    files = " ".join(str(entry.path) for entry in row.entries[:1] if entry.path)
    return "  ".join(part for part in (*parts, files) if part)
