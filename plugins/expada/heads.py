"""The attention heads of VAT: one query a segment, all its frames as keys and values.

Heads share nothing. Their weights are stacked, so that all heads are computed at once.
Shapes use S segments, H heads, L frames, E channels a head.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attend(query: Tensor, memory: Tensor, real: Tensor) -> Tensor:
    """Scaled dot-product attention of one query over a segment's frames.

    Args:
        query: (S, H, E).
        memory: (S, H, L, E), keys and values alike.
        real: (S, L) bool, False on padding; every segment has a real frame.

    Returns:
        (S, H, E), a convex combination of the real frames.
    """
    score = torch.einsum("she,shle->shl", query, memory).float() / math.sqrt(query.shape[-1])
    weight = score.masked_fill(~real[:, None], -torch.inf).softmax(-1)
    return torch.einsum("shl,shle->she", weight.to(memory.dtype), memory)


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


class HeadBlock(nn.Module):
    """Attention and feed-forward, each with residual and layer norm behind it.

    Args:
        heads: H.
        channels: E.
        dropout: on what attention and feed-forward give and on the latter's hidden layer.
    """

    def __init__(self, *, heads: int, channels: int, dropout: float) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.norm_attention = HeadNorm(heads, channels)
        self.norm_output = HeadNorm(heads, channels)
        self.expand = HeadLinear(heads, channels, hidden)
        self.project = HeadLinear(heads, hidden, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, query: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        """Map a query (S, H, E) over frames (S, H, L, E) to the next query (S, H, E)."""
        query = self.norm_attention(query + self.dropout(attend(query, memory, real)))
        hidden = self.dropout(F.relu(self.expand(query)))
        return self.norm_output(query + self.dropout(self.project(hidden)))
