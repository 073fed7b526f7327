"""A score per unit, averaged."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from adabench.bounds import Natural
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.heads.probability import (
    CROSS_ENTROPY,
    assess_logits,
    cross_entropy,
    fitting_loss,
)
from adabench.models.roles import Head
from adabench.registry import MODELS
from adabench.structures import Assessment, Selection, Truth, Units, UnitSpec


@MODELS.register_module()
class UnitRegressor(Head):
    """A score per unit, averaged by the selection's weights.

    Args:
        units: what it reads.
        hidden: width of one hidden layer; 0 makes the regressor linear.
        dropout: on its input, in training.
        loss_on: ``clip`` takes the loss of the clip's score, ``unit`` the weighted mean of the
            units' losses.
        loss: ``squared_error``, or of two classes ``cross_entropy``, whose scores are probabilities:
            the logistic of a number per unit, averaged. By default the one that the scale wants.
        scale: of the scores.

    Raises:
        ValueError: another ``loss_on``, or a ``loss`` that the scale can't have.
    """

    def __init__(
        self,
        *,
        units: UnitSpec,
        hidden: Natural = 0,
        dropout: float = 0.0,
        loss_on: str = "clip",
        loss: str | None = None,
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        if loss_on not in ("clip", "unit"):
            raise ValueError(f"UnitRegressor.loss_on is 'clip' or 'unit'; got {loss_on!r}")
        self.loss_on = loss_on
        self.loss_kind = fitting_loss(scale, loss, "UnitRegressor")
        layers: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
        if hidden:
            layers += [nn.Linear(units.dim, hidden), nn.GELU()]
        self.regress = nn.Sequential(*layers, nn.Linear(hidden or units.dim, 1))

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        each = self.regress(units.x).squeeze(-1)
        if self.loss_kind == CROSS_ENTROPY:
            return assess_logits(self.to_logit(each), units.valid, selection)
        unit_score = self.to_points(each)
        unit_score = unit_score.masked_fill(~units.valid, 0.0)
        score = (selection.weight * unit_score).sum(-1)
        return Assessment(score=score, selection=selection, unit_score=unit_score)

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """Mean squared error on standardised scores, or cross-entropy of the classes."""
        del inputs, progress
        if self.loss_kind == CROSS_ENTROPY:
            found = cross_entropy(output, truth, on_units=self.loss_on == "unit")
            return {CROSS_ENTROPY: found}
        target = self.standardise(truth.score)
        if self.loss_on == "clip" or output.unit_score is None:
            return {"mse": functional.mse_loss(self.standardise(output.score), target)}
        error = (self.standardise(output.unit_score) - target[:, None]).square()
        return {"mse": (output.selection.weight * error).sum(-1).mean()}
