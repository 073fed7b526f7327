"""What regressors reach that read the true curves: bounds for every method on a corpus.

No frame is drawn here. A bound is fitted on the train split's clips, predicts the test split's
clips and, as every method does, scores a session by the mean over its clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adabench.synthface.parameters import SynthfaceParameters, World
from adabench.synthface.sessions.behaviour import KEY_UNITS
from adabench.synthface.sessions.plan import TASKS, draw_sessions
from adabench.synthface.signals import COLUMN_INDEX, DOWN_COLUMNS, ClipTruth, FloatArray
from adabench.synthface.writing.corpus import clip_truth, session_habits

ALPHAS = np.logspace(-3, 2, 16)
SCORE_RANGE = (0.0, 63.0)
GATE = 0.5
HARD_UNIT = 0.05
TOP_SHARE = 0.10
QUANTILES = (0.5, 0.9)
#: Sessions of the splits that bounds are drawn with, whatever the corpus has.
TRAIN_SESSIONS, TEST_SESSIONS = 50, 200


@dataclass(frozen=True)
class SeenClip:
    """What a regressor may read of a clip.

    Attributes:
        truth: the signals of the frames that a step sees.
        vividness: (3,) what is left of smiling, expression and motion, as the session was drawn.
    """

    truth: ClipTruth
    vividness: FloatArray


Features = Callable[[SeenClip], FloatArray | None]


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


def _mean(clip: SeenClip) -> FloatArray:
    return clip.truth.behaviour.mean(axis=0)


def _moments(clip: SeenClip) -> FloatArray:
    """Means and deviations of every signal, the head's pose too."""
    signals = np.concatenate([clip.truth.behaviour, clip.truth.pose], axis=1)
    return np.concatenate([signals.mean(axis=0), signals.std(axis=0)])


def _quantiles(clip: SeenClip) -> FloatArray:
    behaviour = clip.truth.behaviour
    quantiles = np.quantile(behaviour, QUANTILES, axis=0)
    return np.concatenate([_mean(clip), behaviour.std(axis=0), quantiles.ravel()])


def _soft_mean(clip: SeenClip) -> FloatArray:
    return soft_conjunction(clip.truth).mean(keepdims=True)


def _soft_top(clip: SeenClip) -> FloatArray:
    number = max(1, round(TOP_SHARE * len(clip.truth.key)))
    return np.sort(soft_conjunction(clip.truth))[-number:].mean(keepdims=True)


def _hard_mean(clip: SeenClip) -> FloatArray | None:
    inside = _hard_conjunction(clip.truth)
    return _key_units(clip.truth)[inside].mean(axis=0) if inside.any() else None


def _oracle(clip: SeenClip) -> FloatArray | None:
    key = clip.truth.key
    return clip.truth.behaviour[key].mean(axis=0) if key.any() else None


def _vividness(clip: SeenClip) -> FloatArray:
    return clip.vividness


_EVERYWHERE: dict[str, tuple[str, Features | None]] = {
    "constant": ("the train mean", None),
    "mean": ("ridge regression on the signals' means over the clip", _mean),
    "moments": ("ridge regression on means and deviations of all signals and the pose", _moments),
    "quantiles": ("ridge regression on means, deviations and quantiles", _quantiles),
}
_KEY_EPISODES: dict[str, tuple[str, Features | None]] = {
    **_EVERYWHERE,
    "soft_mean": ("the soft conjunction of the key signals, then the mean", _soft_mean),
    "soft_top": ("the soft conjunction, then the mean of its top 10 %", _soft_top),
    "hard_mean": ("ridge regression on the means where the key signals meet", _hard_mean),
    "oracle": ("ridge regression on the means over the true key frames", _oracle),
}
BOUNDS: dict[World, dict[str, tuple[str, Features | None]]] = {
    "sparse": _KEY_EPISODES,
    "diffuse": {
        **_EVERYWHERE,
        "oracle": ("ridge regression on the drawn smiling, expression and motion", _vividness),
    },
    "none": _KEY_EPISODES,
}
"""For each world, what is read of a clip, and how; None of a clip that shows nothing of it."""


@dataclass(frozen=True)
class _Clips:
    """The clips of a split: what is seen of N clips, their sessions' names and scores."""

    seen: list[SeenClip]
    sessions: list[str]
    scores: FloatArray


def _tasks(task: str | None) -> tuple[str, ...]:
    if task is not None and task not in TASKS:
        raise ValueError(f"task: expected one of {TASKS} or None, got {task!r}")
    return TASKS if task is None else (task,)


def strided(frames: int, seen: int | None) -> NDArray[np.int64]:
    """The frames that a step sees of a clip, spread evenly over it: all, where it has no more."""
    if seen is not None and seen < 1:
        raise ValueError(f"frames: expected at least 1 or None, got {seen}")
    if seen is None or seen >= frames:
        return np.arange(frames)
    return (np.arange(seen) * 2 + 1) * frames // (2 * seen)


def _clips(parameters: SynthfaceParameters, split: str, tasks: tuple[str, ...]) -> _Clips:
    """The clips of a split, whole."""
    sessions = [s for s in draw_sessions(parameters) if s.split == split]
    pairs = [(session, task) for session in sessions for task in tasks]
    return _Clips(
        seen=[
            SeenClip(
                clip_truth(parameters, session, task), session_habits(parameters, session).vividness
            )
            for session, task in pairs
        ],
        sessions=[session.name for session, _ in pairs],
        scores=np.array([session.score for session, _ in pairs], dtype=np.float64),
    )


def _with_frames(clips: _Clips, frames: int | None) -> _Clips:
    """The clips with the frames that a step sees."""
    seen = []
    for clip in clips.seen:
        truth, rows = clip.truth, strided(len(clip.truth.key), frames)
        part = ClipTruth(truth.behaviour[rows], truth.pose[rows], truth.key[rows])
        seen.append(replace(clip, truth=part))
    return replace(clips, seen=seen)


def _predict(features: Features | None, train: _Clips, test: _Clips) -> FloatArray:
    """The test clips' scores; of a clip that shows nothing of what is read, the train mean."""
    predictions = np.full(len(test.seen), train.scores.mean())
    if features is None:
        return predictions
    # imported here: it takes longer than a drawing process needs for its first clips
    from sklearn.linear_model import RidgeCV

    rows = [[features(clip) for clip in part.seen] for part in (train, test)]
    shown = [np.array([row is not None for row in part]) for part in rows]
    if not all(part.any() for part in shown):
        return predictions
    inputs = [np.stack([row for row in part if row is not None]) for part in rows]
    model = RidgeCV(alphas=ALPHAS).fit(inputs[0], train.scores[shown[0]])
    predictions[shown[1]] = np.clip(model.predict(inputs[1]), *SCORE_RANGE)
    return predictions


def _session_means(names: list[str], values: FloatArray) -> dict[str, float]:
    return {
        name: float(np.mean([v for n, v in zip(names, values, strict=True) if n == name]))
        for name in dict.fromkeys(names)
    }


def bounds(
    parameters: SynthfaceParameters, *, task: str | None = None, frames: int | None = None
) -> dict[str, Bound]:
    """The bounds of the corpus that `generate` writes with these parameters.

    Args:
        parameters: the corpus.
        task: "Freeform" or "Northwind" alone (a session's score is then its clip's), None for both.
        frames: how many frames of a clip are seen, spread evenly over it; None for all.

    Returns:
        One bound for each entry of `BOUNDS` of the corpus' world.

    Raises:
        ValueError: an unknown task, or less than one frame.
    """
    tasks = _tasks(task)
    train, test = (_clips(parameters, split, tasks) for split in ("train", "test"))
    return _bounds(parameters.world, _with_frames(train, frames), _with_frames(test, frames))


def _bounds(world: World, train: _Clips, test: _Clips) -> dict[str, Bound]:
    return {
        name: Bound(
            name=name,
            description=description,
            predictions=_session_means(test.sessions, _predict(features, train, test)),
            truth={
                name: int(score) for name, score in zip(test.sessions, test.scores, strict=True)
            },
        )
        for name, (description, features) in BOUNDS[world].items()
    }


def bounds_over_draws(
    parameters: SynthfaceParameters,
    n_draws: int = 10,
    test_sessions: int = TEST_SESSIONS,
    *,
    task: str | None = None,
    frames: Sequence[int | None] = (None,),
) -> dict[int | None, dict[str, FloatArray]]:
    """RMSE of every bound on several corpora of 50 train sessions, (n_draws,) each, by frames.

    Args:
        parameters: of the first corpus; the others are the draws that follow.
        n_draws: how many draws.
        test_sessions: sessions of the test split.
        task: as `bounds`.
        frames: how many frames of a clip are seen, each for itself; None for all.
    """
    tasks, size = _tasks(task), {"sessions": (TRAIN_SESSIONS, 4, test_sessions), "calibration": 0}
    names = BOUNDS[parameters.world]
    errors: dict[int | None, dict[str, list[float]]] = {
        n: {name: [] for name in names} for n in frames
    }
    for draw in range(parameters.draw, parameters.draw + n_draws):
        drawn = parameters.model_copy(update={**size, "draw": draw})
        parts = [_clips(drawn, split, tasks) for split in ("train", "test")]
        for number in frames:
            found = _bounds(drawn.world, *(_with_frames(part, number) for part in parts))
            for name, bound in found.items():
                errors[number][name].append(bound.rmse())
    return {n: {name: np.array(one) for name, one in errors[n].items()} for n in frames}
