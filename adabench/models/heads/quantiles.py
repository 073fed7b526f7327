"""Quantiles of a score beside its median."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.bounds import Natural, Share
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.heads.losses import mean_over_units, pinball_loss
from adabench.models.heads.probability import refuse_classes
from adabench.models.heads.units import (
    assess_units,
    hidden_layers,
    is_on_units,
    of_clip,
    real_units,
)
from adabench.models.roles import QUANTILES, Head
from adabench.registry import MODELS
from adabench.structures import Assessment, Selection, Truth, Units, UnitSpec

_MEDIAN = 0.5


def rising(values: Tensor, middle: int) -> Tensor:
    """Return numbers that rise along the last axis, whatever stands there: (…, Q) to (…, Q).

    The one at ``middle`` stays; each other lies beyond its neighbour towards it, by its own softplus.
    """
    steps = F.softplus(values)
    above = steps[..., middle + 1 :].cumsum(-1)
    below = steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
    centre = values[..., middle : middle + 1]
    return torch.cat([centre - below, centre, centre + above], dim=-1)


@MODELS.register_module()
class Quantiles(Head):
    """Quantiles of a clip's score, whose median is the score.

    Koenker & Bassett 1978. A unit gives a median and steps to the other quantiles, which are positive,
    so that they never cross; the clip's quantiles are the units', averaged by the selection's weights.
    They begin as a normal distribution's of the training scores' mean and deviation.
    ``Assessment.extra["quantiles"]`` is (B, Q), points, rising, not held within the scale;
    ``extra["unit_quantiles"]`` (B, M, Q).

    Args:
        units: what it reads.
        quantiles: which, rising, 0.5 among them.
        hidden: width of one hidden layer; 0 makes it linear.
        dropout: on its input, in training.
        loss_on: ``clip`` takes the loss of the clip's quantiles, ``unit`` the weighted mean of the
            units' losses.
        scale: of the scores.

    Raises:
        ValueError: quantiles that don't rise between 0 and 1 or lack the median, another ``loss_on``, or
            a scale of two classes.
    """

    gives_quantiles: ClassVar[bool] = True
    shares: Tensor

    def __init__(
        self,
        *,
        units: UnitSpec,
        quantiles: Sequence[Share] = (0.05, _MEDIAN, 0.95),
        hidden: Natural = 0,
        dropout: float = 0.0,
        loss_on: Literal["clip", "unit"] = "clip",
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        refuse_classes(scale, "Quantiles")
        shares = tuple(quantiles)
        inside = all(low < high for low, high in itertools.pairwise((0.0, *shares, 1.0)))
        if not inside or _MEDIAN not in shares:
            raise ValueError(
                f"Quantiles.quantiles rise between 0 and 1, and 0.5 is among them; got {shares}"
            )
        self.on_units, self.middle = is_on_units(loss_on, "Quantiles"), shares.index(_MEDIAN)
        self.register_buffer("shares", torch.tensor(shares), persistent=False)
        layers, width = hidden_layers(units.dim, [hidden] if hidden else [], dropout)
        last = nn.Linear(width, len(shares))
        with torch.no_grad():
            # Steps whose softplus is a normal distribution's.
            steps = torch.special.ndtri(self.shares.double()).diff().expm1().log().float()
            last.bias[: self.middle] += steps[: self.middle]
            last.bias[self.middle + 1 :] += steps[self.middle :]
        self.regress = nn.Sequential(*layers, last)

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        each = self.to_points(rising(self.regress(real_units(units)).float(), self.middle))
        each = each.masked_fill(~units.valid[..., None], 0.0)
        found = assess_units(each[..., self.middle], units.valid, selection)
        found.extra[QUANTILES] = of_clip(each, selection)
        found.extra["unit_quantiles"] = each
        return found

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """Return the ``pinball`` loss of standardised quantiles, their mean."""
        del inputs, progress
        target = self.standardise(truth.score)
        if not self.on_units:
            given = self.standardise(output.extra[QUANTILES])
            return {"pinball": pinball_loss(given, target, self.shares).mean()}
        given = self.standardise(output.extra["unit_quantiles"])
        each = pinball_loss(given, target[:, None], self.shares)
        return {"pinball": mean_over_units(each, output.selection.weight)}
