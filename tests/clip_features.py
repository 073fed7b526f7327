"""Random features of clips of given lengths, with maps, and a backbone that gives such."""

from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from adabench.models import Backbone
from adabench.structures import Features, FeatureSpec

SPEC = FeatureSpec(vector=6, maps=(4, 6))
SIDES = (4, 2)


def clip_features(lengths, steps=None, seed=0, spec=SPEC):
    """Features of N(0, 1); a step covers two frames from 10 on, padding none."""
    steps = steps or max(lengths)
    source = torch.Generator().manual_seed(seed)
    valid = torch.arange(steps) < torch.tensor(lengths)[:, None]
    start = 10 + 2 * torch.arange(steps).expand(len(lengths), -1)
    return Features(
        vector=torch.randn(*valid.shape, spec.vector, generator=source),
        valid=valid,
        span=torch.stack([start, start + 2], -1) * valid[..., None],
        maps=tuple(
            torch.randn(*valid.shape, channels, side, side, generator=source)
            for channels, side in zip(spec.maps, SIDES, strict=False)
        ),
    )


def of_clip(features, clip, steps):
    """The first steps of one clip."""
    return features.map(lambda tensor: tensor[[clip], :steps])


def with_padding(features, value):
    """The same with a value in place of what stands in padding."""

    def put(tensor):
        padding = ~features.valid.view(*features.valid.shape, *(1,) * (tensor.ndim - 2))
        return tensor.masked_fill(padding, value)

    return replace(
        features, vector=put(features.vector), maps=tuple(put(level) for level in features.maps)
    )


class Pyramid(Backbone):
    """Two maps, one from the other, and the mean of the second: as quick as a backbone can be."""

    def __init__(self):
        super().__init__()
        given = (3, *SPEC.maps)
        self.levels = nn.ModuleList(nn.Conv2d(*pair, 1) for pair in pairwise(given))

    @property
    def spec(self):
        return SPEC

    def forward(self, inputs):
        shape, maps = inputs.valid.shape, [inputs.frames.flatten(0, 1)]
        for level, side in zip(self.levels, SIDES, strict=True):
            maps.append(level(adaptive_avg_pool2d(maps[-1], side)))
        return Features(
            vector=maps[-1].mean((2, 3)).unflatten(0, shape),
            valid=inputs.valid,
            span=torch.stack([inputs.index, inputs.index + 1], -1),
            maps=tuple(level.unflatten(0, shape) for level in maps[1:]),
        )
