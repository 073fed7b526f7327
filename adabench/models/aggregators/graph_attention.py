"""Graph attention over nodes so few that a dense mask stands in place of a list of edges."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Slope of the scores' leaky ReLU below 0 (section 2.1).
_SLOPE = 0.2


class GraphAttention(nn.Module):
    """One layer of graph attention (GAT: Velickovic et al. 2018, Eq 1 to 5), heads side by side.

    Args:
        channels: of a node.
        width: of a node's output, in each head.
        heads: each with weights of its own.
        dropout: on the attention, in training.
    """

    def __init__(self, channels: int, width: int, *, heads: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.project = nn.Linear(channels, heads * width, bias=False)
        self.hear, self.tell = (nn.Parameter(torch.empty(heads, width)) for _ in range(2))
        self.bias = nn.Parameter(torch.zeros(heads * width))
        self.drop = nn.Dropout(dropout)
        for weight in (self.project.weight, self.hear, self.tell):
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Map nodes (B, N, channels) to (B, N, heads · width).

        ``edges`` (B or 1, N, N) bool says of [i, j] whether i hears j, and of [i, i] always that it does.
        """
        nodes = self.project(x).unflatten(-1, self.hear.shape).transpose(1, 2)
        hear = (nodes * self.hear[:, None]).sum(-1)
        tell = (nodes * self.tell[:, None]).sum(-1)
        score = functional.leaky_relu(hear[..., :, None] + tell[..., None, :], _SLOPE).float()
        share = score.masked_fill(~edges[:, None], -torch.inf).softmax(-1)
        heard = self.drop(share).to(nodes.dtype) @ nodes
        found: Tensor = heard.transpose(1, 2).flatten(2) + self.bias
        return found


class GraphNetwork(nn.Module):
    """Layers of graph attention; all but the last have ``heads`` heads that share the width, and an ELU.

    What goes into a layer is added to what comes out where both are as wide.

    Args:
        channels: of a node.
        width: of a node's output, a multiple of ``heads``.
        heads: of all layers but the last, which has one.
        layers: one above the other.
        dropout: on each layer's input and attention, in training.
        name: of the part, for errors.

    Raises:
        ValueError: a width that the heads can't share.
    """

    def __init__(
        self, channels: int, width: int, *, heads: int, layers: int, dropout: float, name: str
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{name}.width is a multiple of its {heads} heads; got {width}")
        self.drop = nn.Dropout(dropout)
        given = [channels] + [width] * (layers - 1)
        shared = [heads] * (layers - 1) + [1]
        self.layers = nn.ModuleList(
            GraphAttention(c, width // h, heads=h, dropout=dropout)
            for c, h in zip(given, shared, strict=True)
        )

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Map nodes (B, N, channels) to (B, N, width); ``edges`` as of one layer."""
        for number, layer in enumerate(self.layers, start=1):
            found = layer(self.drop(x), edges)
            found = found + x if found.shape == x.shape else found
            x = found if number == len(self.layers) else functional.elu(found)
        return x
