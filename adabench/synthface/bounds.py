"""What regressors reach that read the true curves: bounds for every method on a corpus.

No frame is drawn here. A bound is fitted on the train split's clips, predicts the test split's
clips and, as every method does, scores a session by the mean over its clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adabench.synthface.behaviour import KEY_UNITS
from adabench.synthface.corpus import clip_truth
from adabench.synthface.parameters import SynthfaceParameters
from adabench.synthface.plan import TASKS, Session, draw_sessions
from adabench.synthface.signals import COLUMN_INDEX, DOWN_COLUMNS, ClipTruth, FloatArray

ALPHAS = np.logspace(-3, 2, 16)
SCORE_RANGE = (0.0, 63.0)
GATE = 0.5
HARD_UNIT = 0.05
TOP_SHARE = 0.10
QUANTILES = (0.5, 0.9)

Features = Callable[[ClipTruth], FloatArray]


@dataclass(frozen=True)
class Bound:
    """A bound's predictions for the sessions of the test split, BDI-II points.

    Attributes:
        name: the key in `bounds`.
        description: what the regressor reads.
        predictions: by session name, in [0, 63].
        truth: by session name.
    """

    name: str
    description: str
    predictions: dict[str, float]
    truth: dict[str, int]

    def rmse(self) -> float:
        """Root mean squared error over the test sessions."""
        errors = [self.predictions[name] - score for name, score in self.truth.items()]
        return float(np.sqrt(np.mean(np.square(errors))))


def _key_units(truth: ClipTruth) -> FloatArray:
    return np.stack([truth.column(name) for name in KEY_UNITS], axis=1)


def _down(truth: ClipTruth) -> FloatArray:
    return truth.behaviour[:, [COLUMN_INDEX[name] for name in DOWN_COLUMNS]].min(axis=1)


def soft_conjunction(truth: ClipTruth) -> FloatArray:
    """The weakest of AU1, AU4 and AU15 where gaze and head are down, else 0: (T,)."""
    return np.where(_down(truth) > GATE, _key_units(truth).min(axis=1), 0.0)


def _hard_conjunction(truth: ClipTruth) -> NDArray[np.bool_]:
    return (_down(truth) > GATE) & (_key_units(truth).min(axis=1) > HARD_UNIT)


def _mean(truth: ClipTruth) -> FloatArray:
    return truth.behaviour.mean(axis=0)


def _moments(truth: ClipTruth) -> FloatArray:
    quantiles = np.quantile(truth.behaviour, QUANTILES, axis=0)
    return np.concatenate([_mean(truth), truth.behaviour.std(axis=0), quantiles.ravel()])


def _soft_mean(truth: ClipTruth) -> FloatArray:
    return soft_conjunction(truth).mean(keepdims=True)


def _soft_top(truth: ClipTruth) -> FloatArray:
    number = max(1, round(TOP_SHARE * len(truth.key)))
    return np.sort(soft_conjunction(truth))[-number:].mean(keepdims=True)


def _hard_mean(truth: ClipTruth) -> FloatArray:
    inside = _hard_conjunction(truth)
    return _key_units(truth)[inside].mean(axis=0) if inside.any() else np.zeros(len(KEY_UNITS))


def _oracle(truth: ClipTruth) -> FloatArray:
    return truth.behaviour[truth.key].mean(axis=0)


BOUNDS: dict[str, tuple[str, Features | None]] = {
    "constant": ("the train mean", None),
    "mean": ("ridge regression on the signals' means over the clip", _mean),
    "quantiles": ("ridge regression on their means, deviations and quantiles", _moments),
    "soft_mean": ("the soft conjunction of the key signals, then the mean", _soft_mean),
    "soft_top": ("the soft conjunction, then the mean of its top 10 %", _soft_top),
    "hard_mean": ("ridge regression on the means where the key signals meet", _hard_mean),
    "oracle": ("ridge regression on the means over the true key frames", _oracle),
}


@dataclass(frozen=True)
class _Clips:
    """The clips of a split: (N,) truths, their sessions' names and scores."""

    truths: list[ClipTruth]
    sessions: list[str]
    scores: FloatArray


def _clips(
    parameters: SynthfaceParameters, sessions: list[Session], split: str, tasks: tuple[str, ...]
) -> _Clips:
    pairs = [(session, task) for session in sessions if session.split == split for task in tasks]
    return _Clips(
        truths=[clip_truth(parameters, session, task) for session, task in pairs],
        sessions=[session.name for session, _ in pairs],
        scores=np.array([session.score for session, _ in pairs], dtype=np.float64),
    )


def _predict(features: Features | None, train: _Clips, test: _Clips) -> FloatArray:
    if features is None:
        return np.full(len(test.truths), train.scores.mean())
    # imported here: it takes longer than a drawing process needs for its first clips
    from sklearn.linear_model import RidgeCV

    inputs = [np.stack([features(truth) for truth in part.truths]) for part in (train, test)]
    model = RidgeCV(alphas=ALPHAS).fit(inputs[0], train.scores)
    return np.asarray(np.clip(model.predict(inputs[1]), *SCORE_RANGE), dtype=np.float64)


def _session_means(names: list[str], values: FloatArray) -> dict[str, float]:
    return {
        name: float(np.mean([v for n, v in zip(names, values, strict=True) if n == name]))
        for name in dict.fromkeys(names)
    }


def bounds(parameters: SynthfaceParameters, *, task: str | None = None) -> dict[str, Bound]:
    """The bounds of the corpus that `generate` writes with these parameters.

    Args:
        parameters: the corpus.
        task: "Freeform" or "Northwind" alone (a session's score is then its clip's), None for both.

    Returns:
        One bound for each entry of `BOUNDS`.

    Raises:
        ValueError: an unknown task.
    """
    if task is not None and task not in TASKS:
        raise ValueError(f"task: expected one of {TASKS} or None, got {task!r}")
    tasks = TASKS if task is None else (task,)
    sessions = draw_sessions(parameters)
    train, test = (_clips(parameters, sessions, split, tasks) for split in ("train", "test"))
    truth = {session.name: session.score for session in sessions if session.split == "test"}
    return {
        name: Bound(
            name=name,
            description=description,
            predictions=_session_means(test.sessions, _predict(features, train, test)),
            truth=truth,
        )
        for name, (description, features) in BOUNDS.items()
    }


def bounds_over_draws(
    n_draws: int = 10, test_sessions: int = 200, *, first_seed: int = 0, task: str | None = None
) -> dict[str, FloatArray]:
    """RMSE of every bound on several corpora of 50 train sessions, (n_draws,) each.

    Args:
        n_draws: corpora, with the seeds from `first_seed` on.
        test_sessions: sessions of the test split.
        first_seed: the first corpus' seed.
        task: as `bounds`.
    """
    draws = [
        bounds(
            SynthfaceParameters(seed=first_seed + draw, sessions=(50, 4, test_sessions)), task=task
        )
        for draw in range(n_draws)
    ]
    return {name: np.array([draw[name].rmse() for draw in draws]) for name in BOUNDS}
