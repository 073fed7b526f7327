"""Which family a row belongs to, read off the records: no method is named here.

A paper's own method carries the paper's name (but for case and punctuation), so the reported rows
say which methods have a paper. Everything else that was measured is a baseline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from adabench.leaderboard.rows.row import Table
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported

BASELINE, CONTROL, BOUND = "baseline", "control", "bound"


def paper_names(tables: Iterable[Table]) -> dict[str, str]:
    """The papers that reported rows come from, each with its own method's name as it prints it.

    A paper without a row of its own keeps its identifier.
    """
    names: dict[str, str] = {}
    for table in tables:
        for row in table.rows:
            origin = row.entries[0].record.origin
            if not isinstance(origin, Reported):
                continue
            names.setdefault(origin.paper, origin.paper)
            if _key(row.method) == _key(origin.paper):
                names[origin.paper] = row.method
    return names


def family(record: Record, papers: Mapping[str, str]) -> str:
    """A row's family: a paper's own method, what a paper quotes, baseline, control or bound.

    Args:
        record: any of the row's.
        papers: as `paper_names` finds them.
    """
    if record.kind != "method":
        return record.kind
    own = {_key(paper): name for paper, name in papers.items()}
    if _key(record.method) in own:
        return own[_key(record.method)]
    if isinstance(record.origin, Reported):
        return f"quoted by {papers.get(record.origin.paper, record.origin.paper)}"
    return BASELINE


def family_order(families: Iterable[str], papers: Mapping[str, str]) -> list[str]:
    """The families in the order a reader looks for them."""
    first = [*papers.values(), BASELINE, CONTROL, BOUND]
    found = set(families)
    return [name for name in first if name in found] + sorted(found - set(first))


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
