"""Balanced assignment of tokens to prototypes (Eq 7 to 10)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: κ, the paper's.
KAPPA = 0.05
#: Where to stop; enough for the largest entry of a row, and a float32 logarithm gets no finer.
ITERATIONS = 200
TOLERANCE = 1e-4


@torch.no_grad()
def sinkhorn(
    similarity: Tensor,
    kappa: float = KAPPA,
    *,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """Sinkhorn-Knopp in the log domain: the entropic optimum of Eq 9 under the sums of Eq 8.

    A = diag(u) exp(S / κ) diag(v) with A ≥ 0, A 1_K = 1_N / N and Aᵀ 1_N = 1_K / K.

    Args:
        similarity: S (N, K), cosines.
        kappa: κ > 0, strength of the entropy term.
        iterations: at most so many.
        tolerance: stop when no column's sum is further from 1/K than this share of 1/K.

    Returns:
        A (N, K).
    """
    tokens, prototypes = similarity.shape
    log_kernel = similarity / kappa
    log_row, log_column = -math.log(tokens), -math.log(prototypes)
    v = similarity.new_zeros(prototypes)
    for step in range(iterations):
        u = log_row - torch.logsumexp(log_kernel + v, dim=1)
        gap = log_column - torch.logsumexp(log_kernel + u[:, None], dim=0)
        # gap − v is the logarithm of wanted over present column sum.
        settled = step % 10 == 9 and bool((gap - v).abs().max() < tolerance)
        v = gap
        if settled:
            break
    u = log_row - torch.logsumexp(log_kernel + v, dim=1)
    return torch.exp(log_kernel + u[:, None] + v)
