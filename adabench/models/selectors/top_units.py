"""The units with the largest scores: of a learnt scorer, and as one of two streams."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from adabench.bounds import Count, Share
from adabench.models.roles import Selector
from adabench.models.selectors.attention_mil import softmax_weights
from adabench.models.selectors.keep_all import even_weights
from adabench.registry import MODELS
from adabench.structures import Selection, Units, UnitSpec


def largest_units(values: Tensor, count: Tensor, valid: Tensor) -> Tensor:
    """Mark the ``count`` largest values of each clip among its valid units; of equals the earlier one.

    Args:
        values: (B, M, …).
        count: (B,) long; of a clip that has fewer all are marked.
        valid: (B, M) bool.

    Returns:
        bool in the shape of ``values``.
    """
    extra = (1,) * (values.dim() - 2)
    usable = valid.view(*valid.shape, *extra)
    order = values.masked_fill(~usable, -torch.inf).argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order)
    places = torch.arange(values.shape[1], device=values.device).view(1, -1, *extra)
    rank.scatter_(1, order, places.expand_as(order))
    return (rank < count.view(-1, 1, *extra)) & usable


def straight_through(chosen: Tensor, share: Tensor) -> Tensor:
    """Return even weights of the chosen units (B, M), with the gradient of the shares (B, M).

    A choice has no gradient of its own; that of the softmax which it is taken from stands in for it
    (Bengio, Leonard & Courville 2013).
    """
    return even_weights(chosen) + (share - share.detach())


@MODELS.register_module()
class TopKMIL(Selector):
    """The units with the largest scores count alike, and no other: max pooling of instances at ``count=1``.

    A unit's score is linear in it. The choice is learnt with the clip's score, by the gradient of the
    softmax of the scores, which is the relevance too.

    Args:
        units: what it reads.
        count: units that are kept, all of a clip that has fewer.
        share: share of a clip's valid units that are kept in place of ``count``, rounded up.
    """

    def __init__(self, *, units: UnitSpec, count: Count = 1, share: Share | None = None) -> None:
        super().__init__()
        self.count, self.share = count, share
        self.score = nn.Linear(units.dim, 1, bias=False)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M)."""
        score = self.score(units.x).squeeze(-1)
        share = softmax_weights(score, units.valid)
        chosen = largest_units(score, self._counts(units.valid), units.valid)
        return Selection(weight=straight_through(chosen, share), relevance=share)

    def _counts(self, valid: Tensor) -> Tensor:
        number = valid.sum(1)
        if self.share is None:
            return torch.full_like(number, self.count)
        # What lies a rounding above a whole number is that number.
        return (number * self.share - 1e-6).ceil().long().clamp(min=1)


@MODELS.register_module()
class DualStreamMIL(Selector):
    """The critical unit, and attention to what resembles it (Li, Li & Eliceiri 2021, DSMIL, Eq 2 to 6).

    One stream takes the unit with the largest linear score; the other weighs each unit by the softmax
    over the clip of its query's product with the critical unit's, over the root of their length. The
    clip's weights are the mean of both streams', since one head gives both their scores here.

    Args:
        units: what it reads.
        width: of the queries.
    """

    def __init__(self, *, units: UnitSpec, width: Count = 64) -> None:
        super().__init__()
        self.score = nn.Linear(units.dim, 1, bias=False)
        self.query = nn.Linear(units.dim, width)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M)."""
        score, valid = self.score(units.x).squeeze(-1), units.valid
        critical = largest_units(score, valid.new_ones(len(valid), dtype=torch.long), valid)
        query = self.query(units.x).masked_fill(~valid[..., None], 0.0)
        asked = (query * critical[..., None]).sum(1, keepdim=True)
        attention = softmax_weights((query * asked).sum(-1) / query.shape[-1] ** 0.5, valid)
        hard = straight_through(critical, softmax_weights(score, valid))
        return Selection(weight=(hard + attention) / 2, relevance=attention)
