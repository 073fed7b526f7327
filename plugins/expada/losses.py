"""ExpADA's losses on severity levels: L_WSL (Eq 13), L_ORD (Eq 12), and the one-hot form."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: z is kept this far from 0 and 1 under the logarithm.
CLAMP = 1e-6


def weak_level_loss(z: Tensor, level: Tensor) -> Tensor:
    """L_WSL: binary cross-entropy of z against the one-hot level, mean over levels and clips.

    Args:
        z: (B, A) in [0, 1].
        level: (B,) long.
    """
    target = F.one_hot(level, z.shape[-1]).float()
    # By hand, because torch refuses binary_cross_entropy in mixed precision.
    z = z.float().clamp(CLAMP, 1.0 - CLAMP)
    return -(target * z.log() + (1.0 - target) * (1.0 - z).log()).mean()


def threshold_loss(logits: Tensor, level: Tensor) -> Tensor:
    """L_ORD of each unit: logits (B, M, A-1) against I[level > k], summed over k to (B, M)."""
    threshold = torch.arange(logits.shape[-1], device=logits.device)
    return _bce(logits, (level[:, None] > threshold).float()).sum(-1)


def one_hot_loss(logits: Tensor, level: Tensor) -> Tensor:
    """Logits (B, M, A) against the one-hot level (B,), mean over levels: (B, M)."""
    return _bce(logits, F.one_hot(level, logits.shape[-1]).float()).mean(-1)


def _bce(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of unit logits (B, M, K) with the clip's targets (B, K)."""
    return F.binary_cross_entropy_with_logits(
        logits.float(), target[:, None].expand_as(logits), reduction="none"
    )


def mean_over_selected(values: Tensor, weight: Tensor) -> Tensor:
    """Weigh unit values (B, M) by the selection (B, M), and average over clips."""
    return (weight * values).sum(-1).mean()
