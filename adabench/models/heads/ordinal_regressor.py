"""The ordinal head: a score and a level from every unit."""

from __future__ import annotations

from torch import Tensor, nn

from adabench.bounds import Natural
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.heads.losses import mean_over_units, one_hot_loss, threshold_loss
from adabench.models.heads.probability import CROSS_ENTROPY, assess_logits, cross_entropy
from adabench.models.heads.units import (
    assess_units,
    hidden_layers,
    real_units,
    standardised_losses,
)
from adabench.models.roles import Head
from adabench.registry import MODELS
from adabench.structures import Assessment, Selection, Truth, Units, UnitSpec

#: The level losses and how many logits fewer than levels each reads.
FORMS = {"thresholds": (threshold_loss, 1), "one_hot": (one_hot_loss, 0)}


@MODELS.register_module()
class OrdinalRegressor(Head):
    """A score a unit, averaged by the selection's weights, with level logits beside it.

    The logits in ``Assessment.extra["logits"]``, (B, M, A - 1) or (B, M, A) for A levels, shape
    training alone: the score doesn't read them. Liao et al., *Explainable Depression Assessment from
    Face Videos by Weakly Supervised Learning*, Eq 6, 11 and 12.

    Args:
        units: what it reads.
        hidden: width of a hidden layer that scores and logits share; 0 makes both linear.
        dropout: on its input, in training.
        ordinal: ``thresholds`` asks whether the level exceeds 0, 1, … (Eq 12), summed;
            ``one_hot`` asks for each of the levels, averaged.
        ordinal_weight: factor of that loss.
        scale: whose levels these are; of two classes a score is the probability of the second.

    Raises:
        ValueError: an unknown form, or a weight that would leave the logits untrained.
    """

    def __init__(
        self,
        *,
        units: UnitSpec,
        hidden: Natural = 0,
        dropout: float = 0.0,
        ordinal: str = "thresholds",
        ordinal_weight: float = 1.0,
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        if ordinal not in FORMS:
            raise ValueError(
                f"OrdinalRegressor.ordinal is one of {', '.join(FORMS)}; got {ordinal!r}"
            )
        if not ordinal_weight > 0:
            raise ValueError(
                f"OrdinalRegressor.ordinal_weight is above 0; got {ordinal_weight}. "
                "For the squared error alone take UnitRegressor with loss_on='unit'"
            )
        self.ordinal_weight = ordinal_weight
        self.classes = scale.classes
        self.level_loss, fewer = FORMS[ordinal]
        layers, width = hidden_layers(units.dim, [hidden] if hidden else [], dropout)
        self.body = nn.Sequential(*layers)
        self.regress = nn.Linear(width, 1)
        self.classify = nn.Linear(width, len(scale.levels) - fewer)

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        x = self.body(real_units(units))
        each = self.regress(x).squeeze(-1).float()
        if self.classes:
            assessment = assess_logits(self.to_logit(each), units.valid, selection)
        else:
            assessment = assess_units(self.to_points(each), units.valid, selection)
        assessment.extra["logits"] = self.classify(x)
        return assessment

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """The score's loss and ``ordinal``, both per unit, weighted by the selection.

        The first is ``mse`` on standardised scores, or of two classes their ``cross_entropy``.
        """
        del inputs, progress
        level = self.level_loss(output.extra["logits"], truth.level)
        ordinal = self.ordinal_weight * mean_over_units(level, output.selection.weight)
        if self.classes:
            found = {CROSS_ENTROPY: cross_entropy(output, truth, on_units=True)}
        else:
            found = standardised_losses(self, output, truth, ["mse"], on_units=True)
        return {**found, "ordinal": ordinal}
