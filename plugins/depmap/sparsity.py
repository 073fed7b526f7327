"""Which tokens are key: the max-mean measure of Eq 6, and the top u of it."""

from __future__ import annotations

import torch
from torch import Tensor

from adabench.models import largest_units

#: c of u = c · ln T.
SAMPLING_FACTOR = 5.0
#: To how many digits measures of discrete tokens are told apart.
DIGITS = 9


def max_mean_measure(tokens: Tensor, valid: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Eq 6, M̄(G_t) = max_i s_ti − mean_i s_ti with s = G Gᵀ / √d, i over a clip's valid frames.

    Args:
        tokens: (B, T, S, L), S slots a frame; each slot is measured by itself.
        valid: (B, T) bool.
        dtype: in which it is computed.

    Returns:
        (B, T, S), −∞ on invalid frames.
    """
    by_slot = tokens.to(dtype).transpose(1, 2)
    scores = by_slot @ by_slot.transpose(2, 3) / tokens.shape[-1] ** 0.5
    others = valid[:, None, None, :]
    largest = scores.masked_fill(~others, -torch.inf).amax(-1)
    mean = scores.masked_fill(~others, 0.0).sum(-1) / valid.sum(-1).clamp_min(1)[:, None, None]
    measure = (largest - mean).transpose(1, 2)
    return measure.masked_fill(~valid[..., None], -torch.inf)


def key_count(frames: Tensor, factor: float = SAMPLING_FACTOR) -> Tensor:
    """u = max(1, min(T, ⌈c · ln T⌉)), and 0 of no frames.

    Args:
        frames: (B,) long, valid frames of each clip.
        factor: c.

    Returns:
        (B,) long.
    """
    # Rounded before the ceiling, so that float noise can't add a frame.
    wanted = (factor * frames.clamp_min(1).double().log()).round(decimals=9).ceil().long()
    return torch.minimum(wanted.clamp_min(1), frames)


@torch.no_grad()
def key_tokens(
    tokens: Tensor, valid: Tensor, factor: float = SAMPLING_FACTOR, *, discrete: bool = False
) -> Tensor:
    """Mark each slot's top u tokens: (B, T, S, L) to (B, T, S) bool.

    Args:
        tokens: (B, T, S, L).
        valid: (B, T) bool.
        factor: c of u.
        discrete: frames may have the very same token. Rounding, which is another in another batch, must
            not decide between them: measures are compared in double precision, at `DIGITS` digits.
    """
    measure = max_mean_measure(tokens, valid, torch.float64 if discrete else torch.float32)
    if discrete:
        measure = measure.round(decimals=DIGITS)
    return largest_units(measure, key_count(valid.sum(-1), factor), valid)
