"""A method's relevance, from its units to the frames that they span."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    checked = [checked_units(*view) for view in views]
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
    values, spans, _, _ = checked_units(relevance, span, ones, ones)
    check_spans(spans, frames)
    for units in _layers(spans):
        # 0 where none of them is, else which one.
        number = np.arange(1, len(units) + 1)
        change = np.zeros(frames + 1, dtype=np.int64)
        change[spans[units, 0]] += number
        change[spans[units, 1]] -= number
        unit = np.cumsum(change)[:-1]
        covered = unit > 0
        # A running mean keeps equal values equal; a sum divided at the end would break ties.
        count[covered] += 1
        own = values[units][unit[covered] - 1]
        mean[covered] += (own - mean[covered]) / count[covered]
    return np.where(count > 0, mean, np.nan)


def _layers(spans: NDArray[np.int64]) -> list[list[int]]:
    """Return units in as few groups as can be of which no two cover one frame, each by start."""
    layers: list[list[int]] = []
    free: list[tuple[int, int]] = []
    by_start = sorted((start, stop, unit) for unit, (start, stop) in enumerate(spans.tolist()))
    for start, stop, unit in by_start:
        if free and free[0][0] <= start:
            _, layer = heapq.heappop(free)
        else:
            layer = len(layers)
            layers.append([])
        layers[layer].append(unit)
        heapq.heappush(free, (stop, layer))
    return layers


def check_spans(span: NDArray[np.int64], frames: int) -> None:
    """Refuse, with a ValueError, a span (M, 2) without a frame or beyond a clip of ``frames``."""
    start, stop = span[:, 0], span[:, 1]
    bad = np.flatnonzero((start < 0) | (stop <= start) | (stop > frames))
    if bad.size:
        start, stop = span[bad[0]]
        raise ValueError(
            f"span [{start}, {stop}) must hold a frame and stay in a clip of {frames} frames"
        )


def checked_units(
    relevance: ArrayLike, span: ArrayLike, scale: ArrayLike, valid: ArrayLike
) -> ClipRelevance:
    """Return units as arrays, after asking for one length and finite relevance of valid ones.

    Raises:
        ValueError: with the shapes that came.
    """
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
