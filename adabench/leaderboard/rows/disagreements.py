"""Where papers print different numbers for one method on one track.

Two cases, which mean different things. *Between papers*: one quotes a method with numbers that the
other does not print at all. *Within a paper*: its own tables hold several numbers for one method,
most of them variants, so that a quotation has to say which row it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from adabench.leaderboard.rows.row import Table
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported
from adabench.records.schema.values import METRIC_NAMES


@dataclass(frozen=True)
class Printed:
    """One row as a paper's table has it."""

    paper: str
    table: str
    row: str
    metrics: dict[str, float]
    notes: tuple[str, ...]

    def agrees(self, other: Printed) -> bool:
        """Whether every metric that both print is the same."""
        shared = self.metrics.keys() & other.metrics.keys()
        return all(self.metrics[name] == other.metrics[name] for name in shared)


@dataclass(frozen=True)
class Disagreement:
    """One method on one track, and everything printed for it where that is not one number.

    Attributes:
        kind: ``between`` papers, or ``within`` one.
        printed: in the order of the tables; at least two of them disagree.
    """

    kind: Literal["between", "within"]
    method: str
    track: str
    printed: tuple[Printed, ...]

    @property
    def spread(self) -> float:
        """Largest RMSE less smallest, in points."""
        values = [row.metrics["RMSE"] for row in self.printed]
        return max(values) - min(values)


def find_disagreements(tables: Iterable[Table]) -> list[Disagreement]:
    """Every disagreement among the reported rows: between papers first, larger spreads first."""
    found = [case for table in tables for case in _on_track(table)]
    return sorted(found, key=lambda case: (case.kind, -case.spread, case.method, case.track))


def _on_track(table: Table) -> Iterator[Disagreement]:
    for records in _by_method(table).values():
        method, printed = records[0].method, [_printed(record) for record in records]
        by_paper: dict[str, list[Printed]] = {}
        for row in printed:
            by_paper.setdefault(row.paper, []).append(row)
        if _papers_disagree(list(by_paper.values())):
            yield Disagreement("between", method, table.track, tuple(printed))
        for rows in by_paper.values():
            if any(not a.agrees(b) for a, b in combinations(rows, 2)):
                yield Disagreement("within", method, table.track, tuple(rows))


def _by_method(table: Table) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for row in table.rows:
        for entry in row.entries:
            if isinstance(entry.record.origin, Reported):
                found.setdefault(entry.record.method.casefold(), []).append(entry.record)
    return found


def _papers_disagree(papers: Sequence[Sequence[Printed]]) -> bool:
    """Whether some pair of papers has no row in common: variants alone are no disagreement."""
    return any(
        not any(a.agrees(b) for a in one for b in other) for one, other in combinations(papers, 2)
    )


def _printed(record: Record) -> Printed:
    if not isinstance(record.origin, Reported):
        raise TypeError(f"expected a reported record, got one of {record.origin.type}")
    origin = record.origin
    values = {name: getattr(record.metrics, name) for name in METRIC_NAMES}
    return Printed(
        paper=origin.paper,
        table=origin.table,
        row=origin.row,
        metrics={name: value for name, value in values.items() if value is not None},
        notes=tuple(record.notes),
    )
