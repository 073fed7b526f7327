"""Measured methods over all tracks: average ranks, whether they differ, and their diagram."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from adabench.evaluation.controls import CONSTANT
from adabench.leaderboard.ranks import Ranks, ranks_over_tracks
from adabench.leaderboard.rows import OFFICIAL, Row, Table
from adabench.records.record import Reported, is_demo_track

#: What a config's name says of its track, which tells two tracks apart and no two methods.
_TRACK = re.compile(r"_avec1[34](_freeform|_northwind)?$")

REAL, DEMO = "real corpora", "drawn faces (demo)"


def ranks_of(tables: Iterable[Table]) -> Iterator[tuple[str, Ranks]]:
    """Yield (heading, ranks) for real corpora and for demo tracks, where there are enough.

    A method is a row's method and config, the track's part of the config's name left out; the
    constant predictor is one of them. Reported rows, bounds, rows that a control contradicts and
    rows of another protocol than the official one are not ranked; of a track with several corpora,
    none is.
    """
    found: dict[str, dict[str, dict[str, float]]] = {REAL: {}, DEMO: {}}
    for table in tables:
        if len(table.corpora) == 1:
            heading = DEMO if is_demo_track(table.track) else REAL
            found[heading][table.name] = _ranked(table)
    for heading, tracks in found.items():
        ranks = ranks_over_tracks({track: rows for track, rows in tracks.items() if rows})
        if ranks is not None:
            yield heading, ranks


def write_ranks(tables: Iterable[Table], out: str | os.PathLike[str]) -> Iterator[str]:
    """Write a critical-difference diagram for each ranking into ``out``, and yield it as text.

    Raises:
        OSError: one can't be written.
    """
    for heading, ranks in ranks_of(tables):
        # matplotlib takes a moment to import, and most tables need no diagram.
        from adabench.viz.critical_difference import critical_difference_diagram

        name = "ranks-demo.png" if heading == DEMO else "ranks.png"
        path = Path(out) / name
        critical_difference_diagram(
            ranks.ranks,
            ranks.critical_difference,
            path,
            "Average rank by RMSE",
            subtitle=f"{heading}: {len(ranks.tracks)} tracks; Friedman's p = {ranks.p:.3f}",
        )
        yield "\n".join([f"== {heading} ==", *ranks.lines(), f"diagram {path}", ""])


def _ranked(table: Table) -> dict[str, float]:
    rows = [row for row in table.rows if _is_method(row) and not row.standing.contradiction]
    best: dict[str, float] = {}
    for row in rows:
        # A method that stands twice (measured and local, say) is ranked by its first row.
        best.setdefault(_name(row), row.metrics["RMSE"].value)
    return best


def _is_method(row: Row) -> bool:
    measured = bool(row.entries) and not isinstance(row.entries[0].record.origin, Reported)
    if not measured or row.entries[0].record.protocol != OFFICIAL:
        return False
    return row.kind == "method" or row.method == CONSTANT


def _name(row: Row) -> str:
    config = _TRACK.sub("", row.config)
    return row.method if config in ("", row.method) else f"{row.method} ({config})"
