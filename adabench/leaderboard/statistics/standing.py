"""Where a measured row stands: against the best of its likes, and against the controls."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adabench.evaluation.significance import LEVEL, MeanDifference
from adabench.leaderboard.statistics.controls import contradictions
from adabench.leaderboard.statistics.errors import constants_in
from adabench.leaderboard.statistics.told import Against, Reach, Told, told_from_best
from adabench.records.protocols import shared_protocol
from adabench.records.schema.record import Record

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Standing:
    """One row beside the others of its track, corpus or family of draws, and protocol.

    Attributes:
        best: it has the smallest figure of those that could be compared.
        p_value: of its difference from the best, on these draws or this corpus (of folds: beyond them),
            corrected for choosing the best; None for the best itself and a row that can't be compared.
        p_beyond: the same beyond these draws, corrected over all pairs; None below five draws.
        behind: its figure less the best's, with the interval for a pair chosen beforehand.
        contradiction: why a control says that the row's number can't be believed, or empty.
    """

    best: bool = False
    p_value: float | None = None
    p_beyond: float | None = None
    behind: MeanDifference | None = None
    contradiction: str = ""

    @property
    def is_tied(self) -> bool:
        """Whether the row can't be told from the best one."""
        return self.p_value is not None and self.p_value >= LEVEL

    @property
    def is_tied_beyond(self) -> bool:
        """Whether it is told from the best one on these draws alone, and not beyond them."""
        return not self.is_tied and self.p_beyond is not None and self.p_beyond >= LEVEL


def standings(
    rows: Mapping[K, Sequence[Record]],
    labels: Mapping[str, float] | None = None,
    *,
    judged: Mapping[K, str] | None = None,
    doubted: Collection[K] = (),
) -> tuple[dict[K, Standing], dict[str | None, Reach]]:
    """Where each row stands, and what each protocol's rows can tell apart.

    Bounds know what no method can know, and a row that a control contradicts may be wrong, so
    neither takes part in who is best. Each protocol has a best of its own: trained or tested on other
    sessions, rows are not compared.

    Args:
        rows: the measured rows of one track and one corpus or family of draws, controls and bounds among
            them; the records of a row are its runs.
        labels: session to score in points, for a corpus whose records hold none.
        judged, doubted: as `contradictions` takes them.
    """
    wrong = contradictions(rows, judged=judged, doubted=doubted)
    on_draws = any(record.family is not None for records in rows.values() for record in records)
    believed = [records for key, records in rows.items() if key not in wrong]
    constants = constants_in(believed) if on_draws else {}
    by_protocol: dict[str | None, dict[K, Sequence[Record]]] = {}
    for key, records in rows.items():
        if key not in wrong and records[0].kind != "bound":
            protocol = shared_protocol(records[0].protocol)
            by_protocol.setdefault(protocol, {})[key] = records
    told = {
        protocol: told_from_best(rivals, labels, constants)
        for protocol, rivals in by_protocol.items()
    }
    reach = {protocol: own.reach for protocol, own in told.items() if own.reach is not None}
    return {key: _standing(key, told.values(), wrong.get(key, "")) for key in rows}, reach


def _standing(key: K, told: Collection[Told[K]], contradiction: str) -> Standing:
    for own in told:
        if own.best is not None and key == own.best:
            return Standing(best=True, contradiction=contradiction)
        found: Against | None = own.against.get(key)
        if found is not None:
            return Standing(False, found.p, found.p_beyond, found.effect, contradiction)
    return Standing(contradiction=contradiction)
