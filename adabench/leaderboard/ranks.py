"""Average ranks of methods over tracks, with Friedman's and Nemenyi's tests (Demšar 2006)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.significance import LEVEL, critical_difference, friedman, nemenyi

#: With fewer tracks, three methods could not be told apart whatever their ranks.
FEWEST_TRACKS, FEWEST_METHODS = 3, 3


@dataclass(frozen=True, eq=False)
class Ranks:
    """Average ranks of methods over tracks.

    Attributes:
        tracks: that the ranks are over.
        ranks: method to its average rank, the best first.
        p: of Friedman's test, by permuting ranks within tracks. From 0.05 up the methods can't be
            told apart at all, whatever `p_values` says.
        critical_difference: of average ranks (Nemenyi, 5 %).
        left_out: methods without a value on each of the tracks.
        tracks_left_out: with too few of these methods.
        values: (tracks, methods) what was ranked, methods in the order of ``ranks``.
    """

    tracks: tuple[str, ...]
    ranks: dict[str, float]
    statistic: float
    p: float
    critical_difference: float
    left_out: tuple[str, ...]
    tracks_left_out: tuple[str, ...]
    values: NDArray[np.float64]

    @cached_property
    def p_values(self) -> NDArray[np.float64]:
        """(methods, methods) p values of all pairs (Nemenyi), in the order of ``ranks``."""
        return nemenyi(self.values)

    def lines(self) -> Iterator[str]:
        """Yield the ranks as text, ready to print."""
        yield f"average ranks over {len(self.tracks)} tracks ({', '.join(self.tracks)})"
        width = max(map(len, self.ranks))
        for name, rank in self.ranks.items():
            yield f"  {name:<{width}}  {rank:.2f}"
        yield f"Friedman: chi-squared {self.statistic:.2f}, p = {self.p:.4f} (permutation)"
        if self.p < LEVEL:
            yield f"ranks {self.critical_difference:.2f} or more apart differ (Nemenyi, 5 %)"
        else:
            yield "the methods can't be told apart by their ranks"
        if self.left_out:
            yield f"not on each of these tracks, so not ranked: {', '.join(self.left_out)}"
        if self.tracks_left_out:
            yield f"tracks with too few of these methods: {', '.join(self.tracks_left_out)}"


def ranks_over_tracks(rmse: Mapping[str, Mapping[str, float]]) -> Ranks | None:
    """Rank methods by RMSE on each track, and test whether the ranks differ (Demšar 2006).

    Methods must stand on every track, so tracks that would cost the table most cells are left out
    first. Friedman's test takes tracks as independent; tracks that share persons are not, and their
    ranks agree more than those of new persons would.

    Args:
        rmse: track to method to RMSE.

    Returns:
        None for fewer than 3 tracks with 3 methods in common.

    Raises:
        ValueError: for an RMSE that is not finite.
    """
    tracks = _largest_table(rmse)
    if tracks is None:
        return None
    methods = _common(rmse, tracks)
    values = np.array([[rmse[track][name] for name in methods] for track in tracks])
    test = friedman(values)
    order = np.argsort(test.ranks, kind="stable")
    return Ranks(
        tracks=tracks,
        ranks={methods[index]: float(test.ranks[index]) for index in order},
        statistic=test.statistic,
        p=test.p,
        critical_difference=critical_difference(len(methods), len(tracks)),
        left_out=tuple(sorted({name for on in rmse.values() for name in on} - set(methods))),
        tracks_left_out=tuple(sorted(set(rmse) - set(tracks))),
        values=values[:, order],
    )


def _common(rmse: Mapping[str, Mapping[str, float]], tracks: Sequence[str]) -> list[str]:
    return [name for name in rmse[tracks[0]] if all(name in rmse[track] for track in tracks)]


def _largest_table(rmse: Mapping[str, Mapping[str, float]]) -> tuple[str, ...] | None:
    """Drop track after track; of the tables without holes met so, take the one with most cells."""
    left = tuple(rmse)
    best, most = None, 0
    while len(left) >= FEWEST_TRACKS:
        methods = len(_common(rmse, left))
        if methods >= FEWEST_METHODS and methods * len(left) > most:
            best, most = left, methods * len(left)
        smaller = [tuple(name for name in left if name != dropped) for dropped in left]
        left = max(smaller, key=lambda names: len(_common(rmse, names)))
    return best
