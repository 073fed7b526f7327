"""ExpADA's loss on the level of a clip: L_WSL (Eq 13). L_ORD is the ordinal head's."""

from __future__ import annotations

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
