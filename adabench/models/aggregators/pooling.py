"""Statistics over steps that are valid, and fragments of a clip's steps as units."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from adabench.models.aggregators.units import clip_unit
from adabench.structures import Features, Units


def masked_mean(x: Tensor, valid: Tensor) -> Tensor:
    """Return the means (…, D) of vectors (…, S, D) over valid steps (…, S), 0 where none is."""
    kept = x.masked_fill(~valid[..., None], 0.0)
    return kept.sum(-2) / valid.sum(-1, keepdim=True).clamp_min(1)


def masked_max(x: Tensor, valid: Tensor) -> Tensor:
    """Return the maxima (…, D) of vectors (…, S, D) over valid steps (…, S), 0 where none is."""
    largest = x.masked_fill(~valid[..., None], -torch.inf).amax(-2)
    return largest.masked_fill(~valid.any(-1, keepdim=True), 0.0)


def masked_median(x: Tensor, valid: Tensor) -> Tensor:
    """Return the medians (…, D) of vectors (…, S, D) over valid steps (…, S), 0 where none is.

    Of an even number of steps it is the mean of the middle two.
    """
    order = x.masked_fill(~valid[..., None], torch.inf).sort(dim=-2).values
    count = valid.sum(-1, keepdim=True)
    places = torch.stack([(count - 1).clamp_min(0) // 2, count // 2], dim=-2)
    middle = order.gather(-2, places.expand(*places.shape[:-1], x.shape[-1]))
    return middle.mean(-2).masked_fill(count == 0, 0.0)


POOLS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": masked_mean,
    "max": masked_max,
    "median": masked_median,
}


def fold(x: Tensor, size: int) -> Tensor:
    """Cut steps (B, T', …) into fragments (B, ⌈T'/size⌉, size, …), filled up with zeros."""
    missing = -x.shape[1] % size
    behind = x.new_zeros(len(x), missing, *x.shape[2:])
    return torch.cat([x, behind], dim=1).unflatten(1, (-1, size))


def fragment_units(x: Tensor, features: Features, size: int) -> Units:
    """Return vectors (B, M, D) as units of ``size`` steps in a row each, the last of what is left."""
    folded = Features(
        vector=x.flatten(0, 1)[:, None],
        valid=fold(features.valid, size).flatten(0, 1),
        span=fold(features.span, size).flatten(0, 1),
    )
    each = clip_unit(x.flatten(0, 1), folded)
    return Units(
        x=each.x.view_as(x),
        valid=each.valid.view(x.shape[:2]),
        span=each.span.view(*x.shape[:2], 2),
        scale=torch.full((x.shape[1],), size, device=x.device),
        features=features,
    )
