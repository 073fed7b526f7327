"""Does relevance lie on the frames that matter? Four measures of a clip, where these are known.

Relevance of two clips need not be on one scale, so frames are compared within a clip alone, and a
corpus has the mean over its clips. Each measure stands between two numbers of the same clip. Its
*chance* is what the same relevance gives when it is shifted round the clip, mean over the shifts: it
is as smooth and as peaked as the method's own, and knows nothing. Its *ceiling* is what the method's
units allow: a segment of a second can't follow an episode to the frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from adabench.evaluation.explanation import (
    ClipRelevance,
    check_spans,
    checked_units,
    frame_relevance,
)

#: The measures, in the order in which they are told:
#:
#: * ``roc_area``: under the ROC curve, the share of pairs of a key frame and another in which the
#:   key frame has more relevance, a tie counting half (Mann and Whitney's U); 0.5 is chance;
#: * ``pr_area``: under the curve of precision over recall, as average precision, without
#:   interpolation;
#: * ``pointing``: whether the largest relevance lies on a key frame (Zhang et al. 2018, the pointing
#:   game); of several largest frames the share that are key frames;
#: * ``share``: of all relevance above 0, what lies on key frames.
MEASURES: Final = ("roc_area", "pr_area", "pointing", "share")

#: Label of all units together, whatever their temporal scale.
ALL: Final = "all"

# Frames times shifts.
_MOST_AT_ONCE: Final = 1_000_000

#: A clip of more frames is shifted by so many numbers of them, drawn.
MOST_SHIFTS: Final = 256


class Located(NamedTuple):
    """A measure in [0, 1], what chance gives and the best that is known of what the units allow."""

    value: float
    chance: float
    ceiling: float


#: Measure → its numbers, for those that a clip has.
ByMeasure = dict[str, Located]


class MeanLocated(NamedTuple):
    """The means over ``clips`` clips."""

    clips: int
    measures: ByMeasure


def localisation(relevance: ArrayLike, key: ArrayLike) -> dict[str, float]:
    """Return each of `MEASURES` of one clip.

    Args:
        relevance: (frames,), NaN on frames that nothing covers; these don't count.
        key: (frames,) bool.

    Returns:
        Numbers in [0, 1]. All are NaN if all covered frames are key frames, or none is; ``share`` is
        also where no relevance is above 0.

    Raises:
        ValueError: if the two are not (frames,) arrays of one length.

    >>> found = localisation([0.1, 0.9, 0.8, 0.2, float("nan")], [False, True, False, True, True])
    >>> {name: round(value, 3) for name, value in found.items()}
    {'roc_area': 0.75, 'pr_area': 0.833, 'pointing': 1.0, 'share': 0.55}
    """
    values, wanted = _frames(relevance, key)
    covered = ~np.isnan(values)
    found = _measured(values[covered], wanted[None, covered])
    return dict(zip(MEASURES, found[:, 0].tolist(), strict=True))


def chance_localisation(relevance: ArrayLike, key: ArrayLike) -> dict[str, float]:
    """Return the mean of each of `MEASURES` over shifts of the relevance round the clip.

    A clip of at most `MOST_SHIFTS` frames is shifted by each number of frames, a longer one by as
    many, drawn with one seed. Shifts that leave no key frame, or nothing else, under what is covered
    don't count.

    Arguments and errors as :func:`localisation`.
    """
    found = _shifted(*_frames(relevance, key))
    return {name: _mean(own) for name, own in zip(MEASURES, found, strict=True)}


def ceiling_localisation(span: ArrayLike, key: ArrayLike) -> dict[str, float]:
    """Return what units of these spans reach that know the key frames.

    Each unit's relevance is its span's share of key frames. Where units don't overlap, no relevance
    has a larger ``roc_area``; where they do, the mean over a frame's units blurs it, and others may.
    ``share`` is largest where one unit has all relevance, and that is what is given.

    Args:
        span: (M, 2), the frames [start, stop) that each unit covers.
        key: (frames,) bool.

    Raises:
        ValueError: as :func:`adabench.evaluation.frame_relevance`.

    >>> found = ceiling_localisation([[0, 2], [2, 4]], [True, True, True, False])
    >>> {name: round(value, 3) for name, value in found.items()}
    {'roc_area': 0.833, 'pr_area': 0.917, 'pointing': 1.0, 'share': 1.0}
    """
    wanted, spans = np.asarray(key, dtype=bool), np.asarray(span, dtype=np.int64)
    check_spans(spans, len(wanted))
    shares = _sums(wanted, spans) / (spans[:, 1] - spans[:, 0])
    found = localisation(frame_relevance(shares, spans, len(wanted)), wanted)
    if np.isnan(found["roc_area"]):
        return found
    # What a unit alone gives its frames: the mean over all that cover them, the others being 0.
    ends = np.zeros(len(wanted) + 1)
    np.add.at(ends, spans, [1, -1])
    weight = 1 / np.maximum(np.cumsum(ends)[:-1], 1)
    return {**found, "share": float(np.max(_sums(weight * wanted, spans) / _sums(weight, spans)))}


def clip_localisation(
    relevance: ArrayLike, span: ArrayLike, scale: ArrayLike, valid: ArrayLike, key: ArrayLike
) -> dict[str, ByMeasure]:
    """Return the measures of one clip: over all units, and over the units of each temporal scale.

    Args:
        relevance, span, scale, valid: as in :class:`ClipRelevance`; padding is left out.
        key: (frames,) bool, the clip's key frames.

    Returns:
        ``all``, then ``scale1``, ``scale2``, … for those above 0 that the clip has. What can't be
        told (see :func:`localisation`) is absent. A ceiling is never below the value: what the
        method reached, its units allow.

    Raises:
        ValueError: as in :func:`adabench.evaluation.frame_relevance`.
    """
    units = checked_units(relevance, span, scale, valid)
    wanted = np.asarray(key, dtype=bool)
    chosen = {ALL: units.valid}
    for steps in np.unique(units.scale[units.valid & (units.scale > 0)]):
        chosen[f"scale{steps}"] = units.valid & (units.scale == steps)
    found: dict[str, ByMeasure] = {}
    for label, kept in chosen.items():
        # Many methods have units of one scale, which are all.
        same = label != ALL and bool((kept == chosen[ALL]).all())
        found[label] = found[ALL] if same else _located(units, kept, wanted)
    return {label: measures for label, measures in found.items() if measures}


def mean_localisation(clips: Sequence[Mapping[str, ByMeasure]]) -> dict[str, MeanLocated]:
    """Return label → means over the clips that have it.

    Args:
        clips: what :func:`clip_localisation` gave for each.

    Returns:
        The labels of all clips, scales in order.
    """
    # By length first, so that scale10 follows scale9.
    labels = sorted({label for clip in clips for label in clip}, key=lambda n: (len(n), n))
    means: dict[str, MeanLocated] = {}
    for label in labels:
        own = [clip[label] for clip in clips if label in clip]
        measures = {
            name: Located(*np.mean([one[name] for one in own if name in one], axis=0).tolist())
            for name in MEASURES
            if any(name in one for one in own)
        }
        means[label] = MeanLocated(len(own), measures)
    return means


def _located(units: ClipRelevance, kept: NDArray[np.bool_], key: NDArray[np.bool_]) -> ByMeasure:
    frames = frame_relevance(units.relevance[kept], units.span[kept], len(key))
    shifted = dict(zip(MEASURES, _shifted(frames, key), strict=True))
    if np.isnan(shifted["roc_area"][0]):
        return {}
    ceiling = ceiling_localisation(units.span[kept], key)
    return {
        # The first shift is by no frame.
        name: Located(float(own[0]), _mean(own), max(float(own[0]), ceiling[name]))
        for name, own in shifted.items()
        if not np.isnan(own[0])
    }


def _shifted(values: NDArray[np.float64], key: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (measures, S) of relevance (frames,) under each of its shifts round the clip."""
    covered = ~np.isnan(values)
    shifts = _shifts(len(key))
    if not covered.any():
        return np.full((len(MEASURES), max(len(shifts), 1)), np.nan)
    # To shift the relevance one way is to shift the key frames the other way.
    moved = sliding_window_view(np.concatenate([key, key]), len(key))
    # A long clip is asked of a few shifts at a time, as each takes memory with its frames.
    parts = np.array_split(shifts, -(-len(shifts) * len(key) // _MOST_AT_ONCE))
    found = [_measured(values[covered], moved[part][:, covered]) for part in parts]
    return np.concatenate(found, axis=1)


def _measured(values: NDArray[np.float64], keys: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (measures, S) of relevance (n,) under S sets of key frames (S, n)."""
    if not values.size:
        return np.full((len(MEASURES), len(keys)), np.nan)
    # All measures follow from how many frames, and how many key frames, have each of the G values
    # of relevance, the largest first.
    levels, sizes = np.unique(-values, return_counts=True)
    by_relevance = keys[:, np.argsort(-values, kind="stable")]
    starts = np.cumsum(sizes) - sizes
    hits = np.add.reduceat(by_relevance, starts, axis=1, dtype=np.float64)
    positive = hits.sum(1)
    negative = len(values) - positive
    usable = (positive > 0) & (negative > 0)
    positive, negative = np.where(usable, (positive, negative), np.nan)
    misses = sizes - hits
    above, told = np.cumsum(hits, axis=1), np.maximum(-levels, 0.0)
    total = float(sizes @ told)
    wins = negative - (hits * (np.cumsum(misses, axis=1) - misses / 2)).sum(1) / positive
    return np.stack(
        [
            wins / negative,
            (hits * above / np.cumsum(sizes)).sum(1) / positive,
            np.where(usable, hits[:, 0] / sizes[0], np.nan),
            np.where(usable, hits @ told / total if total > 0 else np.nan, np.nan),
        ]
    )


def _shifts(frames: int) -> NDArray[np.int64]:
    """Return by how many frames relevance is shifted; 0 is among them, as one of all."""
    if frames <= MOST_SHIFTS:
        return np.arange(frames)
    drawn = np.random.default_rng(0).choice(frames - 1, MOST_SHIFTS - 1, replace=False) + 1
    return np.append(0, np.sort(drawn))


def _sums(values: NDArray[np.generic], spans: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of a frame's values (frames,) over each span (M, 2)."""
    sums = np.append(0.0, np.cumsum(values, dtype=np.float64))
    return sums[spans[:, 1]] - sums[spans[:, 0]]


def _mean(values: NDArray[np.float64]) -> float:
    usable = values[~np.isnan(values)]
    return float(usable.mean()) if usable.size else float("nan")


def _frames(relevance: ArrayLike, key: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = np.asarray(relevance, dtype=np.float64)
    wanted = np.asarray(key, dtype=bool)
    if values.ndim != 1 or values.shape != wanted.shape:
        raise ValueError(
            f"relevance and key must be (frames,) arrays of one length; got {values.shape} and "
            f"{wanted.shape}"
        )
    return values, wanted
