"""What a comparison of a suite with its paper's table holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adabench.evaluation.ranking import RankAgreement
from adabench.leaderboard.rows.summary import Summary
from adabench.leaderboard.statistics.peers import Peers
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.told import Reach
from adabench.records.drawn import drawn_words
from adabench.records.schema.sections import Metrics

#: The metric whose order is compared with the paper's.
RANKED_BY = "RMSE"

#: On drawn faces, the error as a share of the constant's on the same draw.
SHARE = "Of constant"


@dataclass(frozen=True)
class Measurement:
    """What the runs of one row on one track found.

    Attributes:
        seeds: of the runs that are there.
        planned: how many there should be.
        metrics: mean and sample deviation, over draws or, on one corpus, over seeds; on draws `SHARE` too.
        draws: of a family, that the runs were on; none of other corpora.
        wall_seconds: mean of what a run took.
        alone_seconds: mean of what it would have taken without shared stages and caches.
    """

    seeds: tuple[int, ...]
    planned: int
    metrics: dict[str, Summary]
    wall_seconds: float | None
    alone_seconds: float | None
    draws: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pair:
    """One row on one track: what the paper prints, and what was measured.

    Attributes:
        runs: the suite runs the row on this track, so that without a measurement one is missing.
        standing: of the measured row beside the others of the table.
    """

    reported: Metrics | None = None
    measured: Measurement | None = None
    runs: bool = False
    config_hash: str = ""
    note: str = ""
    standing: Standing = field(default_factory=Standing)


@dataclass(frozen=True)
class ComparedRow:
    """A row; ``name`` is None for one that the paper prints and no suite row covers.

    Attributes:
        start: what its weights were learnt on; empty for a row that runs nowhere here.
    """

    name: str | None
    label: str
    group: str | None
    pairs: dict[str, Pair]
    start: str = ""


@dataclass(frozen=True)
class Order:
    """How far measured and printed order agree on a track, or why that can't be said.

    Attributes:
        start: what the rows' weights were learnt on, where the suite's rows differ in that.
    """

    track: str
    rows: int = 0
    seeds: tuple[int, ...] = ()
    agreement: RankAgreement | None = None
    reason: str = ""
    start: str = ""


@dataclass(frozen=True)
class Spent:
    """Seconds of distinct runs, of those whose record holds both times: taken, and alone."""

    runs: int
    took: float
    counted: int
    alone: float
    took_of_counted: float


@dataclass(frozen=True)
class Comparison:
    """A suite's table.

    Attributes:
        tracks: the column blocks; each with the track that was scored, or None if no row could run.
        metrics: which of the four each block shows.
        rows: in the paper's order.
        orders: one a track that the paper's table prints.
        spent: time of the runs.
        notices: what a reader must know first.
        worlds: of drawn faces; None of other corpora.
        family: of the draws, where a suite's rows are of several, each with a table.
        reach: track → of each group of peers, what its measured rows can tell apart.
    """

    suite: str
    title: str
    paper: str | None
    table: str | None
    tracks: dict[str, str | None]
    metrics: dict[str, tuple[str, ...]]
    rows: tuple[ComparedRow, ...]
    orders: tuple[Order, ...]
    spent: Spent
    notices: tuple[str, ...]
    worlds: tuple[str | None, ...] | None = None
    family: str | None = None
    reach: Mapping[str, Mapping[Peers, Reach]] = field(default_factory=dict)

    @property
    def drawn(self) -> str:
        """What is said of drawn faces; empty of others."""
        return "" if self.worlds is None else drawn_words(self.worlds)
