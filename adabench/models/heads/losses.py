"""Losses of a score, on the scale on which the training scores have mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from adabench.hints import did_you_mean

Each = Callable[[Tensor, Tensor], Tensor]


def _balanced(score: Tensor, target: Tensor) -> Tensor:
    """Return the balanced error of each score (B, M): how well it finds its own label in the batch.

    The batch-based form of Ren et al. 2022 (Eq 3.9) with a noise variance of 1: scores near labels that
    the batch has often count less.
    """
    labels = target[:, 0]
    logits = -(score[..., None] - labels).square() / 2
    own = torch.arange(len(labels), device=score.device)[:, None].expand_as(score)
    return 2 * F.cross_entropy(logits.flatten(0, 1), own.flatten(), reduction="none").view_as(score)


#: Errors of units (B, M) against labels (B, M).
EACH: Mapping[str, Each] = MappingProxyType(
    {
        "mse": lambda score, target: F.mse_loss(score, target, reduction="none"),
        "l1": lambda score, target: F.l1_loss(score, target, reduction="none"),
        "huber": lambda score, target: F.huber_loss(score, target, reduction="none"),
        "rmse": lambda score, target: F.mse_loss(score, target, reduction="none"),
        "balanced": _balanced,
    }
)
# A root has no gradient at 0.
_LEAST = 1e-12


def score_losses(loss: str) -> tuple[str, ...]:
    """Return the names in a head's ``loss``: one of `EACH`, or several joined by ``+``.

    Raises:
        ValueError: another name, or one twice.
    """
    names = tuple(loss.split("+"))
    for name in names:
        if name not in EACH:
            raise ValueError(
                f"no loss is called {name!r}.{did_you_mean(name, EACH)} Known: {', '.join(EACH)}, or "
                "several joined by +"
            )
    if len(set(names)) < len(names):
        raise ValueError(f"a loss stands twice in {loss!r}")
    return names


def score_loss(name: str, score: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return a loss of standardised scores, a scalar.

    Args:
        name: of `EACH`.
        score: (B,) of clips, or (B, M) of their units.
        target: (B,) of clips.
        weight: (B, M) of units, which sum to 1 over M; None for scores of clips.
    """
    if weight is None:
        found = EACH[name](score[:, None], target[:, None]).mean()
    else:
        found = (weight * EACH[name](score, target[:, None].expand_as(score))).sum(-1).mean()
    return found.clamp_min(_LEAST).sqrt() if name == "rmse" else found
