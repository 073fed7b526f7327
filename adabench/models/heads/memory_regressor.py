"""A regressor with a memory of what clips of each score look like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, one_hot

from adabench.bounds import Count, Share
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.heads.probability import refuse_classes
from adabench.models.heads.ranking import rank_similarity_loss
from adabench.models.heads.units import (
    assess_units,
    hidden_layers,
    is_on_units,
    of_clip,
    real_units,
    standardised_losses,
)
from adabench.models.roles import Head
from adabench.registry import MODELS
from adabench.structures import Assessment, Selection, Truth, Units, UnitSpec

#: Epochs of 300 after which the authors renew the memory, and rank by it.
RENEWED, RANKED = 9 / 300, 10 / 300
# A neighbour's weight beside a label's own 1: a Gaussian with a deviation of one point.
_NEIGHBOUR = math.exp(-0.5)


def smoothed_means(means: Tensor, known: Tensor) -> Tensor:
    """Smooth means (K, D) along the labels by a Gaussian of three taps, σ of one label.

    At the ends the only neighbour counts twice, as a mirror would have it; a label that is not
    ``known`` (K,) counts nowhere, and the weights of the others sum to 1.
    """

    def spread(values: Tensor) -> Tensor:
        below = torch.cat([values[1:2], values[:-1]])
        above = torch.cat([values[1:], values[-2:-1]])
        return values + _NEIGHBOUR * (below + above)

    share = known.float()[:, None]
    return spread(means * share) / spread(share).clamp_min(_NEIGHBOUR)


@MODELS.register_module()
class MemoryRegressor(Head):
    """A score per unit, averaged, trained beside a memory of the mean clip of each score.

    Li et al. 2025, *MemRank*. The memory holds the mean vector of the training clips of each whole score.
    Smoothed along the scores it is used twice in training: each mean is to be given its own score
    (``memory``), and beside the batch's clips the means are ranked by their nearness (``rank``), which
    teaches the parts in front of the head alone. A prediction reads none of it.

    The authors renew the memory by passes over the training set, twice an epoch from the tenth on; here
    each step renews the scores of its batch, from the same share of training on. Scores that no clip has
    had are left out, where theirs are zeros that take part; of a score that the batch and the memory
    both have, the batch's first clip is ranked.

    Args:
        units: what it reads.
        hidden: widths of the hidden layers; the authors' are 4096 and 64.
        dropout: on what each of them reads, in training.
        loss_on: ``clip`` takes the squared error of the clip's score, ``unit`` the weighted mean of the
            units'.
        momentum: share of a mean that is kept when it is renewed.
        renewed: share of training from which the memory is renewed.
        ranked: share of training from which the memory is ranked too.
        rank_weight: factor of the ranking loss; 0 leaves it out.
        step: of the ranks' gradient, see `rank_similarity_loss`.
        points: ``rank_weight`` is meant beside a squared error in points, as the authors' 1 is.
        scale: of the scores.

    Raises:
        ValueError: an argument out of its range, or a scale without whole scores or of two classes.
    """

    means: Tensor
    known: Tensor

    def __init__(
        self,
        *,
        units: UnitSpec,
        hidden: Sequence[Count] = (),
        dropout: float = 0.0,
        loss_on: Literal["clip", "unit"] = "clip",
        momentum: Share = 0.5,
        renewed: Share = RENEWED,
        ranked: Share = RANKED,
        rank_weight: float = 1.0,
        step: float = 1.0,
        points: bool = False,
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        _check(scale, rank_weight, step)
        self.on_units, self.momentum = is_on_units(loss_on, "MemoryRegressor"), momentum
        self.renewed, self.ranked = renewed, ranked
        self.rank_weight, self.step, self.in_points = rank_weight, step, points
        self.low, count = scale.low, round(scale.high - scale.low) + 1
        self.register_buffer("means", torch.zeros(count, units.dim))
        self.register_buffer("known", torch.zeros(count, dtype=torch.bool))
        layers, width = hidden_layers(units.dim, hidden, dropout)
        self.regress = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        each = self.regress(real_units(units)).squeeze(-1).float()
        return assess_units(self.to_points(each), units.valid, selection)

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """Return ``mse`` of standardised scores, ``memory``, the same of the means', and ``rank``."""
        found = standardised_losses(self, output, truth, ["mse"], on_units=self.on_units)
        labels = self.known.nonzero().squeeze(-1)
        means = smoothed_means(self.means, self.known)[labels]
        found["memory"] = output.score.new_zeros(())
        if len(labels):
            given = self.regress(means).squeeze(-1).float()
            found["memory"] = mse_loss(given, self.standardise(self.low + labels))
        if self.rank_weight:
            clips, own = of_clip(real_units(inputs).float(), output.selection), self._label(truth)
            if progress >= self.ranked:
                clips, own = torch.cat([clips, means]), torch.cat([own, labels])
            weight = self.rank_weight / (truth.variance if self.in_points else 1.0)
            found["rank"] = weight * rank_similarity_loss(clips, own, self.step)
        return found

    def update(self, inputs: Units, output: Assessment, truth: Truth, progress: float) -> None:
        """Renew the means of the scores that the batch has."""
        if progress < self.renewed:
            return
        clips = of_clip(real_units(inputs).float(), output.selection)
        member = one_hot(self._label(truth), len(self.known)).T.float()
        number = member.sum(1, keepdim=True)
        latest = member @ clips / number.clamp_min(1)
        kept = self.momentum * self.known.float()[:, None]
        renewed = kept * self.means + (1 - kept) * latest
        self.means.copy_(torch.where(number > 0, renewed, self.means))
        self.known.logical_or_(number.squeeze(-1) > 0)

    def _label(self, truth: Truth) -> Tensor:
        """Return the places of the clips' scores in the memory (B,)."""
        return (truth.score - self.low).round().long()


def _check(scale: Scale, rank_weight: float, step: float) -> None:
    refuse_classes(scale, "MemoryRegressor")
    if not scale.whole:
        raise ValueError(
            f"MemoryRegressor remembers each whole score, and those of {scale.name} are not whole: "
            "take UnitRegressor"
        )
    if not rank_weight >= 0:
        raise ValueError(f"MemoryRegressor.rank_weight is 0 or more; got {rank_weight}")
    if not step > 0:
        raise ValueError(f"MemoryRegressor.step is above 0; got {step}")
