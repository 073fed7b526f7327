"""MSR, multi-scale representation: wavelet fusion of a backbone's maps, from deep to shallow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models import Aggregator, IncompatiblePartsError
from adabench.registry import MODELS
from adabench.structures import Count, Features, FeatureSpec, Units, UnitSpec

from .attention import ChannelAttention, DepthwiseConv, GatedFeedForward
from .wavelet import haar_dwt, haar_idwt

HEADS = 8
EXPANSION = 2.66
GATE_START = 0.1
LOW_GAIN = 2.0


class ScaleAttention(nn.Module):
    """Brings one scale to the common width and weighs its channels.

    Args:
        channels: of the backbone's map.
        width: common width.
        heads: of the channel attention.
    """

    def __init__(self, *, channels: int, width: int, heads: int) -> None:
        super().__init__()
        self.unify = nn.Conv2d(channels, width, 1)
        self.attend = ChannelAttention(width=width, heads=heads)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, H, W, width)."""
        unified = self.unify(maps).contiguous(memory_format=torch.channels_last)
        return self.attend(unified.permute(0, 2, 3, 1))


class WaveletFusion(nn.Module):
    """Joins a coarser map into a finer one through the finer one's low band.

    The coarser map is the trunk of the sum and the finer one adds to it, channel by channel through
    ``gate`` and ``detail_gate`` (a layer scale), so that training starts from the deepest scale.

    Args:
        width: common width.
        expansion: of the feed-forward that digests the joined low band.
    """

    def __init__(self, *, width: int, expansion: float) -> None:
        super().__init__()
        self.join = nn.Linear(2 * width, width)
        self.gate = nn.Parameter(torch.full((width,), GATE_START))
        self.digest = GatedFeedForward(width=width, expansion=expansion)
        self.refine = DepthwiseConv(3 * width)
        self.detail_gate = nn.Parameter(torch.full((3 * width,), GATE_START))

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Map (N, H, W, C) and (N, h, w, C) to (N, H, W, C)."""
        low, details = haar_dwt(fine)
        # The low band holds twice the mean of its 2×2 block, and the inverse halves it again: without
        # the factors the deepest scale would reach the finest at an eighth of its size.
        low = low / LOW_GAIN
        coarse = resize(coarse, low.shape[1:3])
        joined = self.join(torch.cat([low, coarse], dim=-1))
        low = self.digest(coarse + self.gate * joined)
        details = self.detail_gate * (details + self.refine(details))
        return haar_idwt(LOW_GAIN * low, details, (fine.shape[1], fine.shape[2]))


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Interpolate maps (N, H, W, C) to another height and width, when they differ."""
    if tuple(x.shape[1:3]) == tuple(size):
        return x
    planes = F.interpolate(x.permute(0, 3, 1, 2), size=tuple(size), mode="bilinear")
    return planes.permute(0, 2, 3, 1)


@MODELS.register_module()
class MSR(Aggregator):
    """One unit per step: the pooled fusion of the step's maps.

    Args:
        features: what the backbone gives.
        width: common width of the scales, a multiple of ``heads``.
        scales: which maps are fused, numbered from 1 (S1, the finest): a run of consecutive numbers
            or a single one. None takes all. Table 2.
        source: ``guided`` reads ``Features.maps``, ``visual`` the trunk's own maps.
        heads: of the channel attention.
        expansion: hidden width of the feed-forward over ``width``.
        grid: cells a side to which the fused map is pooled; 1 is the mean.
        clip_mean: add to each step's unit the mean of the clip's valid ones: what of the authors' tail,
            which adds a mean over the frames of all clips, rests on the clip alone.

    Raises:
        ValueError: scales that are no run, an unknown source, a width that the heads don't divide.
        IncompatiblePartsError: a scale that the backbone doesn't have.
    """

    needs_maps = True

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 64,
        scales: Sequence[int] | None = None,
        source: str = "guided",
        heads: Count = HEADS,
        expansion: float = EXPANSION,
        grid: Count = 1,
        clip_mean: bool = False,
    ) -> None:
        super().__init__()
        if source not in ("guided", "visual"):
            raise ValueError(f"MSR.source is 'guided' or 'visual'; got {source!r}")
        if width % heads:
            raise ValueError(f"MSR.width is a multiple of its {heads} heads; got {width}")
        if grid < 1:
            raise ValueError(f"MSR.grid is 1 or more cells a side; got {grid}")
        self.scales = _chosen(scales, len(features.maps))
        self.source, self.grid, self.clip_mean = source, grid, clip_mean
        self.attentions = nn.ModuleList(
            ScaleAttention(channels=features.maps[s - 1], width=width, heads=heads)
            for s in self.scales
        )
        self.deepest = GatedFeedForward(width=width, expansion=expansion)
        self.fusions = nn.ModuleList(
            WaveletFusion(width=width, expansion=expansion) for _ in self.scales[1:]
        )
        self.norm = nn.LayerNorm(width)
        self._spec = UnitSpec(
            dim=width * grid * grid,
            per_step=True,
            features=features,
            maps=(width,) * len(self.scales),
        )

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels for each cell of the grid, and for each chosen scale's refined map."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map maps (B, T', C_i, H_i, W_i) to units (B, M=T', D)."""
        maps = features.maps
        if self.source == "visual" and features.visual_maps:
            maps = features.visual_maps
        refined = self.refine([maps[s - 1].flatten(0, 1) for s in self.scales])
        valid = features.valid
        x = self.pool(self.fuse(refined)).unflatten(0, valid.shape)
        if self.clip_mean:
            kept = valid[..., None].to(x.dtype)
            x = x + (x * kept).sum(1, keepdim=True) / kept.sum(1, keepdim=True).clamp_min(1)
        return Units(
            x=x,
            valid=valid,
            span=features.span,
            scale=torch.ones(valid.shape[1], dtype=torch.long, device=x.device),
            features=features,
            maps=tuple(m.permute(0, 3, 1, 2).unflatten(0, valid.shape) for m in refined),
        )

    def refine(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Bring the chosen maps (N, C_i, H_i, W_i) to the common width: (N, H_i, W_i, width) each."""
        return [attend(m) for attend, m in zip(self.attentions, maps, strict=True)]

    def fuse(self, refined: Sequence[Tensor]) -> Tensor:
        """Fuse refined maps (N, H_i, W_i, width), finest first, to (N, H_1, W_1, width)."""
        fused = self.deepest(refined[-1])
        for fine, fusion in zip(refined[-2::-1], reversed(self.fusions), strict=True):
            fused = fusion(fine, fused)
        return fused

    def pool(self, fused: Tensor) -> Tensor:
        """Pool fused maps (N, H, W, width) to vectors (N, width · grid²)."""
        # Haar details sum to zero over each 2×2 block: a mean sees them behind a nonlinearity only.
        active = F.gelu(self.norm(fused))
        if self.grid == 1:
            return active.mean((1, 2))
        return F.adaptive_avg_pool2d(active.permute(0, 3, 1, 2), self.grid).flatten(1)


def _chosen(scales: Sequence[int] | None, available: int) -> tuple[int, ...]:
    chosen = tuple(range(1, available + 1) if scales is None else scales)
    if not chosen or chosen != tuple(range(chosen[0], chosen[0] + len(chosen))):
        raise ValueError(
            f"MSR.scales is a single scale or a run of consecutive ones, finest first, "
            f"such as (3, 4); got {chosen}"
        )
    if chosen[0] < 1 or chosen[-1] > available:
        raise IncompatiblePartsError(
            f"MSR.scales {chosen} are asked for, and the backbone gives scales 1 to {available}"
        )
    return chosen
