"""Any video network of torchvision, segment by segment."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torchvision
from torch import Tensor, nn

from adabench.hints import did_you_mean
from adabench.models.backbones.video_network import Exactly, VideoNetwork
from adabench.models.weights import load_network, load_torchvision
from adabench.registry import MODELS

# What stands behind the last map: pooling and the classifier.
_HEADS = ("avgpool", "fc", "classifier", "head")


class _ChannelsFirst(nn.Module):
    """Swin's maps (N, T, H, W, C) as (N, C, T, H, W)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 4, 1, 2, 3)


@MODELS.register_module()
class TorchvisionVideo(VideoNetwork):
    """A video network of torchvision over segments: ``r3d_18``, ``mc3_18``, ``s3d``, ``swin3d_t``, ….

    MViT gives its class token, without maps.

    Args:
        name: torchvision's name of the network.
        options: further arguments of ``torchvision.models.get_model``.
        weights: None starts at random; ``"hub"`` takes torchvision's pretrained weights; a path loads
            a local file of the network's state dict, whose classifier is left out.
        frozen: keep weights and statistics as they are; such a part's output may be cached.
        size: height and width to which frames are scaled; None leaves them.
        maps: give the maps beside the vector, where the network has some.
        normalise: scale frames by the mean and standard deviation of torchvision's weights.

    Raises:
        ValueError: an unknown network, with the nearest names; weights that are damaged or belong to
            another one.
        FileNotFoundError: weights that are not there, naming file and remedy.
    """

    hub = "hub"
    learnt_as = "backbone"

    def __init__(
        self,
        *,
        name: str,
        options: dict[str, Any] | None = None,
        weights: str | Path | None = None,
        frozen: bool = False,
        size: int | None = None,
        maps: bool = True,
        normalise: bool = True,
    ) -> None:
        _check_name(name)
        net = load_torchvision(name, pretrained=weights == self.hub, **(options or {}))
        trunk = _without_head(net)
        if weights is not None and weights != self.hub:
            load_network(trunk, Path(weights))
        # Says how frames are scaled, and fetches nothing.
        preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
        super().__init__(
            trunk,
            title=f"TorchvisionVideo {name}",
            mean=preset.mean if normalise else (0.0,) * 3,
            std=preset.std if normalise else (1.0,) * 3,
            frozen=frozen,
            size=size,
            maps=maps,
            exactly=_made_for(trunk),
        )


def _check_name(name: str) -> None:
    known = torchvision.models.list_models(module=torchvision.models.video)
    if name not in known:
        hint = did_you_mean(name, known, most=3)
        raise ValueError(
            f"TorchvisionVideo.name: torchvision has no video network {name!r}.{hint} "
            f"Known: {', '.join(known)}."
        )


def _made_for(net: nn.Module) -> Exactly | None:
    """Return MViT's length and size: it reads clips of as many cells as if they had its shape."""
    if not isinstance(net, torchvision.models.video.MViT):
        return None
    places, (time, height, _) = net.pos_encoding, net.conv_proj.stride
    return Exactly(places.temporal_size * time, places.spatial_size[0] * height)


def _without_head(net: nn.Module) -> nn.Module:
    """Return a network up to its last map; MViT, which is no plain row of layers, to its class token.

    Tensors keep their names, so that a file of the whole network fits.
    """
    if isinstance(net, torchvision.models.video.MViT):
        net.head = nn.Identity()
        return net
    layers = OrderedDict((k, v) for k, v in net.named_children() if k not in _HEADS)
    if isinstance(net, torchvision.models.video.SwinTransformer3d):
        layers["channels_first"] = _ChannelsFirst()
    return nn.Sequential(layers)
