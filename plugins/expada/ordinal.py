"""The ordinal head: a score and a level from every unit (Eq 6, 11 and 12)."""

from __future__ import annotations

from torch import Tensor, nn

from adabench.evaluation import BDI_II, Scale
from adabench.models import Head, assess_logits, cross_entropy
from adabench.registry import MODELS
from adabench.structures import Assessment, Natural, Selection, Truth, Units, UnitSpec

from .losses import mean_over_selected, one_hot_loss, threshold_loss

#: The level losses and how many logits fewer than levels each reads.
FORMS = {"thresholds": (threshold_loss, 1), "one_hot": (one_hot_loss, 0)}


@MODELS.register_module()
class OrdinalRegressor(Head):
    """A score a unit, averaged by the selection's weights, with level logits beside it.

    The logits in ``Assessment.extra["logits"]``, (B, M, A - 1) or (B, M, A) for A levels, shape
    training alone: the score doesn't read them.

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
        layers: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
        if hidden:
            layers += [nn.Linear(units.dim, hidden), nn.GELU()]
        self.body = nn.Sequential(*layers)
        self.regress = nn.Linear(hidden or units.dim, 1)
        self.classify = nn.Linear(hidden or units.dim, len(scale.levels) - fewer)

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        x = self.body(units.x.masked_fill(~units.valid[..., None], 0.0))
        each = self.regress(x).squeeze(-1).float()
        if self.classes:
            assessment = assess_logits(self.to_logit(each), units.valid, selection)
            assessment.extra["logits"] = self.classify(x)
            return assessment
        unit_score = self.to_points(each)
        unit_score = unit_score.masked_fill(~units.valid, 0.0)
        return Assessment(
            score=(selection.weight * unit_score).sum(-1),
            selection=selection,
            unit_score=unit_score,
            extra={"logits": self.classify(x)},
        )

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """The score's loss and ``ordinal``, both per unit, weighted by the selection.

        The first is ``mse`` on standardised scores, or of two classes their ``cross_entropy``.
        """
        del inputs, progress
        if output.unit_score is None:
            return {}
        weight = output.selection.weight
        level = self.level_loss(output.extra["logits"], truth.level)
        ordinal = self.ordinal_weight * mean_over_selected(level, weight)
        if self.classes:
            return {
                "cross_entropy": cross_entropy(output, truth, on_units=True),
                "ordinal": ordinal,
            }
        target = self.standardise(truth.score)[:, None]
        error = (self.standardise(output.unit_score) - target).square()
        return {"mse": mean_over_selected(error, weight), "ordinal": ordinal}
