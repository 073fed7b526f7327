"""Multilayer perceptrons whose gates mix a clip's steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from adabench.bounds import Count
from adabench.models.aggregators.units import step_units
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec

# Deviation of a gate's weights at the start; its bias is 1, so that it lets everything through.
_NEAR_ZERO = 1e-2


def _gate(size: int) -> nn.Linear:
    gate = nn.Linear(size, size)
    nn.init.normal_(gate.weight, std=_NEAR_ZERO)
    nn.init.ones_(gate.bias)
    return gate


class StepGate(nn.Module):
    """A linear map of each channel's steps, a weight for each pair of them (Liu et al. 2021, Eq 3)."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.mix = _gate(frames)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Map (B, T', C) to the same shape, at most ``frames`` steps; padding tells the others nothing."""
        steps = x.shape[1]
        x = x.masked_fill(~valid[..., None], 0.0).transpose(1, 2)
        mix, bias = self.mix.weight[:steps, :steps], self.mix.bias[:steps]
        return functional.linear(x, mix, bias).transpose(1, 2)


class _Gated(nn.Module):
    """One block of a gated MLP: x + U (z₁ ⊙ gate(norm(z₂))), z₁ and z₂ from V norm(x)."""

    def __init__(self, width: int, hidden: int, frames: int) -> None:
        super().__init__()
        self.norm, self.gate_norm = nn.LayerNorm(width), nn.LayerNorm(hidden)
        self.widen, self.narrow = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width)
        self.gate = StepGate(frames)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Map (B, T', width) to the same shape."""
        through, asked = functional.gelu(self.widen(self.norm(x))).chunk(2, dim=-1)
        gated: Tensor = x + self.narrow(through * self.gate(self.gate_norm(asked), valid))
        return gated


class _DualGated(nn.Module):
    """One block with two gates on what is not projected: x + n ⊙ channels(n) ⊙ steps(n), n = norm(x)."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.channels, self.steps = _gate(width), StepGate(frames)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Map (B, T', width) to the same shape."""
        normed = self.norm(x)
        gated: Tensor = x + normed * self.channels(normed) * self.steps(normed, valid)
        return gated


class _FixedSteps(Aggregator):
    """Blocks whose weights are for a number of steps; a clip with fewer uses a part of them."""

    def __init__(
        self,
        features: FeatureSpec,
        *,
        embed: nn.Module,
        width: int,
        layers: int,
        frames: int,
        block: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        self.frames, self.embed = frames, embed
        self.blocks = nn.ModuleList(block() for _ in range(layers))
        self._spec = UnitSpec(dim=width, per_step=True, features=features)

    @property
    def spec(self) -> UnitSpec:
        """A unit a step."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map vectors (B, T', D) to units (B, T', width).

        Raises:
            ValueError: a clip with more valid steps than ``frames``.
        """
        steps, valid = features.valid.shape[1], features.valid[:, : self.frames]
        if steps > self.frames and bool(features.valid[:, self.frames :].any()):
            self._refuse(features.valid)
        x = features.vector[:, : self.frames].masked_fill(~valid[..., None], 0.0)
        x = self.embed(x)
        for block in self.blocks:
            x = block(x, valid)
        return step_units(functional.pad(x, (0, 0, 0, steps - x.shape[1])), features)

    def _refuse(self, valid: Tensor) -> None:
        name, places = type(self).__name__, torch.arange(1, valid.shape[1] + 1, device=valid.device)
        came = int((places * valid).amax())
        raise ValueError(
            f"{name}.frames is {self.frames} steps, for which its gates have weights, and a clip has "
            f"{came}: read clips by StridedView(frames={self.frames}), or set frames={came}"
        )


@MODELS.register_module()
class GatedMLP(_FixedSteps):
    """A gated MLP over steps (gMLP: Liu et al. 2021, Fig 1): no attention, a fixed weight a pair of steps.

    Args:
        features: what it reads.
        width: channels of a unit; a linear layer brings the steps to it.
        layers: blocks.
        frames: the most steps of a clip; one with fewer is padded. As `StridedView.frames`.
        expansion: channels within a block, as a multiple of ``width``; as many again are the gate's.
    """

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 64,
        layers: Count = 2,
        frames: Count = 16,
        expansion: Count = 2,
    ) -> None:
        super().__init__(
            features,
            embed=nn.Linear(features.vector, width),
            width=width,
            layers=layers,
            frames=frames,
            block=lambda: _Gated(width, expansion * width, frames),
        )


@MODELS.register_module()
class DualGatedMLP(_FixedSteps):
    """Gates across channels and across steps on the unprojected input (DepressionMLP: Niu et al. 2024).

    A channel of a unit is the same channel of the step, such as one action unit, through all blocks.

    Args:
        features: what it reads; its channels stay as they are.
        layers: blocks.
        frames: the most steps of a clip; one with fewer is padded. As `StridedView.frames`.
    """

    def __init__(self, *, features: FeatureSpec, layers: Count = 2, frames: Count = 16) -> None:
        width = features.vector
        super().__init__(
            features,
            embed=nn.Identity(),
            width=width,
            layers=layers,
            frames=frames,
            block=lambda: _DualGated(width, frames),
        )
