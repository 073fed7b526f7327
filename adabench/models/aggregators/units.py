"""Units of one step each, and one unit of the whole clip."""

from __future__ import annotations

import torch
from torch import Tensor

from adabench.structures import Features, Units


def step_units(x: Tensor, features: Features) -> Units:
    """Return vectors (B, T', D) as units, one a step."""
    return Units(
        x=x,
        valid=features.valid,
        span=features.span,
        scale=torch.ones(x.shape[1], dtype=torch.long, device=x.device),
        features=features,
    )


def clip_unit(x: Tensor, features: Features) -> Units:
    """Return vectors (B, D) as one unit a clip (B, 1, D), from its first valid step to its last."""
    valid, (start, stop) = features.valid, features.span.unbind(-1)
    latest = torch.iinfo(start.dtype).max
    first = start.masked_fill(~valid, latest).amin(1)
    span = torch.stack([first, stop.masked_fill(~valid, 0).amax(1)], dim=-1)
    some = valid.any(1, keepdim=True)
    return Units(
        x=x[:, None].masked_fill(~some[..., None], 0.0),
        valid=some,
        span=span.masked_fill(~some, 0)[:, None],
        scale=torch.zeros(1, dtype=torch.long, device=x.device),
        features=features,
    )
