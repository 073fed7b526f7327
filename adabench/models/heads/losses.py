"""Losses of a score, where the training scores have mean 0 and deviation 1, and of its level."""

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


def mean_over_units(values: Tensor, weight: Tensor) -> Tensor:
    """Weigh values of units (B, M) by the selection (B, M), and average over clips."""
    return (weight * values).sum(-1).mean()


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
        found = mean_over_units(EACH[name](score, target[:, None].expand_as(score)), weight)
    return found.clamp_min(_LEAST).sqrt() if name == "rmse" else found


def pinball_loss(quantiles: Tensor, target: Tensor, shares: Tensor) -> Tensor:
    """Return the pinball loss of quantiles (…, Q), averaged over them: (…).

    The q-quantile below its target by e costs q·e, and above it by e (1 - q)·e (Koenker & Bassett
    1978).

    Args:
        quantiles: (…, Q).
        target: broadcasts against (…).
        shares: (Q,), the q of each.
    """
    short = target[..., None] - quantiles
    return torch.maximum(shares * short, (shares - 1) * short).mean(-1)


def threshold_loss(logits: Tensor, level: Tensor) -> Tensor:
    """Return the cross-entropy of units' logits (B, M, A - 1) with I[level > k], summed over k: (B, M)."""
    threshold = torch.arange(logits.shape[-1], device=logits.device)
    return _level_entropy(logits, (level[:, None] > threshold).float()).sum(-1)


def one_hot_loss(logits: Tensor, level: Tensor) -> Tensor:
    """Return the cross-entropy of units' logits (B, M, A) with the one-hot level, a mean over A: (B, M)."""
    return _level_entropy(logits, F.one_hot(level, logits.shape[-1]).float()).mean(-1)


def _level_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of unit logits (B, M, K) with the clip's targets (B, K)."""
    return F.binary_cross_entropy_with_logits(
        logits.float(), target[:, None].expand_as(logits), reduction="none"
    )
