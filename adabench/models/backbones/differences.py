"""Differences over time."""

from __future__ import annotations

import torch
from torch import Tensor


def difference(x: Tensor, lag: int, dim: int, valid: Tensor | None = None) -> Tensor:
    """Return x(t + lag) − x(t), zero where the later one is missing.

    Args:
        x: with its times along ``dim``.
        lag: at least 1.
        dim: of the times.
        valid: bool of the axes of ``x`` up to ``dim``, False where there is nothing.
    """
    times = x.shape[dim]
    reach = min(lag, times)
    later = x.narrow(dim, reach, times - reach)
    change = later - x.narrow(dim, 0, times - reach)
    if valid is not None:
        both = valid.narrow(dim, reach, times - reach) & valid.narrow(dim, 0, times - reach)
        change = change.masked_fill(~both.view(*both.shape, *(1,) * (x.ndim - dim - 1)), 0.0)
    return torch.cat([change, torch.zeros_like(x.narrow(dim, 0, reach))], dim)
