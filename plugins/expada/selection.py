"""The mathematics of DFS: two branches, the clip's level, and the units that are kept.

Shapes use B clips, M units, A severity levels. Everything is float32, whatever came.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from adabench.models import largest_units, softmax_weights


def level_probability(logits: Tensor) -> Tensor:
    """P of Eq 8: softmax over the levels of each unit, (B, M, A) to (B, M, A)."""
    return logits.float().softmax(-1)


def relevance_share(logits: Tensor, valid: Tensor) -> Tensor:
    """R of Eq 9: softmax over a clip's valid units for each level.

    Args:
        logits: (B, M, A).
        valid: (B, M) bool.

    Returns:
        (B, M, A), 0 on invalid units; sums to 1 over M for each level of a clip with a valid unit.
    """
    return softmax_weights(logits, valid)


def level_evidence(probability: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """R̂ = P ⊗ R, and z, its sum over the units (Eq 10): (B, M, A) twice to (B, M, A), (B, A)."""
    evidence = probability * share
    return evidence, evidence.sum(1)


def most_frequent_level(probability: Tensor, valid: Tensor, z: Tensor) -> Tensor:
    """Eq 4: the level that most valid units take for theirs; z decides between equals.

    Args:
        probability: (B, M, A).
        valid: (B, M) bool.
        z: (B, A) in [0, 1].

    Returns:
        (B,) long.
    """
    own = F.one_hot(probability.argmax(-1), probability.shape[-1]) * valid[..., None]
    return (own.sum(1) + z / 2).argmax(-1)


def of_level(values: Tensor, level: Tensor) -> Tensor:
    """Take each clip's own level: (B, M, A) and (B,) to (B, M)."""
    place = level.view(-1, 1, 1).expand(-1, values.shape[1], 1)
    return values.gather(-1, place).squeeze(-1)


def keep_count(units: Tensor, percent: int) -> Tensor:
    """K = max(1, percent · M // 100) for clips of M ``units`` (B,) long."""
    return (percent * units // 100).clamp_min(1)


def most_confident(probability: Tensor, level: Tensor, count: Tensor, valid: Tensor) -> Tensor:
    """Eq 5: the most confident among the units whose own level is the clip's; maybe none.

    Args:
        probability: (B, M, A).
        level: (B,) long, the clip's level I.
        count: (B,) long, K.
        valid: (B, M) bool.

    Returns:
        (B, M) bool.
    """
    agree = valid & (probability.argmax(-1) == level[:, None])
    return largest_units(of_level(probability, level), count, agree)
