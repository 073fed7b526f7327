"""A clip's channels as a graph, each told by its spectrum over the steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from adabench.bounds import Count, Share
from adabench.models.aggregators.graph_attention import GraphNetwork
from adabench.models.aggregators.pooling import fold, masked_median
from adabench.models.aggregators.units import clip_unit
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


def spectra(x: Tensor, valid: Tensor, resolution: int) -> Tensor:
    """Return amplitude, real and imaginary part of each channel's spectrum over the valid steps.

    From each channel its median is taken away. The spectrum is told at k / R cycles a step, which are the
    same for clips of any length L (Song et al. 2022): the bins k · L / R of a transform of L = qR steps are
    those of one of the sum of its q fragments of R steps. Divided by L. The phase jumps where an
    amplitude vanishes; real and imaginary part tell it and don't.

    Args:
        x: (B, T', D).
        valid: (B, T') bool.
        resolution: R, in steps.

    Returns:
        (B, D, 3 (R // 2 + 1)) float32.
    """
    x = x.float()
    x = (x - masked_median(x, valid)[:, None]).masked_fill(~valid[..., None], 0.0)
    found = torch.fft.rfft(fold(x, resolution).sum(1), dim=1)
    found = found / valid.sum(1).clamp_min(1)[:, None, None]
    return torch.cat([found.abs(), found.real, found.imag], dim=1).transpose(1, 2)


@MODELS.register_module()
class SpectralGraph(Aggregator):
    """Graph attention over channels by their spectra (SPG of Xu et al. 2024): the clip's only unit.

    Nodes are channels, each connected to all; a unit is their mean. Xu et al. print 4 layers, 6 heads
    and a width of 42, over a code of few channels.

    Args:
        features: what it reads.
        resolution: steps R of the spectrum; its R // 2 + 1 frequencies are k / R cycles a step.
        nodes: channels to which a linear layer brings the steps first; None takes them as they are.
            Attention grows with their square.
        width: channels of a unit, a multiple of ``heads``.
        heads: of each layer but the last, which has one; they share the width among them.
        layers: one above the other.
        dropout: on each layer's input and attention, in training.

    Raises:
        ValueError: a width that the heads can't share.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        resolution: Count = 16,
        nodes: Count | None = None,
        width: Count = 42,
        heads: Count = 6,
        layers: Count = 4,
        dropout: Share = 0.1,
    ) -> None:
        super().__init__()
        self.resolution = resolution
        # What is the same at each step the median takes away again: no bias.
        self.embed = (
            nn.Identity() if nodes is None else nn.Linear(features.vector, nodes, bias=False)
        )
        self.network = GraphNetwork(
            3 * (resolution // 2 + 1),
            width,
            heads=heads,
            layers=layers,
            dropout=dropout,
            name="SpectralGraph",
        )
        self._spec = UnitSpec(dim=width, per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels, one unit a clip."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to the clip's unit (B, 1, width)."""
        valid = features.valid
        x = self.embed(features.vector.masked_fill(~valid[..., None], 0.0))
        with torch.autocast(x.device.type, enabled=False):
            nodes = spectra(x, valid, self.resolution)
        every = torch.ones(1, *nodes.shape[1:2] * 2, dtype=torch.bool, device=x.device)
        return clip_unit(self.network(nodes, every).mean(1), features)
