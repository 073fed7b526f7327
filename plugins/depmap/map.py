"""MAP: the frames whose prototypes speak clearest for the clip's level (Eq 12 and 13)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .sparsity import top


def activations(similarity: Tensor) -> Tensor:
    """Eq 12: the largest cosine over a frame's tokens, (B, T, S, A, K) to (B, T, A, K)."""
    return similarity.amax(dim=2)


def mean_over_frames(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of (B, T, A) over valid frames (B, T): (B, A)."""
    kept = valid[..., None].to(values.dtype)
    return (values * kept).sum(1) / kept.sum(1).clamp_min(1)


def normalised(weight: Tensor) -> Tensor:
    """Divide non-negative weights (B, T) by their sum; a clip without any keeps zeros."""
    total = weight.sum(-1, keepdim=True)
    return weight / total.clamp_min(torch.finfo(weight.dtype).tiny)


def level_share(logits: Tensor, valid: Tensor) -> Tensor:
    """How much of a frame's logits speaks for the clip's level â = argmax of their mean.

    Args:
        logits: (B, T, A).
        valid: (B, T) bool.

    Returns:
        (B, T) in [0, 1], 0 on invalid frames.
    """
    level = mean_over_frames(logits, valid).argmax(-1)
    share = torch.softmax(logits, dim=-1)
    own = share.gather(-1, level.view(-1, 1, 1).expand(-1, logits.shape[1], 1)).squeeze(-1)
    return own.masked_fill(~valid, 0.0)


class ShareMAP(nn.Module):
    """Keeps the u frames of the largest share of the clip's level, weighted by it.

    Args:
        levels: A.
        prototypes: K per level.
    """

    def __init__(self, *, levels: int, prototypes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(levels, prototypes))

    def logits(self, activation: Tensor) -> Tensor:
        """Eq 13: activations (B, T, A, K) to level logits (B, T, A)."""
        return (activation * self.weight).sum(-1)

    def forward(
        self, logits: Tensor, key: Tensor, count: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Map logits (B, T, A) to weight and relevance, (B, T) each.

        Args:
            logits: (B, T, A).
            key: (B, T, S) bool, the slots' top u; not asked here.
            count: (B,) long, u.
            valid: (B, T) bool.
        """
        del key
        share = level_share(logits, valid)
        kept = top(share.detach(), count, valid)
        return normalised(share * kept), share


class SparseHitsMAP(nn.Module):
    """Weighs a frame by how many token slots have it among their top u (Eq 6)."""

    def logits(self, activation: Tensor) -> Tensor:
        """Mean activation of each level: (B, T, A, K) to (B, T, A)."""
        return activation.mean(-1)

    def forward(
        self, logits: Tensor, key: Tensor, count: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Map key tokens (B, T, S) to weight and relevance, (B, T) each; see :class:`ShareMAP`."""
        del count, valid
        hits = key.sum(-1).to(logits.dtype)
        return normalised(hits), hits / key.shape[-1]


#: What ``map.mode`` names.
MODES = ("share", "sparse_hits")


def build_map(*, levels: int, prototypes: int, mode: str = "share") -> ShareMAP | SparseHitsMAP:
    """Build MAP in one of its modes.

    Raises:
        ValueError: an unknown mode.
    """
    if mode == "share":
        return ShareMAP(levels=levels, prototypes=prototypes)
    if mode == "sparse_hits":
        return SparseHitsMAP()
    raise ValueError(f"map.mode is one of {', '.join(MODES)}; got {mode!r}")
