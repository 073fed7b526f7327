"""C3D's convolutions (Tran et al. 2015), without the layers behind that ask for one size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

from adabench.bounds import Count
from adabench.models.backbones.video_network import VideoNetwork
from adabench.models.weights import load_network
from adabench.registry import MODELS

# Channels of each convolution as multiples of the first one's, by the group that a pooling ends.
_GROUPS = ((1,), (2,), (4, 4), (8, 8), (8, 8))


@MODELS.register_module()
class C3DMaps(VideoNetwork):
    """C3D up to its last convolution, conv5b, over segments (Tran et al. 2015, Fig 3).

    Eight convolutions of 3 × 3 × 3 with ReLU, the first pooling over space alone, the next three over
    time too. Published: segments of 16 frames of 112 × 112 pixels, whose map is of 2 × 7 × 7 cells; it
    takes any from 8 frames of 16 pixels.

    Args:
        width: channels of the first convolution, to which those of the others keep theirs.
        weights: None starts at random (He et al. 2015, as no norm keeps the scale); a path loads a
            local file, as mmaction2's of C3D, whose ``mean`` and ``std`` are (104, 117, 128) / 255 and
            (1, 1, 1) / 255. Fully connected layers are left out.
        frozen: keep weights and statistics as they are; such a part's output may be cached.
        size: height and width to which frames are scaled; None leaves them.
        maps: give conv5b's map, its mean over time, beside the vector.
        mean, std: of RGB frames in [0, 1], as the weights were trained with.

    Raises:
        ValueError: weights that are damaged, or of another network or width.
        FileNotFoundError: weights that are not there, naming file and remedy.
    """

    learnt_as = "backbone"

    def __init__(
        self,
        *,
        width: Count = 64,
        weights: str | Path | None = None,
        frozen: bool = False,
        size: Count | None = None,
        maps: bool = True,
        mean: Sequence[float] = IMAGENET_DEFAULT_MEAN,
        std: Sequence[float] = IMAGENET_DEFAULT_STD,
    ) -> None:
        net = _convolutions(width)
        if weights is not None:
            load_network(net, Path(weights))
        title = type(self).__name__
        super().__init__(net, title=title, mean=mean, std=std, frozen=frozen, size=size, maps=maps)


def _convolutions(width: int) -> nn.Sequential:
    """Return conv1a to conv5b, their tensors named as in mmaction2."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    given = 3
    for number, group in enumerate(_GROUPS, 1):
        for letter, times in zip("ab", group, strict=False):
            convolution = nn.Conv3d(given, times * width, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]  # it has one
            named = OrderedDict(conv=convolution, activate=nn.ReLU(inplace=True))
            layers[f"conv{number}{letter}"] = nn.Sequential(named)
            given = times * width
        if number < len(_GROUPS):
            layers[f"pool{number}"] = nn.MaxPool3d((1, 2, 2) if number == 1 else 2)
    return nn.Sequential(layers)
