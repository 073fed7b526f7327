"""The attention heads of VAT: one query a segment, all its frames as keys and values.

Heads share nothing. Their weights are stacked, so that all heads are computed at once.
Shapes use S segments, H heads, L frames, E channels a head.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attend(query: Tensor, keys: Tensor, values: Tensor, real: Tensor) -> Tensor:
    """Scaled dot-product attention of one query over a segment's frames.

    Args:
        query: (S, H, E).
        keys, values: (S, H, L, E) each.
        real: (S, L) bool, False on padding; every segment has a real frame.

    Returns:
        (S, H, E), a convex combination of the real frames' values.
    """
    score = torch.einsum("she,shle->shl", query, keys).float() / math.sqrt(query.shape[-1])
    weight = score.masked_fill(~real[:, None], -torch.inf).softmax(-1)
    return torch.einsum("shl,shle->she", weight.to(values.dtype), values)


class HeadNorm(nn.Module):
    """Layer norm over the channels of each head, with weights of its own."""

    def __init__(self, heads: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(heads, channels))
        self.bias = nn.Parameter(torch.zeros(heads, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (S, H, E) to (S, H, E)."""
        return F.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


class HeadLinear(nn.Module):
    """A linear layer a head, each started as ``nn.Linear`` starts one."""

    def __init__(self, heads: int, channels: int, out: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(channels)
        self.weight = nn.Parameter(torch.empty(heads, channels, out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(heads, out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map (S, H, E) to (S, H, out)."""
        return torch.einsum("she,heo->sho", x, self.weight) + self.bias


class HeadProjections(nn.Module):
    """Query, keys and values of a block by linear layers of their own, a head each, E to E channels.

    They have no bias: one of the keys would be invisible to the softmax.
    """

    def __init__(self, heads: int, channels: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(channels)
        weight = torch.empty(3, heads, channels, channels).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)

    def forward(self, query: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map a query (S, H, E) and frames (S, H, L, E) to query, keys and values of their shapes."""
        of_query, of_keys, of_values = self.weight
        query = torch.einsum("she,heo->sho", query, of_query)
        keys, values = (torch.einsum("shle,heo->shlo", memory, w) for w in (of_keys, of_values))
        return query, keys, values


class HeadBlock(nn.Module):
    """Attention and feed-forward, each with residual and layer norm behind it.

    Args:
        heads: H.
        channels: E.
        dropout: on what attention and feed-forward give and on the latter's hidden layer.
        projections: attend by projections of query and frames, not by these themselves.
    """

    def __init__(
        self, *, heads: int, channels: int, dropout: float, projections: bool = False
    ) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.norm_attention = HeadNorm(heads, channels)
        self.norm_output = HeadNorm(heads, channels)
        self.expand = HeadLinear(heads, channels, hidden)
        self.project = HeadLinear(heads, hidden, channels)
        self.dropout = nn.Dropout(dropout)
        self.projections = HeadProjections(heads, channels) if projections else None

    def forward(self, query: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        """Map a query (S, H, E) over frames (S, H, L, E) to the next query (S, H, E)."""
        asked = (query, memory, memory)
        if self.projections is not None:
            asked = self.projections(query, memory)
        query = self.norm_attention(query + self.dropout(attend(*asked, real)))
        hidden = self.dropout(F.relu(self.expand(query)))
        return self.norm_output(query + self.dropout(self.project(hidden)))
