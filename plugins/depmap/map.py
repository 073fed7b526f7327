"""MAP: the frames whose prototypes speak clearest for the clip's level (Eq 12 and 13)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models import largest_units, softmax_weights

#: Temperature of the level logits in their cross-entropy; the authors' code, not printed.
LEVEL_TEMPERATURE = 0.1


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


class MAP(nn.Module):
    """What every mode of MAP shares: the level logits, their cross-entropy, and the gate.

    Args:
        levels: A.
        prototypes: K per level.
        weighted: whether Eq 13's w is built; without it a level's logit is its mean activation.
        cross_entropy: weight of the logits' loss; 0 takes none.
        gate: share of training until which every frame counts the same; 0 builds no gate.

    Raises:
        ValueError: a value out of its range.
    """

    opened: Tensor

    def __init__(
        self,
        *,
        levels: int,
        prototypes: int,
        weighted: bool,
        cross_entropy: float = 0.0,
        gate: float = 0.0,
    ) -> None:
        super().__init__()
        if cross_entropy < 0:
            raise ValueError(f"map.cross_entropy is 0 or more; got {cross_entropy}")
        if not 0 <= gate < 1:
            raise ValueError(f"map.gate is a share of training in [0, 1); got {gate}")
        self.cross_entropy, self.gate = cross_entropy, gate
        self.weight = nn.Parameter(torch.ones(levels, prototypes)) if weighted else None
        if gate:
            # What is tested is a checkpoint, and it is tested as it was when it was chosen.
            self.register_buffer("opened", torch.zeros((), dtype=torch.bool))

    def logits(self, activation: Tensor) -> Tensor:
        """Eq 13: activations (B, T, A, K) to level logits (B, T, A)."""
        if self.weight is None:
            return activation.mean(-1)
        return (activation * self.weight).sum(-1)

    def gated(self, weight: Tensor, even: Tensor) -> Tensor:
        """Return weights (B, T) as they count now: even ones while the gate is closed."""
        return torch.where(self.opened, weight, even) if self.gate else weight

    def move_gate(self, progress: float) -> None:
        """Open the gate once ``progress`` has reached it."""
        if self.gate:
            self.opened.fill_(progress >= self.gate)

    def level_loss(self, scores: Tensor, level: Tensor, progress: float) -> Tensor | None:
        """Weighted cross-entropy of clips' scores (B, A) against levels (B,); None while closed."""
        if not self.cross_entropy or progress < self.gate:
            return None
        return self.cross_entropy * F.cross_entropy(scores / LEVEL_TEMPERATURE, level)


class ShareMAP(MAP):
    """Keeps the u frames of the largest share of the clip's level, weighted by it.

    Args:
        levels: A.
        prototypes: K per level.
        cross_entropy, gate: as in :class:`MAP`.
    """

    def __init__(
        self, *, levels: int, prototypes: int, cross_entropy: float = 0.0, gate: float = 0.0
    ) -> None:
        super().__init__(
            levels=levels,
            prototypes=prototypes,
            weighted=True,
            cross_entropy=cross_entropy,
            gate=gate,
        )

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
        kept = largest_units(share.detach(), count, valid)
        return normalised(share * kept), share


class SparseHitsMAP(MAP):
    """Weighs a frame by how many token slots have it among their top u (Eq 6).

    Eq 13's w is built where the cross-entropy trains it.

    Args:
        levels: A.
        prototypes: K per level.
        softmax: take the softmax of the hits over frames, and keep its u largest, as the authors'
            code does; otherwise weights are proportional to the hits.
        cross_entropy, gate: as in :class:`MAP`.
    """

    def __init__(
        self,
        *,
        levels: int,
        prototypes: int,
        softmax: bool = False,
        cross_entropy: float = 0.0,
        gate: float = 0.0,
    ) -> None:
        super().__init__(
            levels=levels,
            prototypes=prototypes,
            weighted=cross_entropy > 0,
            cross_entropy=cross_entropy,
            gate=gate,
        )
        self.softmax = softmax

    def forward(
        self, logits: Tensor, key: Tensor, count: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Map key tokens (B, T, S) to weight and relevance, (B, T) each; see :class:`ShareMAP`."""
        hits = key.sum(-1).to(logits.dtype)
        relevance = hits / key.shape[-1]
        if not self.softmax:
            return normalised(hits), relevance
        # The largest is taken off before the exponential, so that the smallest may round to 0.
        share = softmax_weights(hits, valid)
        return normalised(share * largest_units(hits, count, valid)), relevance


#: What ``map.mode`` names.
MODES = ("share", "sparse_hits")


def build_map(
    *, levels: int, prototypes: int, mode: str = "share", **options: float
) -> ShareMAP | SparseHitsMAP:
    """Build MAP in one of its modes, with the mode's options.

    Raises:
        ValueError: an unknown mode, or a value out of its range.
        TypeError: an option that the mode doesn't have.
    """
    if mode == "share":
        return ShareMAP(levels=levels, prototypes=prototypes, **options)
    if mode == "sparse_hits":
        return SparseHitsMAP(levels=levels, prototypes=prototypes, **options)  # type: ignore[arg-type]  # softmax is a flag
    raise ValueError(f"map.mode is one of {', '.join(MODES)}; got {mode!r}")
