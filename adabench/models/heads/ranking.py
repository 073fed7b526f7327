"""Whether vectors are as near to each other as their labels are, by ranks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def shared_ranks(values: Tensor) -> Tensor:
    """Return ranks along the last axis, 1 for the smallest; equal values share their mean: (…, N)."""
    below = (values[..., None, :] < values[..., :, None]).sum(-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(-1)
    return below + (equal + 1) / 2


def rank_similarity_loss(vectors: Tensor, labels: Tensor, step: float = 1.0) -> Tensor:
    """Return how far the ranks of cosines are from those of the labels' nearness, a scalar.

    For each of N vectors the ranks of the others' cosines to it, over N, are compared with those of
    -|y_i - y_j| by a mean square, and the N are summed (Gong, Mori & Tung 2022, *RankSim*). A rank has
    no slope: in its place stands how ranks change where the cosines go a step down the error's slope
    (Vlastelica et al. 2020). Of vectors with the same label the first counts.

    Args:
        vectors: (N, D).
        labels: (N,).
        step: λ, of that interpolation, above 0; a factor of the loss doesn't change it.
    """
    new = ~(labels[:, None] == labels).tril(-1).any(1)
    vectors, labels = F.normalize(vectors[new].float(), dim=-1), labels[new]
    # In half precision cosines would be tied.
    with torch.autocast(vectors.device.type, enabled=False):
        cosine = vectors @ vectors.T
    count = len(labels)
    wanted = shared_ranks(-(labels[:, None] - labels).abs()) / count
    with torch.no_grad():
        ranks = shared_ranks(cosine) / count
        error = ranks - wanted
        moved = shared_ranks(cosine - step * 2 * error / count) / count
        slope = (ranks - moved) / step
    found = error.square().mean(-1).sum()
    # The slope's product with the cosines is 0 in value.
    return found + (slope * (cosine - cosine.detach())).sum()
