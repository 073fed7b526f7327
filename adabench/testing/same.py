"""Whether two answers to the same clips are the same, up to rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from adabench.batching import tensors_of
from adabench.structures import Assessment, Features, Selection, Units
from adabench.testing.flow import Flow, arguments

#: What two outputs may differ by: a share of the spread over valid units, and of the largest value.
SPREAD, ROUNDING = 1e-3, 1e-5


def difference(
    role: str, base: Flow, other: Flow, rows: Sequence[int], tolerance: float = 0.0
) -> str | None:
    """Say how a part's output for some clips differs from what it gave before, or None.

    Args:
        role: the part.
        base: the first answer, to B clips.
        other: the second one.
        rows: which of the base's clips the second answer's clips are, in order; further clips of
            the second answer are left alone.
        tolerance: allowed beside rounding, in the output's own unit.
    """
    first, second = base[role], other[role]
    masks = _valid_of(role, base), _valid_of(role, other)
    for (name, before), (_, after) in zip(_fields(first), _fields(second), strict=False):
        if before is None or after is None:
            continue
        told = _compare(name, before, after, masks, rows, tolerance)
        if told is not None:
            return told
    return None


def _valid_of(role: str, flow: Flow) -> Tensor:
    if role == "backbone":
        return flow["backbone"].valid
    return flow["aggregator"].valid


def _fields(output: Any) -> Iterator[tuple[str, Tensor | None]]:
    """Yield the tensors that a prediction or explanation rests on, the clip's own one first."""
    if isinstance(output, Features):
        yield "vector", output.vector
        for number, tensor in enumerate((*output.maps, *output.visual_maps)):
            yield f"map {number}", tensor
    elif isinstance(output, Units):
        yield "x", output.x
    elif isinstance(output, Selection):
        yield "weight", output.weight
        yield "relevance", output.relevance
        yield "level_scores", output.level_scores
    elif isinstance(output, Assessment):
        yield "score", output.score
        yield "unit_score", output.unit_score
        yield "weight", output.selection.weight


def _compare(
    name: str,
    before: Tensor,
    after: Tensor,
    masks: tuple[Tensor, Tensor],
    rows: Sequence[int],
    tolerance: float,
) -> str | None:
    by_unit = name not in ("score", "level_scores")
    whole = before[masks[0]] if by_unit else before
    if not whole.numel():
        return None
    spread = float(whole.std()) if whole.numel() > 1 else 0.0
    allowed = max(SPREAD * spread + ROUNDING * float(whole.abs().max()), 1e-7, tolerance)
    worst = 0.0
    for row, source in enumerate(rows):
        was, now = (
            (before[source][masks[0][source]], after[row][masks[1][row]])
            if by_unit
            else (before[source], after[row])
        )
        if was.shape != now.shape:
            return f"{name} has {len(now)} valid units where it had {len(was)}"
        if was.numel():
            gap = (was.double() - now.double()).abs()
            worst = max(worst, float(torch.nan_to_num(gap, nan=float("inf")).max()))
    if worst <= allowed:
        return None
    return (
        f"{name} changes by {worst:.3g} (its spread is {spread:.3g}, rounding up to {allowed:.1g})"
    )


def changed_arguments(role: str, before: Flow, after: Flow) -> bool:
    """Whether a part's input holds other numbers than before it was asked."""
    pairs = zip(arguments(role, before), arguments(role, after), strict=True)
    return any(
        not _equal(a, b)
        for first, second in pairs
        for a, b in zip(tensors_of(first), tensors_of(second), strict=True)
    )


def _equal(first: Tensor, second: Tensor) -> bool:
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    same = first == second
    if first.dtype.is_floating_point:
        same = same | (first.isnan() & second.isnan())
    return bool(same.all())
