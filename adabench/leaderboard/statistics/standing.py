"""Where a measured row stands: against the best of its likes, and against the controls."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adabench.evaluation.significance import LEVEL, MeanDifference
from adabench.leaderboard.statistics.controls import contradictions
from adabench.leaderboard.statistics.errors import constants_in
from adabench.leaderboard.statistics.peers import Peers
from adabench.leaderboard.statistics.told import Against, Reach, told_from_peers
from adabench.records.schema.record import Record

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Standing:
    """One row beside its peers: others of its track, corpus or family of draws, protocol and start.

    Attributes:
        best: it has the smallest figure of those that could be compared.
        p_value: of its difference from the best, on these draws or this corpus (of folds: beyond them),
            corrected for choosing the best; None for the best itself and a row that can't be compared.
        p_beyond: the same beyond these draws, corrected over all pairs; None below five draws.
        behind: its figure less the best's, with the interval for a pair chosen beforehand.
        is_tied: whether it can't be told from the best on these draws or this corpus, of folds beyond them.
        contradiction: why a control says that the row's number can't be believed, or empty.
    """

    best: bool = False
    p_value: float | None = None
    p_beyond: float | None = None
    behind: MeanDifference | None = None
    is_tied: bool = False
    contradiction: str = ""

    @classmethod
    def of(cls, against: Against, contradiction: str = "") -> Standing:
        """Return the standing of a row that is not the best."""
        return cls(
            p_value=against.p,
            p_beyond=against.p_beyond,
            behind=against.effect,
            is_tied=not against.is_told,
            contradiction=contradiction,
        )

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
) -> tuple[dict[K, Standing], dict[Peers, Reach]]:
    """Where each row stands, and what each group of peers can tell apart.

    Bounds know what no method can know, and a row that a control contradicts may be wrong, so
    neither takes part in who is best. Each group has a best of its own: trained or tested on other
    sessions, or from other weights, rows are not compared.

    Args:
        rows: the measured rows of one track and one corpus or family of draws, controls and bounds among
            them; the records of a row are its runs.
        labels: session to score in points, for a corpus whose records hold none.
        judged, doubted: as `contradictions` takes them.
    """
    wrong = contradictions(rows, judged=judged, doubted=doubted)
    on_draws = any(record.family is not None for records in rows.values() for record in records)
    believed = {key: records for key, records in rows.items() if key not in wrong}
    constants = constants_in(believed.values()) if on_draws else {}
    told, reach = told_from_peers(believed, labels, constants)
    standing: dict[K, Standing] = {}
    for key in rows:
        contradiction, against = wrong.get(key, ""), told.get(key)
        if against is None:
            standing[key] = Standing(best=key in told, contradiction=contradiction)
        else:
            standing[key] = Standing.of(against, contradiction)
    return standing, reach
