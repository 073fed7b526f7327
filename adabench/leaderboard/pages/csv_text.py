"""A table as CSV: every number in full precision."""

from __future__ import annotations

import csv
import io

from adabench.leaderboard.pages import by_group
from adabench.leaderboard.pages.by_group import results_by_group
from adabench.leaderboard.pages.cells import csv_cell
from adabench.leaderboard.pages.columns import csv_beside
from adabench.leaderboard.pages.scored import scored_as
from adabench.leaderboard.pages.versions import older_told
from adabench.leaderboard.rows.row import Row, Table
from adabench.leaderboard.rows.side_by_side import (
    SHOWN,
    disjoint_metrics,
    has_both,
    official_metrics,
)
from adabench.leaderboard.rows.summary import full, measure_names, number
from adabench.records.schema.values import METRIC_NAMES

#: The folder of CSV files by group of persons, below that of the tables.
GROUPS = "groups"

# What a CSV tells of each number, and what stands after the numbers.
_PARTS = ("", "_sd", "_low", "_high")
_STANDING = ("best", "p_best", "p_beyond", "behind", "behind_low", "behind_high")
_LAST_COLUMNS = (*_STANDING, "contradiction", "scored", "flags", "note")


def render_csv(table: Table) -> str:
    """The table as CSV, numbers in full precision, an empty cell where there is none.

    ``of_constant`` is the error as a share of the constant's. ``best`` marks the best measured row,
    ``p_best`` is the p value of a row's difference from it on these draws, ``p_beyond`` beyond them,
    ``behind`` the difference. Of AVEC, names that end with ``disjoint`` are with persons kept apart.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbers = [f"{name}{part}" for name in METRIC_NAMES for part in _PARTS]
    further = measure_names([row.public_measures for row in table.rows])
    more = [f"{name}{part}" for name in further for part in _PARTS[:2]]
    both = [*SHOWN] if has_both(table.track) else []
    disjoint = [f"{name}_disjoint{part}" for name in both for part in _PARTS]
    named = ("track", "drawn", "family", "kind", "method", "config", "origin", "starts_from")
    share = ("draws", "seeds", "of_constant", "of_constant_sd")
    beside = csv_beside(table.rows)
    writer.writerow([*named, *share, *numbers, *disjoint, *beside.header, *more, *_LAST_COLUMNS])
    for row, known in zip(table.rows, beside.cells, strict=True):
        texts = (table.name, table.drawn, table.family or "", row.kind, row.method, row.config)
        values = [full(official_metrics(row).get(name)) for name in METRIC_NAMES]
        values += [full(disjoint_metrics(row).get(name)) for name in both]
        values += [known]
        values += [full(row.public_measures.get(name))[:2] for name in further]
        writer.writerow(
            [csv_cell(text) for text in (*texts, row.origin, row.peers.start or "")]
            + [" ".join(map(str, row.draws)), " ".join(map(str, row.seeds)), *full(row.share)[:2]]
            + [cell for cells in values for cell in cells]
            + _standing(row)
            + [
                csv_cell(text)
                for text in (
                    row.standing.contradiction,
                    scored_as(row),
                    "; ".join(row.flags),
                    "; ".join([*row.notes, *older_told(row)]),
                )
            ]
        )
    return buffer.getvalue()


def _standing(row: Row) -> list[str]:
    standing, behind = row.standing, row.standing.behind
    low, high = (behind and behind.interval) or (None, None)
    difference = None if behind is None else behind.difference
    numbers = (standing.p_value, standing.p_beyond, difference, low, high)
    return ["yes" if standing.best else "", *map(number, numbers)]


def render_groups_csv(table: Table) -> str:
    """The results by group as CSV, a line for each row and group; empty where no row has any.

    Numbers are in full precision; a group of too few persons has none.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbers = [f"{name}{part}" for name in by_group.NUMBERS for part in _PARTS]
    names = (
        "track",
        "drawn",
        "method",
        "config",
        "origin",
        "flags",
        "seeds",
        "group",
        "sessions",
        "persons",
    )
    lines = [
        [
            csv_cell(t)
            for t in (
                *(table.name, table.drawn, row.method, row.config, row.origin),
                "; ".join(row.flags),
            )
        ]
        + [" ".join(str(seed) for seed in row.seeds), csv_cell(name)]
        + [str(found.sessions), str(found.persons or "")]
        + [cell for name in by_group.NUMBERS for cell in full(found.numbers.get(name))]
        for row in table.rows
        for name, found in results_by_group(row).items()
    ]
    if lines:
        writer.writerows([[*names, *numbers], *lines])
    return buffer.getvalue()
