"""DFS, discriminative feature selection: the units that speak for the clip's level (Eq 8-10)."""

from __future__ import annotations

from torch import Tensor, nn

from adabench.evaluation import BDI_II, Scale
from adabench.models import Selector, even_weights, largest_units
from adabench.registry import MODELS
from adabench.structures import Natural, Selection, Truth, Units, UnitSpec

from .losses import weak_level_loss
from .selection import (
    keep_count,
    level_evidence,
    level_probability,
    most_confident,
    most_frequent_level,
    of_level,
    relevance_share,
)

#: What ``DFS.select`` and ``DFS.level`` name.
SELECT = ("sdr", "own_level")
LEVEL = ("argmax", "mode")


@MODELS.register_module()
class DFS(Selector):
    """Keeps the ``percent`` % of units that are most relevant to the level it predicts.

    ``Selection.relevance`` is the segment depression relevance score (SDR), R̂ at the predicted
    level, not normalised; ``level_scores`` (B, A) is z of Eq 10. ``extra`` holds ``probability``
    and ``share``, P and R (B, M, A), and ``level`` (B,), the predicted I. The label has no part in
    it, in training either.

    Args:
        units: what it reads.
        percent: selection ratio, 1 to 100; K = max(1, percent · M // 100) of a clip's M valid units.
        select: ``sdr`` keeps the K units of largest SDR; ``own_level`` (Eq 5) the K most confident
            of those whose own level is I, fewer if there are fewer, and by SDR if there are none.
        level: I as the ``argmax`` of z, or as the ``mode`` of the units' own levels (Eq 4).
        hidden: width of the hidden layer of both branches; 0 makes them linear.
        dropout: on the branches' inputs, in training.
        scale: whose A levels are told apart.

    Raises:
        ValueError: a ratio outside 1 to 100, or an unknown ``select`` or ``level``.
        TypeError: a ratio that is no whole number.
    """

    def __init__(
        self,
        *,
        units: UnitSpec,
        percent: int = 20,
        select: str = "sdr",
        level: str = "argmax",
        hidden: Natural = 128,
        dropout: float = 0.0,
        scale: Scale = BDI_II,
    ) -> None:
        super().__init__()
        if not isinstance(percent, int):
            raise TypeError(
                f"DFS.percent is a whole number of per cent (20 for 0.2); got {percent}"
            )
        if not 1 <= percent <= 100:
            raise ValueError(f"DFS.percent is 1 to 100; got {percent}")
        for name, value, known in (("select", select, SELECT), ("level", level, LEVEL)):
            if value not in known:
                raise ValueError(f"DFS.{name} is one of {', '.join(known)}; got {value!r}")
        self.percent, self.select, self.level = percent, select, level
        self.classify = _branch(units.dim, hidden, dropout, len(scale.levels), bias=True)
        # One number added to every unit's logit leaves a softmax over units as it is.
        self.relate = _branch(units.dim, hidden, dropout, len(scale.levels), bias=False)

    def forward(self, units: Units) -> Selection:
        """Map units (B, M, D) to weights (B, M): 1/K on the K kept units."""
        x = units.x.masked_fill(~units.valid[..., None], 0.0)
        probability = level_probability(self.classify(x))
        share = relevance_share(self.relate(x), units.valid)
        evidence, z = level_evidence(probability, share)
        level = z.argmax(-1)
        if self.level == "mode":
            level = most_frequent_level(probability, units.valid, z)
        relevance = of_level(evidence, level)
        kept = self._keep(probability.detach(), relevance.detach(), level, units.valid)
        return Selection(
            weight=even_weights(kept),
            relevance=relevance,
            level_scores=z,
            extra={"probability": probability, "share": share, "level": level},
        )

    def _keep(self, probability: Tensor, relevance: Tensor, level: Tensor, valid: Tensor) -> Tensor:
        count = keep_count(valid.sum(-1), self.percent)
        by_relevance = largest_units(relevance, count, valid)
        if self.select == "sdr":
            return by_relevance
        agreeing = most_confident(probability, level, count, valid)
        return agreeing | (by_relevance & ~agreeing.any(-1, keepdim=True))

    def loss(
        self, inputs: Units, output: Selection, truth: Truth, progress: float
    ) -> dict[str, Tensor]:
        """L_WSL (Eq 13) of z against the clip's level."""
        del inputs, progress
        if output.level_scores is None:
            return {}
        return {"wsl": weak_level_loss(output.level_scores, truth.level)}


def _branch(
    channels: int, hidden: int, dropout: float, levels: int, *, bias: bool
) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    if hidden:
        layers += [nn.Linear(channels, hidden), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(hidden or channels, levels, bias=bias))
