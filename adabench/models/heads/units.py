"""What heads share that give units scores: their layers, the clip's score, and its losses."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from adabench.models.heads.losses import score_loss
from adabench.models.roles import Head
from adabench.structures import Assessment, Selection, Truth, Units


def hidden_layers(
    dim: int, hidden: Sequence[int], dropout: float = 0.0
) -> tuple[list[nn.Module], int]:
    """Return hidden layers with GELU over vectors of ``dim`` channels, and how many channels they give.

    Args:
        dim: of what they read.
        hidden: their widths; none leaves the vectors as they are.
        dropout: on what each reads, or where there is none on the vectors, in training.
    """
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [*_dropped(dropout), nn.Linear(dim, width), nn.GELU()]
        dim = width
    return layers or _dropped(dropout), dim


def _dropped(dropout: float) -> list[nn.Module]:
    return [nn.Dropout(dropout)] if dropout else []


def is_on_units(loss_on: str, name: str) -> bool:
    """Return whether a head's loss is of its units, not of the clip.

    Raises:
        ValueError: ``loss_on`` is neither, with the head's name.
    """
    if loss_on not in ("clip", "unit"):
        raise ValueError(f"{name}.loss_on is 'clip' or 'unit'; got {loss_on!r}")
    return loss_on == "unit"


def real_units(units: Units) -> Tensor:
    """Return the units' vectors (B, M, D) with zeros for padding, whatever stands there."""
    return units.x.masked_fill(~units.valid[..., None], 0.0)


def of_clip(values: Tensor, selection: Selection) -> Tensor:
    """Return the weighted mean of units' vectors (B, M, C): (B, C)."""
    return (selection.weight[..., None] * values).sum(1)


def assess_units(score: Tensor, valid: Tensor, selection: Selection) -> Assessment:
    """Return the weighted mean of the units' scores as the clip's.

    Args:
        score: (B, M), points.
        valid: (B, M) bool.
        selection: whose weights are taken.
    """
    score = score.masked_fill(~valid, 0.0)
    return Assessment(
        score=(selection.weight * score).sum(-1), selection=selection, unit_score=score
    )


def standardised_losses(
    head: Head, output: Assessment, truth: Truth, names: Sequence[str], *, on_units: bool
) -> dict[str, Tensor]:
    """Return losses of standardised scores by name, of the clips or over their units.

    Args:
        head: which standardises.
        output: what it gave.
        truth: of the batch.
        names: of `losses.EACH`.
        on_units: take the weighted mean of the units' losses.
    """
    score, weight = output.score, None
    if on_units and output.unit_score is not None:
        score, weight = output.unit_score, output.selection.weight
    given, target = head.standardise(score), head.standardise(truth.score)
    return {name: score_loss(name, given, target, weight) for name in names}
