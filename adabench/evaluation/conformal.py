"""Intervals around predictions that hold a promised share of the labels, whatever predicts (split conformal).

A calibrator is fitted on predictions of sessions that neither trained nor selected the method. If these and
the session to come are exchangeable, its interval holds the label with probability ``level`` or more (Vovk,
Gammerman & Shafer 2005; Lei et al. 2018). Sessions of one person are alike, so that persons are exchangeable
and sessions are not: each of n persons has the weight 1/(n + 1), shared by that person's sessions, and the
person to come has the rest (Lee, Barber & Willett 2023). It is what drawing one session a person gives, over
all drawings.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.bounds import Count, Share
from adabench.evaluation.scale import BDI_II, Scale
from adabench.registry import CALIBRATORS

Array = NDArray[np.float64]

# Sums of weights that reach the level but for rounding.
_ROUNDING = 1e-9


class Intervals(NamedTuple):
    """Ends of the intervals, points: ``low`` (N,) and ``high`` (N,)."""

    low: Array
    high: Array


def person_weights(persons: Sequence[str]) -> Array:
    """Return the weights (N,) of sessions: 1/(n + 1) a person of n, in even parts.

    What is missing to 1 is the weight of the person to come.
    """
    names, owner, count = np.unique(
        np.asarray(persons, dtype=str), return_inverse=True, return_counts=True
    )
    return np.asarray(1.0 / (count[owner] * (len(names) + 1)))


def weighted_threshold(values: ArrayLike, weight: ArrayLike, level: float) -> float:
    """Return the least value up to which the weights reach ``level``; infinite where they don't.

    With equal weights 1/(n + 1) it is the ⌈(n + 1) level⌉-th smallest of n.

    Args:
        values: (N,).
        weight: (N,), with a sum below 1; the rest lies at infinity.
        level: in (0, 1).
    """
    given, weights = np.asarray(values, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    reached = np.flatnonzero(weights[order].cumsum() >= level - _ROUNDING)
    return float(given[order][reached[0]]) if len(reached) else math.inf


class Calibrator(ABC):
    """What turns predictions into intervals once it has seen some with their labels.

    Attributes:
        needs_quantiles: predictions are (N, 2), a lower and an upper quantile, and not (N,).
    """

    needs_quantiles: ClassVar[bool] = False
    reach: float

    def __init__(self, *, level: Share = 0.9, scale: Scale = BDI_II) -> None:
        if not 0 < level < 1:
            raise ValueError(
                f"{type(self).__name__}.level is the share of labels that intervals are to hold, "
                f"between 0 and 1; got {level}"
            )
        self.level, self.scale = level, scale

    def fit(self, prediction: ArrayLike, score: ArrayLike, person: Sequence[str]) -> Calibrator:
        """Take predictions of sessions with their labels.

        Args:
            prediction: (N,) points, or (N, 2).
            score: (N,) points.
            person: (N,) whose sessions these are.

        Raises:
            ValueError: shapes that don't fit, no session, or a number that is not finite.
        """
        given, true = self._checked(prediction), np.asarray(score, dtype=np.float64)
        if true.shape != given.shape[:1] or len(person) != len(true) or not len(true):
            raise ValueError(
                f"{type(self).__name__}: a label and a person for each of one prediction or more; got "
                f"predictions {given.shape}, labels {true.shape} and {len(person)} persons"
            )
        if not np.isfinite(true).all():
            raise ValueError(f"{type(self).__name__}: a label is no finite number")
        self._fit(given, true, person)
        return self

    def intervals(self, prediction: ArrayLike) -> Intervals:
        """Return the intervals of predictions (N,), or (N, 2), within the scale."""
        low, high = self._intervals(self._checked(prediction))
        ends = np.clip([low, high], self.scale.low, self.scale.high)
        return Intervals(ends[0], np.maximum(ends[0], ends[1]))

    def state(self) -> dict[str, Any]:
        """Return what was learnt as plain values, for a checkpoint."""
        return {"reach": self.reach}

    def restore(self, state: dict[str, Any]) -> Calibrator:
        """Take what `state` returned."""
        self.reach = float(state["reach"])
        return self

    @abstractmethod
    def _fit(self, prediction: Array, score: Array, person: Sequence[str]) -> None:
        """Learn from checked arrays."""

    @abstractmethod
    def _intervals(self, prediction: Array) -> tuple[Array, Array]:
        """Return lower and upper ends, which may be infinite."""

    def _checked(self, prediction: ArrayLike) -> Array:
        given = np.asarray(prediction, dtype=np.float64)
        wanted = (len(given), 2) if self.needs_quantiles and given.ndim else (given.size,)
        if given.shape != wanted:
            raise ValueError(
                f"{type(self).__name__} reads predictions {'(N, 2)' if self.needs_quantiles else '(N,)'}; "
                f"got {given.shape}"
            )
        if not np.isfinite(given).all():
            raise ValueError(f"{type(self).__name__}: a prediction is no finite number")
        return given


@CALIBRATORS.register_module()
class SplitConformal(Calibrator):
    """The prediction with one distance to both sides (Lei et al. 2018; CDP of Li et al. 2025).

    Args:
        level: share of labels that intervals are to hold.
        scale: within whose ends they lie.
    """

    def _fit(self, prediction: Array, score: Array, person: Sequence[str]) -> None:
        weight = person_weights(person)
        self.reach = weighted_threshold(np.abs(score - prediction), weight, self.level)

    def _intervals(self, prediction: Array) -> tuple[Array, Array]:
        return prediction - self.reach, prediction + self.reach


@CALIBRATORS.register_module()
class ConformalQuantiles(Calibrator):
    """A lower and an upper quantile, moved by one distance (Romano, Patterson & Candès 2019).

    Args:
        level: share of labels that intervals are to hold.
        scale: within whose ends they lie.
    """

    needs_quantiles = True

    def _fit(self, prediction: Array, score: Array, person: Sequence[str]) -> None:
        outside = np.maximum(prediction[:, 0] - score, score - prediction[:, 1])
        self.reach = weighted_threshold(outside, person_weights(person), self.level)

    def _intervals(self, prediction: Array) -> tuple[Array, Array]:
        low, high = prediction[:, 0] - self.reach, prediction[:, 1] + self.reach
        # A distance below 0 may turn quantiles round that are closer than twice it.
        middle = (low + high) / 2
        return np.where(low > high, middle, low), np.where(low > high, middle, high)


@CALIBRATORS.register_module()
class BinnedConformal(Calibrator):
    """Intervals of labels as they lie where a prediction falls (CDP-ACC of Li et al. 2025, put right).

    The range of half of the persons' predictions is cut into bins of one width, those with too few
    sessions joined with their neighbour. Of each bin, the shortest run of labels that holds a share of
    its sessions, for each share, and beyond all of them the longest, widened: a nested family. The other
    half says which of it holds the level. As published all sessions serve both, the tested predictions
    among them, and nothing is promised.

    Args:
        level: share of labels that intervals are to hold.
        bins: of one width over the range of predictions; the paper has 10 and 14.
        seed: of the division of persons.
        scale: within whose ends intervals lie.
    """

    def __init__(
        self, *, level: Share = 0.9, bins: Count = 10, seed: int = 0, scale: Scale = BDI_II
    ) -> None:
        super().__init__(level=level, scale=scale)
        if bins < 1:
            raise ValueError(f"BinnedConformal.bins is 1 or more; got {bins}")
        self.bins, self.seed = bins, seed

    def state(self) -> dict[str, Any]:
        """Return edges, the runs of each bin, and the share that holds the level."""
        runs = [run.tolist() for run in self.runs]
        return {"edges": self.edges.tolist(), "runs": runs, "share": self.share}

    def restore(self, state: dict[str, Any]) -> Calibrator:
        """Take what `state` returned."""
        self.edges, self.share = np.asarray(state["edges"]), float(state["share"])
        self.runs = [np.asarray(run) for run in state["runs"]]
        return self

    def _fit(self, prediction: Array, score: Array, person: Sequence[str]) -> None:
        names = np.unique(np.asarray(person, dtype=str))
        if len(names) < 2:
            raise ValueError(
                "BinnedConformal: one half of the persons makes the bins, the other holds the level; got "
                "one person"
            )
        shuffled = np.random.default_rng(self.seed).permutation(names)
        first = np.isin(np.asarray(person, dtype=str), shuffled[: (len(names) + 1) // 2])
        self.edges = self._cut(prediction[first])
        place = self._place(prediction)
        self.runs = [
            _nested_runs(np.sort(score[first & (place == index)]))
            for index in range(len(self.edges) + 1)
        ]
        other = np.flatnonzero(~first)
        needed = [_share_needed(self.runs[place[i]], score[i]) for i in other.tolist()]
        weight = person_weights([person[i] for i in other.tolist()])
        self.share = weighted_threshold(needed, weight, self.level)

    def _cut(self, prediction: Array) -> Array:
        """Return the inner edges of bins that hold ⌈1/(1 - level)⌉ sessions or more each."""
        edges = np.linspace(prediction.min(), prediction.max(), self.bins + 1)[1:-1]
        fewest, kept, below = math.ceil(1 / (1 - self.level) - _ROUNDING), [], 0
        for edge in edges.tolist():
            held = int((prediction < edge).sum())
            if held - below >= fewest and len(prediction) - held >= fewest:
                kept.append(edge)
                below = held
        return np.asarray(kept)

    def _place(self, prediction: Array) -> NDArray[np.intp]:
        """Return the bin of each prediction: an edge belongs to the bin above it."""
        return np.searchsorted(self.edges, prediction, side="right")

    def _intervals(self, prediction: Array) -> tuple[Array, Array]:
        ends = np.array(
            [_run_of(self.runs[place], self.share) for place in self._place(prediction)]
        )
        return ends[:, 0], ends[:, 1]


def _nested_runs(labels: Array) -> Array:
    """Return (n, 2): for 1 to n of n sorted labels, the shortest run that holds so many.

    Each holds those before it, so that a label needs one share and every larger one will do.
    """
    runs = np.empty((len(labels), 2))
    for held in range(1, len(labels) + 1):
        lengths = labels[held - 1 :] - labels[: len(labels) - held + 1]
        start = int(lengths.argmin())
        runs[held - 1] = labels[start], labels[start + held - 1]
    low, high = np.minimum.accumulate(runs[:, 0]), np.maximum.accumulate(runs[:, 1])
    return np.stack([low, high], axis=1)


def _share_needed(runs: Array, score: float) -> float:
    """Return the least share of a bin's sessions whose run holds a label.

    Of a label that none holds, 1 and the points by which the longest has to be widened.
    """
    holds = np.flatnonzero((runs[:, 0] <= score) & (score <= runs[:, 1]))
    if len(holds):
        return (int(holds[0]) + 1) / len(runs)
    low, high = runs[-1]
    return 1 + float(max(low - score, score - high))


def _run_of(runs: Array, share: float) -> tuple[float, float]:
    """Return the run of a bin for a share, or for 1 and points the longest, widened."""
    held = min(max(1, math.floor(share * len(runs) + _ROUNDING)), len(runs))
    wider = max(share - 1, 0.0)
    return float(runs[held - 1, 0]) - wider, float(runs[held - 1, 1]) + wider


def cv_plus(
    held_out: ArrayLike,
    score: ArrayLike,
    fold: ArrayLike,
    person: Sequence[str],
    prediction: ArrayLike,
    *,
    level: float = 0.9,
    scale: Scale = BDI_II,
) -> Intervals:
    """Return CV+ intervals (Barber et al. 2021, Eq 8), which promise 1 - 2 (1 - level) of the labels.

    Args:
        held_out: (N,) the prediction of each session by the model that its fold's persons didn't train.
        score: (N,) their labels, points.
        fold: (N,) 0 to K - 1: the fold of each.
        person: (N,) whose sessions these are; all of a person in one fold.
        prediction: (K, M) of new sessions, by the model of each fold.
        level: as of a calibrator: the promise is twice as far from 1.
        scale: within whose ends they lie.

    Raises:
        ValueError: shapes that don't fit, or a person in two folds.
    """
    own, true = np.asarray(held_out, dtype=np.float64), np.asarray(score, dtype=np.float64)
    folds, new = np.asarray(fold), np.asarray(prediction, dtype=np.float64)
    if not own.shape == true.shape == folds.shape == (len(person),) or new.ndim != 2:
        raise ValueError(
            "cv_plus: a label, a fold and a person for each held-out prediction, and new ones (K, M); "
            f"got {own.shape}, {true.shape}, {folds.shape}, {len(person)} persons and {new.shape}"
        )
    if len(set(zip(person, folds.tolist(), strict=True))) > len(set(person)):
        raise ValueError(
            "cv_plus: a person's sessions lie in two folds; divide persons, not sessions"
        )
    reach, weight = np.abs(true - own), person_weights(person)
    centre = new[folds]
    lows = [-weighted_threshold(-column, weight, level) for column in (centre - reach[:, None]).T]
    highs = [weighted_threshold(column, weight, level) for column in (centre + reach[:, None]).T]
    return Intervals(*np.clip([lows, highs], scale.low, scale.high))
