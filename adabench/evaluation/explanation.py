"""Does a method's relevance point at the frames that matter? Judged where these are known.

A unit's relevance is spread over the frames it spans, and the area under the ROC curve asks how often
a key frame has more of it than another frame of the same clip. The area of a corpus is the mean over
its clips: relevance of two clips need not be on one scale, so frames are ranked within a clip alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Label of all units together, whatever their scale.
ALL = "all"


class ClipRelevance(NamedTuple):
    """What one view of a clip, or several views together, say about it.

    Attributes:
        relevance: (M,) of each unit.
        span: (M, 2), the frames [start, stop) that each unit covers.
        scale: (M,), steps per unit; 0 for a unit without time.
        valid: (M,) bool, False on padding.
    """

    relevance: NDArray[np.float64]
    span: NDArray[np.int64]
    scale: NDArray[np.int64]
    valid: NDArray[np.bool_]


def join_views(
    views: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]],
) -> ClipRelevance:
    """Join the views of one clip (the phases of a strided view): their units side by side.

    Args:
        views: (relevance, span, scale, valid) of each, as in :class:`ClipRelevance`.

    Raises:
        ValueError: no view, or arrays of one view that differ in length.
    """
    if not views:
        raise ValueError("a clip needs at least one view")
    checked = [_checked(*view) for view in views]
    relevance, span, scale, valid = (np.concatenate(part) for part in zip(*checked, strict=True))
    return ClipRelevance(relevance, span, scale, valid)


def frame_relevance(relevance: ArrayLike, span: ArrayLike, frames: int) -> NDArray[np.float64]:
    """Relevance of each frame: the mean over the units that cover it.

    Args:
        relevance: (M,) of each unit.
        span: (M, 2), the frames [start, stop) that each unit covers, within [0, frames].
        frames: of the clip.

    Returns:
        (frames,), NaN where no unit covers a frame.

    Raises:
        ValueError: lengths that differ, relevance that is not finite, a span that leaves the clip.

    >>> frame_relevance([1.0, 3.0], [[0, 2], [1, 3]], 4)
    array([ 1.,  2.,  3., nan])
    """
    count = np.zeros(frames)
    mean = np.zeros(frames)
    ones = np.ones(np.size(relevance))
    values, spans, _, _ = _checked(relevance, span, ones, ones)
    for value, (start, stop) in zip(values, spans, strict=True):
        if not 0 <= start < stop <= frames:
            raise ValueError(
                f"span [{start}, {stop}) must hold a frame and stay in a clip of {frames} frames"
            )
        # A running mean keeps equal values equal; a sum divided at the end would break ties.
        count[start:stop] += 1
        mean[start:stop] += (value - mean[start:stop]) / count[start:stop]
    return np.where(count > 0, mean, np.nan)


def relevance_auc(relevance: ArrayLike, key: ArrayLike) -> float:
    """Area under the ROC curve of relevance for key frames, a tie counting half.

    It is the share of pairs of a key frame and another in which the key frame has more relevance
    (Mann and Whitney's U). 0.5 is chance.

    Args:
        relevance: (frames,), NaN on frames that nothing covers; these don't count.
        key: (frames,) bool.

    Returns:
        An area in [0, 1]; NaN if all covered frames are key frames, or none is.

    Raises:
        ValueError: if the two are not (frames,) arrays of one length.

    >>> relevance_auc([0.1, 0.9, 0.9, float("nan")], [False, True, False, True])
    0.75
    """
    # scipy.stats takes a second to import, and planning a suite imports this package.
    from scipy.stats import rankdata

    values = np.asarray(relevance, dtype=np.float64)
    wanted = np.asarray(key, dtype=bool)
    if values.ndim != 1 or values.shape != wanted.shape:
        raise ValueError(
            f"relevance and key must be (frames,) arrays of one length; got {values.shape} and "
            f"{wanted.shape}"
        )
    covered = ~np.isnan(values)
    values, wanted = values[covered], wanted[covered]
    positive = int(wanted.sum())
    negative = len(wanted) - positive
    if not positive or not negative:
        return float("nan")
    wins = rankdata(values)[wanted].sum() - positive * (positive + 1) / 2
    return float(wins / (positive * negative))


def clip_relevance_auc(
    relevance: ArrayLike, span: ArrayLike, scale: ArrayLike, valid: ArrayLike, key: ArrayLike
) -> dict[str, float]:
    """Areas of one clip: over all units, and over the units of each temporal scale.

    Args:
        relevance, span, scale, valid: as in :class:`ClipRelevance`; padding is left out.
        key: (frames,) bool, the clip's key frames.

    Returns:
        ``all``, then ``scale1``, ``scale2``, … for those above 0 that the clip has; an area is NaN
        as in :func:`relevance_auc`.

    Raises:
        ValueError: as in :func:`frame_relevance`.
    """
    values, spans, scales, kept = _checked(relevance, span, scale, valid)
    wanted = np.asarray(key, dtype=bool)
    chosen = {ALL: kept}
    for steps in np.unique(scales[kept & (scales > 0)]):
        chosen[f"scale{steps}"] = kept & (scales == steps)
    return {
        label: relevance_auc(frame_relevance(values[units], spans[units], len(wanted)), wanted)
        for label, units in chosen.items()
    }


def mean_relevance_auc(clips: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean of within-clip areas, each scale over the clips that have it; NaN areas don't count.

    Args:
        clips: what :func:`clip_relevance_auc` gave for each clip.

    Returns:
        The labels of all clips, scales in order; NaN where no clip has an area.
    """
    # By length first, so that scale10 follows scale9.
    labels = sorted({label for clip in clips for label in clip}, key=lambda n: (len(n), n))
    return {label: _mean([clip[label] for clip in clips if label in clip]) for label in labels}


def _mean(areas: Sequence[float]) -> float:
    usable = [area for area in areas if not np.isnan(area)]
    return float(np.mean(usable)) if usable else float("nan")


def _checked(
    relevance: ArrayLike, span: ArrayLike, scale: ArrayLike, valid: ArrayLike
) -> ClipRelevance:
    clip = ClipRelevance(
        relevance=np.asarray(relevance, dtype=np.float64),
        span=np.asarray(span, dtype=np.int64),
        scale=np.asarray(scale, dtype=np.int64),
        valid=np.asarray(valid, dtype=bool),
    )
    units = clip.relevance.size
    shapes = ((units,), (units, 2), (units,), (units,))
    if any(array.shape != shape for array, shape in zip(clip, shapes, strict=True)):
        came = ", ".join(f"{name} {array.shape}" for name, array in clip._asdict().items())
        raise ValueError(
            f"M units have relevance (M,), span (M, 2), scale (M,) and valid (M,); got {came}"
        )
    if not np.isfinite(clip.relevance[clip.valid]).all():
        raise ValueError("the relevance of a valid unit is not finite")
    return clip
