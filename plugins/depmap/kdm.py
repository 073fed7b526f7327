"""KDM, key facial behaviour self-distillation: prototypes pull every scale's tokens (Eq 14)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .tokens import HardTokens, sample

#: τ and λ; λ is the paper's.
TEMPERATURE = 0.1
WEIGHT = 0.1
#: Share of training before the loss sets in.
START = 0.1
#: What a token of a level's set and one of the set "other" weigh in the mean: the authors' code.
LEVEL_WEIGHT = 0.5
OTHER_WEIGHT = 0.1


def contrastive_loss(
    similarity: Tensor, level: Tensor, index: Tensor, temperature: float
) -> Tensor:
    """InfoNCE of each token against all prototypes, its own in the denominator too.

    Args:
        similarity: (B, …, A, K), cosines.
        level: (B,) long, each clip's level among the A; or (B, …), each token's set.
        index: (B, …) long, the token's own prototype within that level.
        temperature: τ > 0.

    Returns:
        (B, …).
    """
    logits = similarity.flatten(-2) / temperature
    own = _spread(level, index) * similarity.shape[-1] + index
    return -torch.log_softmax(logits, dim=-1).gather(-1, own.unsqueeze(-1)).squeeze(-1)


def literal_contrastive_loss(similarity: Tensor, level: Tensor, index: Tensor) -> Tensor:
    """Eq 14 as printed: own level's other prototypes and other levels' k-th below, no temperature.

    Args and result are those of :func:`contrastive_loss`.
    """
    levels, count = similarity.shape[-2:]
    same_level = F.one_hot(_spread(level, index), levels).bool().unsqueeze(-1)
    same_index = F.one_hot(index, count).bool().unsqueeze(-2)
    positive = similarity.masked_fill(~(same_level & same_index), 0.0).sum((-2, -1))
    below = similarity.masked_fill(~(same_level ^ same_index), -torch.inf)
    return torch.logsumexp(below.flatten(-2), dim=-1) - positive


def _spread(level: Tensor, index: Tensor) -> Tensor:
    return level.view(*level.shape, *(1,) * (index.dim() - level.dim())).expand_as(index)


class PlacedProjection(nn.Module):
    """Reads a branch's map where the deep tokens lie, and projects what it finds to L.

    Args:
        channels: C of the branch's map.
        length: L.
    """

    def __init__(self, *, channels: int, length: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, length)

    def forward(self, maps: Tensor, place: Tensor) -> Tensor:
        """Map (N, C, H, W) and places (N, S, 2) to tokens (N, S, L)."""
        return self.project(sample(maps, place))


class HardProjection(nn.Module):
    """The authors' branch: hard tokens of its own; its map gets no gradient.

    Args:
        channels: C of the branch's map.
        width: of the projected map.
        length: L.
    """

    def __init__(self, *, channels: int, width: int, length: int) -> None:
        super().__init__()
        self.tokens = HardTokens(channels=channels, width=width, length=length)

    def forward(self, maps: Tensor, place: Tensor) -> Tensor:
        """Map (N, C, H, W) to tokens (N, S, L); the deep tokens' places are not asked."""
        del place
        return self.tokens(maps).vector


class KDM(nn.Module):
    """The branches' projections and the loss over all of them.

    Args:
        branches: a projection for each branch's map but the deepest, whose tokens exist already.
        temperature: τ of InfoNCE.
        weight: λ.
        start: share of training done from which the loss counts.
        literal: take Eq 14 as printed, summed over frames and branches.
        refined: the visual branches read the maps that the aggregator refined, not the trunk's.

    Raises:
        ValueError: a value out of its range.
    """

    def __init__(
        self,
        *,
        branches: Sequence[nn.Module],
        temperature: float = TEMPERATURE,
        weight: float = WEIGHT,
        start: float = START,
        literal: bool = False,
        refined: bool = False,
    ) -> None:
        super().__init__()
        if temperature <= 0 or weight <= 0:
            raise ValueError(
                f"kdm.temperature and kdm.weight are above 0; got {temperature} and {weight}. "
                "kdm=None leaves the loss out"
            )
        self.branches = nn.ModuleList(branches)
        self.temperature, self.weight, self.start = temperature, weight, start
        self.literal, self.refined = literal, refined

    def branch_tokens(self, maps: Sequence[Tensor], place: Tensor) -> list[Tensor]:
        """Tokens of every branch but the deepest.

        Args:
            maps: (N, C_i, H_i, W_i) each, in the order of ``branches``.
            place: (N, S, 2), where the deep tokens lie.

        Returns:
            (N, S, L) each.
        """
        # A shallow branch follows the deep one's places and doesn't move them.
        fixed = place.detach()
        return [branch(m, fixed) for branch, m in zip(self.branches, maps, strict=True)]

    def loss(
        self,
        similarities: Sequence[Tensor],
        level: Tensor,
        index: Tensor,
        valid: Tensor,
        counts: Tensor | None = None,
    ) -> Tensor:
        """λ times the loss over branches, frames and slots.

        Args:
            similarities: (B, T, S, A, K) of each branch's tokens to the prototypes.
            level: (B,) long; or (B, T, S), each deep token's set.
            index: (B, T, S) long, the deep token's prototype, which is every branch's target.
            valid: (B, T) bool.
            counts: (B, T, S), what each token weighs in the mean; None weighs all of valid frames alike.
        """
        if counts is not None:
            return self._weighted(similarities, level, index, counts * valid[..., None])
        frames = valid.float()
        totals = []
        for similarity in similarities:
            if self.literal:
                by_token = literal_contrastive_loss(similarity, level, index)
            else:
                by_token = contrastive_loss(similarity, level, index, self.temperature)
            totals.append((by_token.mean(-1) * frames).sum(-1))
        by_clip = torch.stack(totals)
        if self.literal:
            return self.weight * by_clip.sum(0).mean()
        return self.weight * by_clip.mean(0).sum() / frames.sum().clamp_min(1)

    def _weighted(
        self, similarities: Sequence[Tensor], level: Tensor, index: Tensor, counts: Tensor
    ) -> Tensor:
        by_token = torch.stack(
            [contrastive_loss(s, level, index, self.temperature) for s in similarities]
        )
        mean = (by_token.mean(0) * counts).sum() / counts.sum().clamp_min(OTHER_WEIGHT)
        return self.weight * mean
