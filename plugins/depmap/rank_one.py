"""Attention whose scores are an outer product: softmax(q kᵀ) over C channels (Eq 1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# exp of it is 1.8e-35, far below what is left of a sum of which one term is 1.
_DEEPEST = -80.0


def channel_attention(query: Tensor, key: Tensor, value: Tensor, gamma: Tensor) -> Tensor:
    """Return γ · softmax(q kᵀ) · value + value, a C×C attention whose inner size is 1.

    Args:
        query: (N, C).
        key: (N, C).
        value: (N, C, P), a map whose P places are flattened.
        gamma: scalar.

    Returns:
        (N, C, P) in ``value``'s type; computed in float32 or above.
    """
    wide = torch.promote_types(value.dtype, torch.float32)
    with torch.autocast(value.device.type, enabled=False):
        given = (query.to(wide), key.to(wide), value.to(wide), gamma.to(wide))
        few_places = value.shape[2] < value.shape[1]
        out = _FewPlaces.apply(*given) if few_places else _many_places(*given)
    return out.to(value.dtype)


def _many_places(query: Tensor, key: Tensor, value: Tensor, gamma: Tensor) -> Tensor:
    # As a product of matrices: the gradient of a broadcast product would hold two more C×C tensors.
    attention = torch.softmax(torch.bmm(query.unsqueeze(2), key.unsqueeze(1)), dim=-1)
    return torch.baddbmm(value, attention, gamma * value)


class _FewPlaces(torch.autograd.Function):
    """The same for P < C, where C×C tensors and not products with them cost the time.

    One such tensor is made, E = exp(q kᵀ − its row's largest), and kept. With A = E / rowsum(E),
    o = A v, and the gradient g of γ · o, rᵢ = Σₚ gᵢₚ oᵢₚ, the gradients need products of E with thin
    matrices only:

    - dqᵢ = Σₚ gᵢₚ (A (k v))ᵢₚ − rᵢ (A k)ᵢ
    - dkⱼ = Σₚ vⱼₚ (Aᵀ (q g))ⱼₚ − (Aᵀ (q r))ⱼ
    - dv = Aᵀ g
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, gamma: Tensor) -> Tensor:
        # The largest q_i k_j of a row lies at the largest or at the smallest key.
        ends = key.aminmax(dim=1, keepdim=True)
        peak = torch.maximum(query * ends.min, query * ends.max)
        left = torch.stack([query, -peak], dim=2)
        # Kept above where float32 ends: exp_ takes ten times as long for values that underflow.
        depth = torch.bmm(left, torch.stack([key, torch.ones_like(key)], dim=1))
        kernel = depth.clamp_(min=_DEEPEST).exp_()
        total = kernel.sum(-1, keepdim=True)
        attended = torch.bmm(kernel, value).div_(total)
        ctx.save_for_backward(query, key, value, gamma, kernel, total, attended)
        return torch.addcmul(value, gamma, attended)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        query, key, value, gamma, kernel, total, attended = ctx.saved_tensors
        grad, places = grads[0], value.shape[2]
        row = (grad * attended).sum(-1, keepdim=True)
        scaled = gamma * grad / total
        column_query, column_key = query.unsqueeze(2), key.unsqueeze(2)
        share = gamma * row / total
        forth = torch.bmm(kernel, torch.cat([column_key * value, column_key], dim=-1))
        to_query = (scaled * forth[..., :places]).sum(-1) - (share * forth[..., places:]).squeeze(2)
        thin = torch.cat([scaled, column_query * scaled, column_query * share], dim=-1)
        back = torch.bmm(kernel.transpose(1, 2), thin)
        own, by_query, rest = back.split([places, places, 1], dim=-1)
        to_key = (value * by_query).sum(-1) - rest.squeeze(2)
        return to_query, to_key, grad + own, row.sum()
