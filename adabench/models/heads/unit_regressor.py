"""A score per unit, and a clip's from theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from adabench.bounds import Natural
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.heads.probability import (
    CROSS_ENTROPY,
    assess_logits,
    cross_entropy,
    fitting_losses,
)
from adabench.models.heads.units import (
    assess_units,
    hidden_layers,
    is_on_units,
    real_units,
    standardised_losses,
)
from adabench.models.roles import Head
from adabench.registry import MODELS
from adabench.structures import Assessment, Selection, Truth, Units, UnitSpec

# How far from an end of the scale a share has to lie that has log odds.
_RARE = 0.01
# Sums of weights that are a half but for rounding.
_HALF = 1e-6


def weighted_median(values: Tensor, weight: Tensor) -> Tensor:
    """Return the median of values (B, M) under weights (B, M), whose sum is 1: (B,).

    Where a half of the weight lies to each side of two values it is their mean.
    """
    order = values.masked_fill(weight <= 0, torch.inf).argsort(dim=1, stable=True)
    below = weight.gather(1, order).cumsum(1)
    last = order.shape[1] - 1
    middle = [
        order.gather(1, (below < half).sum(1, keepdim=True).clamp(max=last))
        for half in (0.5 - _HALF, 0.5 + _HALF)
    ]
    return values.gather(1, torch.cat(middle, 1)).mean(1)


@MODELS.register_module()
class UnitRegressor(Head):
    """A score per unit, averaged by the selection's weights.

    Args:
        units: what it reads.
        hidden: width of one hidden layer; 0 makes the regressor linear.
        dropout: on its input, in training.
        loss_on: ``clip`` takes the loss of the clip's score, ``unit`` the weighted mean of the
            units' losses.
        loss: ``mse``, ``l1``, ``huber`` (linear beyond one deviation), ``rmse`` of the batch,
            ``balanced``, or several joined by ``+``, all on standardised scores; or of two classes
            ``cross_entropy``, whose scores are probabilities: the logistic of a number per unit,
            averaged. By default ``mse``, or what classes want.
        combine: ``mean`` or ``median`` of the units' scores, under the selection's weights; a median
            teaches a selector nothing, since it has no slope in the weights.
        bounded: a unit's score is the logistic of a number, stretched over the scale.
        scale: of the scores.

    Raises:
        ValueError: a ``loss`` that there is not or that the scale can't have, or one of two classes with
            ``bounded`` or a median.
    """

    def __init__(
        self,
        *,
        units: UnitSpec,
        hidden: Natural = 0,
        dropout: float = 0.0,
        loss_on: Literal["clip", "unit"] = "clip",
        loss: str | None = None,
        combine: Literal["mean", "median"] = "mean",
        bounded: bool = False,
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        self.on_units = is_on_units(loss_on, "UnitRegressor")
        if combine not in ("mean", "median"):
            raise ValueError(f"UnitRegressor.combine is 'mean' or 'median'; got {combine!r}")
        self.loss_names = fitting_losses(scale, loss, "UnitRegressor")
        self.of_classes = CROSS_ENTROPY in self.loss_names
        if self.of_classes and (bounded or combine == "median"):
            raise ValueError(
                "UnitRegressor: a probability is bounded, and the logistic of mean log odds: leave out "
                "bounded and combine, or set loss='mse'"
            )
        self.combine, self.bounded = combine, bounded
        self.low, self.span = scale.low, scale.high - scale.low
        layers, width = hidden_layers(units.dim, [hidden] if hidden else [], dropout)
        self.regress = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        each = self.regress(real_units(units)).squeeze(-1).float()
        if self.of_classes:
            return assess_logits(self.to_logit(each), units.valid, selection)
        unit_score = self._within(each) if self.bounded else self.to_points(each)
        found = assess_units(unit_score, units.valid, selection)
        if self.combine == "median" and found.unit_score is not None:
            return replace(found, score=weighted_median(found.unit_score, selection.weight))
        return found

    def _within(self, each: Tensor) -> Tensor:
        """Map what the layer gives to points within the scale, 0 to the training scores' mean."""
        start = ((self.score_mean - self.low) / self.span).clamp(_RARE, 1 - _RARE).logit()
        return self.low + self.span * (each + start).sigmoid()

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """Return the losses of standardised scores by name, or the cross-entropy of the classes."""
        del inputs, progress
        if self.of_classes:
            found = cross_entropy(output, truth, on_units=self.on_units)
            return {CROSS_ENTROPY: found}
        return standardised_losses(self, output, truth, self.loss_names, on_units=self.on_units)
