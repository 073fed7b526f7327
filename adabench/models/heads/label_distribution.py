"""A distribution over the scale, whose mean is the score."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.bounds import Natural
from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.heads.losses import mean_over_units
from adabench.models.heads.probability import refuse_classes
from adabench.models.heads.units import hidden_layers, is_on_units, of_clip, real_units
from adabench.models.roles import Head
from adabench.registry import MODELS
from adabench.structures import Assessment, Selection, Truth, Units, UnitSpec


def log_gaussian(centres: Tensor, mean: Tensor, deviation: Tensor | float) -> Tensor:
    """Return the logarithm of Gaussians' shares of bins (K,), which sum to 1: (…, K).

    Args:
        centres: (K,) of the bins.
        mean: (…) of the Gaussians.
        deviation: theirs, above 0, in the bins' unit.
    """
    away = (centres - mean.float()[..., None]) / deviation
    return (-away.square() / 2).log_softmax(-1)


@MODELS.register_module()
class LabelDistribution(Head):
    """A distribution over bins of the scale; a label is a Gaussian around it.

    Label distribution learning as in Zhou et al., *Facial Depression Recognition by Deep Joint Label
    Distribution and Metric Learning*, IEEE TAFFC 2020; deviation and bins are ours. The score is the
    distribution's mean, so it stays within the scale. A unit has logits; the clip's are their mean under
    the selection's weights, to which those of a Gaussian of the training scores are added, so that
    training begins there. ``Assessment.extra`` holds ``logits`` (B, M, K), what the layer gives,
    and ``distribution`` (B, K) of the clip.

    Near an end of the scale a label's Gaussian is cut off and its mean lies further inside: of the
    BDI-II's 0 at a deviation of 3 points, 2.1.

    Args:
        units: what it reads.
        hidden: width of one hidden layer; 0 makes it linear.
        dropout: on its input, in training.
        loss_on: ``clip`` compares the clip's distribution with the label's, ``unit`` takes the
            weighted mean over its units'.
        deviation: of a label's Gaussian, points.
        bins: evenly from end to end of the scale; 0 is one for each whole score.
        scale: of the scores.

    Raises:
        ValueError: an argument out of its range, a scale of two classes, or one without whole scores and
            no number of bins.
    """

    centres: Tensor

    def __init__(
        self,
        *,
        units: UnitSpec,
        hidden: Natural = 0,
        dropout: float = 0.0,
        loss_on: Literal["clip", "unit"] = "clip",
        deviation: float = 3.0,
        bins: Natural = 0,
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        refuse_classes(scale, "LabelDistribution")
        if not deviation > 0:
            raise ValueError(f"LabelDistribution.deviation is above 0 points; got {deviation}")
        if bins == 1:
            raise ValueError(
                "LabelDistribution.bins is 2 or more, or 0 for the whole scores; got 1"
            )
        if not (bins or scale.whole):
            raise ValueError(
                f"LabelDistribution.bins: the scores of {scale.name} are not whole, so say how many"
            )
        self.on_units, self.deviation = is_on_units(loss_on, "LabelDistribution"), deviation
        count = bins or round(scale.high - scale.low) + 1
        centres = torch.linspace(scale.low, scale.high, count)
        self.register_buffer("centres", centres, persistent=False)
        layers, width = hidden_layers(units.dim, [hidden] if hidden else [], dropout)
        self.classify = nn.Sequential(*layers, nn.Linear(width, count))

    def forward(self, units: Units, selection: Selection) -> Assessment:
        """Map units (B, M, D) and weights (B, M) to a score (B,)."""
        logits = self.classify(real_units(units)).float()
        distribution = self._log_shares(of_clip(logits, selection)).exp()
        unit_score = (self._log_shares(logits).exp() * self.centres).sum(-1)
        return Assessment(
            score=(distribution * self.centres).sum(-1),
            selection=selection,
            unit_score=unit_score.masked_fill(~units.valid, 0.0),
            extra={"logits": logits, "distribution": distribution},
        )

    def _log_shares(self, logits: Tensor) -> Tensor:
        """Return the logarithm of the bins' shares that logits (…, K) of the layer mean."""
        start = log_gaussian(self.centres, self.score_mean, self.score_std)
        return (logits + start).log_softmax(-1)

    def loss(
        self, inputs: Units, output: Assessment, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """Return the Kullback-Leibler ``divergence`` from the label's distribution, in nats."""
        del inputs, progress
        target = log_gaussian(self.centres, truth.score, self.deviation)
        logits = output.extra["logits"]
        if not self.on_units:
            found = self._divergence(of_clip(logits, output.selection), target).mean()
        else:
            each = self._divergence(logits, target[:, None].expand_as(logits))
            found = mean_over_units(each, output.selection.weight)
        return {"divergence": found}

    def _divergence(self, logits: Tensor, target: Tensor) -> Tensor:
        """Compare logits (…, K) with a distribution's logarithm (…, K): (…)."""
        given = self._log_shares(logits)
        return F.kl_div(given, target, reduction="none", log_target=True).sum(-1)
