"""Measured methods over all tracks: average ranks, whether they differ, and their diagram."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adabench.evaluation.controls import CONSTANT
from adabench.leaderboard.by_scale import scale_slug
from adabench.leaderboard.ranks import Ranks, ranks_over_tracks
from adabench.leaderboard.rows import OFFICIAL, Row, Table
from adabench.records.record import Reported, is_demo_track
from adabench.records.sections import bdi_ii

#: What a config's name says of its track, which tells two tracks apart and no two methods.
_TRACK = re.compile(r"_avec1[34](_freeform|_northwind)?$")

REAL, DEMO = "real corpora", "drawn faces (demo)"


@dataclass(frozen=True)
class Ranking:
    """Average ranks over tracks that may be ranked together.

    Attributes:
        heading: which tracks these are, with the scale of their scores.
        name: of its diagram's file, without an ending; no two rankings share one.
    """

    heading: str
    name: str
    ranks: Ranks


def rankings_of(tables: Iterable[Table]) -> Iterator[Ranking]:
    """Yield a ranking for each scale, of real corpora and of demo tracks, where there are enough.

    A method is a row's method and config, the track's part of the config's name left out; the
    constant predictor is one of them. Reported rows, bounds, rows that a control contradicts and
    rows of another protocol than the official one are not ranked; of a track with several corpora,
    none is.
    """
    found: dict[tuple[bool, str], list[Table]] = {}
    for table in tables:
        if len(table.corpora) == 1:
            key = (is_demo_track(table.track), table.scale.model_dump_json())
            found.setdefault(key, []).append(table)
    taken: Counter[str] = Counter()
    for (is_demo, _), own in sorted(found.items(), key=lambda pair: (_is_other(pair[1]), pair[0])):
        ranks = ranks_over_tracks({t.name: rows for t in own if (rows := _ranked(t))})
        if ranks is None:
            continue
        scale, place = own[0].scale, DEMO if is_demo else REAL
        name = "ranks-demo" if is_demo else "ranks"
        name += f"-{scale_slug(scale)}" if _is_other(own) else ""
        taken[name] += 1
        # Scales of one name may differ in their range or levels.
        count = taken[name] if taken[name] > 1 else None
        yield Ranking(
            heading=f"{place}, {scale.name}" + (f" ({count})" if count else ""),
            name=name + (f".{count}" if count else ""),
            ranks=ranks,
        )


def write_ranks(tables: Iterable[Table], out: str | os.PathLike[str]) -> Iterator[str]:
    """Write a critical-difference diagram for each ranking into ``out``, and yield it as text.

    Raises:
        OSError: one can't be written.
    """
    for ranking in rankings_of(tables):
        # matplotlib takes a moment to import, and most tables need no diagram.
        from adabench.viz.critical_difference import critical_difference_diagram

        path, ranks = Path(out) / f"{ranking.name}.png", ranking.ranks
        critical_difference_diagram(
            ranks.ranks,
            ranks.critical_difference,
            path,
            "Average rank by RMSE",
            subtitle=f"{ranking.heading}: {len(ranks.tracks)} tracks; Friedman's p = {ranks.p:.3f}",
        )
        yield "\n".join([f"== {ranking.heading} ==", *ranks.lines(), f"diagram {path}", ""])


def _is_other(tables: Sequence[Table]) -> bool:
    """Whether tables of one scale have another than the BDI-II."""
    return tables[0].scale != bdi_ii()


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
