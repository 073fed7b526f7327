"""Where a measured row stands: against the best of its corpus, and against the controls."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from adabench.evaluation.significance import LEVEL
from adabench.leaderboard.controls import contradictions
from adabench.leaderboard.statistics import told_from_best
from adabench.records.record import Record

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Standing:
    """One row beside the others of its track, corpus and protocol.

    Attributes:
        best: it has the smallest mean RMSE of those that could be compared.
        p_value: of its difference from the best, corrected over all rows; None for the best itself
            and for a row that can't be compared with it.
        contradiction: why a control says that the row's number can't be believed, or empty.
    """

    best: bool = False
    p_value: float | None = None
    contradiction: str = ""

    @property
    def is_tied(self) -> bool:
        """Whether the row can't be told from the best one."""
        return self.p_value is not None and self.p_value >= LEVEL


def standings(
    rows: Mapping[K, Sequence[Record]],
    labels: Mapping[str, float] | None = None,
    *,
    judged: Mapping[K, str] | None = None,
    doubted: Collection[K] = (),
) -> dict[K, Standing]:
    """Where each row stands.

    Bounds know what no method can know, and a row that a control contradicts may be wrong, so
    neither takes part in who is best. Each protocol has a best of its own: trained or tested on other
    sessions, rows are not compared.

    Args:
        rows: the measured rows of one track and one corpus, controls and bounds among them; the
            records of a row are its seeds.
        labels: session to score in points, for a corpus whose records hold none.
        judged, doubted: as `contradictions` takes them.
    """
    wrong = contradictions(rows, judged=judged, doubted=doubted)
    by_protocol: dict[str | None, dict[K, Sequence[Record]]] = {}
    for key, records in rows.items():
        if key not in wrong and records[0].kind != "bound":
            by_protocol.setdefault(records[0].protocol, {})[key] = records
    p_values: dict[K, float | None] = {}
    best: set[K] = set()
    for rivals in by_protocol.values():
        own = told_from_best(rivals, labels)
        p_values |= own
        if any(value is not None for value in own.values()):
            best.add(min(rivals, key=lambda key: _mean_rmse(rows[key])))
    return {
        key: Standing(
            best=key in best,
            p_value=p_values.get(key),
            contradiction=wrong.get(key, ""),
        )
        for key in rows
    }


def _mean_rmse(records: Sequence[Record]) -> float:
    return fmean(record.metrics.RMSE for record in records)
