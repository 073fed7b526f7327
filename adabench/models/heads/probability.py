"""The score of two classes: a probability, and the loss that fits it."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from adabench.evaluation.scale import Scale
from adabench.models.heads.losses import mean_over_units, score_losses
from adabench.structures import Assessment, Selection, Truth

CROSS_ENTROPY = "cross_entropy"


def fitting_losses(scale: Scale, loss: str | None, name: str) -> tuple[str, ...]:
    """Return the losses that a head takes on a scale: those of its config, or what the scale wants.

    Args:
        scale: of the corpus's scores.
        loss: ``cross_entropy``, or of `score_losses`; None takes the first where the scale has classes,
            and otherwise ``mse``.
        name: of the head, for messages.

    Raises:
        ValueError: neither of the two, or the cross-entropy on a scale without classes.
    """
    if loss is None:
        return (CROSS_ENTROPY,) if scale.classes else ("mse",)
    if loss != CROSS_ENTROPY:
        try:
            return score_losses(loss)
        except ValueError as error:
            raise ValueError(
                f"{name}.loss: {error}; or {CROSS_ENTROPY!r}, of two classes"
            ) from None
    if not scale.classes:
        raise ValueError(
            f"{name}.loss={loss!r} is of two classes, and the scale is {scale.name}, in {scale.unit}: "
            "leave it out, or prepare the corpus with a scale of classes"
        )
    return (CROSS_ENTROPY,)


def refuse_classes(scale: Scale, name: str) -> None:
    """Refuse a scale of two classes for a head of points.

    Raises:
        ValueError: with the head's name and the remedy.
    """
    if scale.classes:
        raise ValueError(
            f"{name} gives points, and the scale {scale.name!r} has two classes: take UnitRegressor, "
            "whose score is then a probability"
        )


def assess_logits(logit: Tensor, valid: Tensor, selection: Selection) -> Assessment:
    """Return the probability of class 1 whose log odds are the weighted mean of the units'.

    Args:
        logit: (B, M), log odds of each unit; they stand in ``extra["logit"]``.
        valid: (B, M) bool.
        selection: whose weights are taken.
    """
    logit = logit.float().masked_fill(~valid, 0.0)
    return Assessment(
        score=(selection.weight * logit).sum(-1).sigmoid(),
        selection=selection,
        unit_score=logit.sigmoid().masked_fill(~valid, 0.0),
        extra={"logit": logit},
    )


def cross_entropy(output: Assessment, truth: Truth, *, on_units: bool) -> Tensor:
    """Return the cross-entropy of what :func:`assess_logits` gave, of the clips or over their units."""
    logit, weight = output.extra["logit"], output.selection.weight
    if not on_units:
        return binary_cross_entropy_with_logits((weight * logit).sum(-1), truth.score)
    target = truth.score[:, None].expand_as(logit)
    each = binary_cross_entropy_with_logits(logit, target, reduction="none")
    return mean_over_units(each, weight)
