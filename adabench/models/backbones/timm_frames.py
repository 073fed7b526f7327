"""Any timm network, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor

from adabench.bounds import Natural
from adabench.hints import did_you_mean
from adabench.models.roles import Backbone
from adabench.models.weights import load_timm, load_trunk
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs

# Frames that pass the network at once where no gradient is kept.
_CHUNK = 512
# Options by which timm would take weights from a place that no record tells of.
_SOURCES = (
    "checkpoint_path",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "cache_dir",
)


def frame_spans(index: Tensor) -> Tensor:
    """Return the span [i, i+1) of each frame number: (B, T) to (B, T, 2)."""
    return torch.stack([index, index + 1], dim=-1)


@MODELS.register_module()
class TimmFrames(Backbone):
    """A timm network over single frames, giving its last ``scales`` feature maps and their mean.

    ``vector`` is the spatial mean of the deepest map.

    Args:
        name: timm's name of the network.
        scales: how many maps, 1 to 5, counted from the deepest. 0 gives the vector alone.
        weights: None starts at random; ``"timm"`` takes timm's pretrained weights from its hub; a
            path loads a local file, in timm's own format or a trunk that a pretraining stage wrote.
        frozen: keep weights and statistics as they are; such a part's output may be cached.
        normalise: scale frames by the network's own mean and standard deviation.
        options: further arguments of ``timm.create_model`` (``channels``, say).

    Raises:
        ValueError: an unknown network, more scales than it has, or options that name weights.
        FileNotFoundError: weights that are not there, naming file and remedy.
    """

    hub = "timm"
    learnt_as = "trunk"
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        name: str,
        scales: Natural = 4,
        weights: str | Path | None = None,
        frozen: bool = False,
        normalise: bool = True,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= scales <= 5:
            raise ValueError(f"TimmFrames.scales is 0 to 5; got {scales}")
        self.scales = scales
        self.frozen = frozen
        self.creation = _creation(name, max(scales, 1), dict(options or {}))
        self.net: Any = load_timm(pretrained=weights == self.hub, **self.creation)
        info: Any = self.net.feature_info
        self._channels: tuple[int, ...] = tuple(info.channels())
        # Swin and its kin give their maps with the channels last.
        self._channels_last = getattr(self.net, "output_fmt", None) == "NHWC"
        data = timm.data.resolve_model_data_config(self.net)
        mean, std = (data["mean"], data["std"]) if normalise else ((0.0,) * 3, (1.0,) * 3)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        if weights is not None and weights != self.hub:
            load_trunk(self, Path(weights))
        self.net.to(memory_format=torch.channels_last)
        if frozen:
            self.requires_grad_(False)
            self.eval()

    @property
    def spec(self) -> FeatureSpec:
        """Channels of the vector and of the maps."""
        return FeatureSpec(
            vector=self._channels[-1], maps=self._channels if self.scales else (), guided=False
        )

    def train(self, mode: bool = True) -> TimmFrames:
        """Switch to training, unless frozen: its batch norm then keeps its statistics."""
        super().train(mode and not self.frozen)
        return self

    def frozen_part(self) -> Backbone | None:
        """Return itself when frozen."""
        return self if self.frozen else None

    def forward(self, inputs: Inputs) -> Features:
        """Map frames (B, T, 3, H, W) to features; cached features pass through."""
        if inputs.features is not None:
            return inputs.features
        if inputs.frames is None:
            raise ValueError("TimmFrames reads frames, and the batch holds none")
        clips, steps = inputs.valid.shape
        learns = torch.is_grad_enabled() and not self.frozen
        with torch.set_grad_enabled(learns):
            flat = inputs.frames.flatten(0, 1)
            # Without gradient a clip of any length passes in little memory.
            parts = [self._maps(part) for part in ([flat] if learns else flat.split(_CHUNK))]
            maps = tuple(
                (torch.cat(m) if len(m) > 1 else m[0]).unflatten(0, (clips, steps))
                for m in zip(*parts, strict=True)
            )
        return Features(
            vector=maps[-1].mean((-2, -1)),
            valid=inputs.valid,
            span=frame_spans(inputs.index),
            maps=maps if self.scales else (),
        )

    def _maps(self, frames: Tensor) -> list[Tensor]:
        """Map frames (N, 3, H, W) in [0, 1] to the network's maps (N, C_i, H_i, W_i)."""
        scaled = (frames - self.mean) / self.std
        # Convolutions are faster so, on CPU and in mixed precision; other layers don't mind.
        return [
            self._layout(m) for m in self.net(scaled.contiguous(memory_format=torch.channels_last))
        ]

    def _layout(self, maps: Tensor) -> Tensor:
        """Return maps as (B·T, C, H, W), whatever the network's own layout."""
        return maps.permute(0, 3, 1, 2).contiguous() if self._channels_last else maps


def _creation(name: str, maps: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with which timm creates the network and its last ``maps`` maps."""
    sources = [key for key in _SOURCES if key in options]
    if sources:
        raise ValueError(
            f"TimmFrames.options: {', '.join(sources)} would load weights that the record does not "
            "tell of; name them by weights=FILE, or weights='timm' for timm's own"
        )
    if not timm.is_model(name):
        hint = did_you_mean(name, timm.list_models(), most=3)
        raise ValueError(f"TimmFrames.name: timm has no network {name!r}.{hint}")
    available = len(timm.create_model(name, features_only=True, **options).feature_info)
    if maps > available:
        raise ValueError(f"TimmFrames.scales={maps} is too many: {name} has {available} scales")
    indices = list(range(available - maps, available))
    return {"name": name, "features_only": True, "out_indices": indices, **options}
