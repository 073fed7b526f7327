"""The halves of a Restormer block (Zamir et al. 2022): channel attention, gated feed-forward.

Tensors keep the channels last, (N, H, W, C): pointwise convolutions are then matrix products, layer
norms run along memory, and depthwise convolutions take their fast path, all without a copy.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DepthwiseConv(nn.Module):
    """A 3×3 convolution of each channel by itself.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, H, W, C) to the same shape."""
        return self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class _Gram(torch.autograd.Function):
    """xᵀx of (N, P, C), whose gradient takes one product where autograd would take two."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.bmm(x.transpose(1, 2), x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.bmm(x, grads[0] + grads[0].transpose(1, 2))


class ChannelAttention(nn.Module):
    """Attention between the channels of one frame's map, added to it (Restormer's MDTA).

    Args:
        width: C, a multiple of ``heads``.
        heads: groups of channels that attend among themselves.
    """

    def __init__(self, *, width: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 3 * width)
        self.mix = DepthwiseConv(3 * width)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, H, W, C) to the same shape."""
        mixed = self.mix(self.expand(self.norm(x))).flatten(1, 2)
        query_key, value = mixed.split([2 * self.width, self.width], dim=-1)
        transfer = self._transfer(self._attention(query_key))
        flat = torch.baddbmm(x.flatten(1, 2), value, transfer) + self.project.bias
        return flat.view_as(x)

    def _attention(self, query_key: Tensor) -> Tensor:
        """Map (N, P, 2C) to (N, heads, c, c), rows summing to 1, c = C / heads."""
        # One product holds every norm (its diagonal) and every query-key pair.
        with torch.autocast(query_key.device.type, enabled=False):
            gram = _Gram.apply(query_key.to(torch.promote_types(query_key.dtype, torch.float32)))
        norm = gram.diagonal(dim1=1, dim2=2).clamp_min(1e-12).sqrt()
        query_norm, key_norm = norm.split(self.width, dim=-1)
        scores = gram[:, : self.width, self.width :] / (
            query_norm.unsqueeze(2) * key_norm.unsqueeze(1)
        )
        size = self.width // self.heads
        blocks = scores.unflatten(1, (self.heads, size)).unflatten(3, (self.heads, size))
        own = blocks.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)
        return torch.softmax(own * self.temperature, dim=-1)

    def _transfer(self, attention: Tensor) -> Tensor:
        """Join attention and output projection into one matrix a frame, (N, C, C)."""
        weight = self.project.weight.unflatten(1, (self.heads, -1))
        return torch.einsum("nhij,ohi->nhjo", attention.to(weight.dtype), weight).flatten(1, 2)


class GatedFeedForward(nn.Module):
    """Restormer's GDFN: two expanded halves, one gating the other, added to the input.

    Args:
        width: C.
        expansion: hidden width over ``width``.
    """

    def __init__(self, *, width: int, expansion: float) -> None:
        super().__init__()
        hidden = int(width * expansion)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * hidden)
        self.mix = DepthwiseConv(2 * hidden)
        self.project = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, H, W, C) to the same shape."""
        gate, content = self.mix(self.expand(self.norm(x))).chunk(2, dim=-1)
        return x + self.project(F.gelu(gate) * content)
