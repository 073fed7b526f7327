"""The score of two classes: a probability, and the loss that fits it."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from adabench.evaluation.scale import Scale
from adabench.structures import Assessment, Selection, Truth

SQUARED_ERROR = "squared_error"
CROSS_ENTROPY = "cross_entropy"


def fitting_loss(scale: Scale, loss: str | None, name: str) -> str:
    """Return the loss that a head takes on a scale: what its config says, or what the scale wants.

    Args:
        scale: of the corpus's scores.
        loss: ``squared_error`` or ``cross_entropy``; None takes the second where the scale has classes.
        name: of the head, for messages.

    Raises:
        ValueError: neither of the two, or the cross-entropy on a scale without classes.
    """
    if loss is None:
        return CROSS_ENTROPY if scale.classes else SQUARED_ERROR
    if loss not in (SQUARED_ERROR, CROSS_ENTROPY):
        raise ValueError(
            f"{name}.loss is {SQUARED_ERROR!r} or {CROSS_ENTROPY!r}, or left out; got {loss!r}"
        )
    if loss == CROSS_ENTROPY and not scale.classes:
        raise ValueError(
            f"{name}.loss={loss!r} is of two classes, and the scale is {scale.name}, in {scale.unit}: "
            "leave it out, or prepare the corpus with a scale of classes"
        )
    return loss


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
    return (weight * each).sum(-1).mean()
