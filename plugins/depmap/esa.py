"""ESA, emotional semantic attention: CLIP vectors guide the channels of a trunk's maps (Eq 1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adabench.models import Backbone
from adabench.registry import MODELS
from adabench.structures import Count, Features, FeatureSpec, Inputs, Semantics

from .rank_one import channel_attention

#: Widths of CLIP ViT-B/32 before its projection.
TEXT_WIDTH = 512
IMAGE_WIDTH = 768
#: γ at the start; the paper does not print it.
GAMMA_START = 0.1


def literal_attention(query: Tensor, key: Tensor, value: Tensor, gamma: Tensor) -> Tensor:
    """Return Eq 1 as printed: one map, the channels' weighted sum, added to every channel.

    Args:
        query: (N, C).
        key: (N, C).
        value: (N, C, P).
        gamma: scalar.
    """
    weight = torch.softmax(query * key, dim=-1)
    return value + gamma * torch.bmm(weight.unsqueeze(1), value)


class Guide(nn.Module):
    """Eq 1 for one scale.

    Args:
        channels: C of the map.
        text: width of the text vectors.
        image: width of the image vectors.
        literal: sum the channels into one map, as Eq 1 is printed.
    """

    def __init__(self, *, channels: int, text: int, image: int, literal: bool) -> None:
        super().__init__()
        self.query = nn.Linear(text, channels)
        self.key = nn.Linear(image, channels)
        self.gamma = nn.Parameter(torch.tensor(GAMMA_START))
        self.attend = literal_attention if literal else channel_attention

    def forward(self, maps: Tensor, semantics: Semantics) -> Tensor:
        """Map (B, T, C, H, W) and vectors (B, T, D) to guided maps (B, T, C, H, W)."""
        query = self.query(_unit_spread(semantics.text)).flatten(0, 1)
        key = self.key(_unit_spread(semantics.image)).flatten(0, 1)
        value = maps.flatten(3).flatten(0, 1)
        return self.attend(query, key, value, self.gamma).view_as(maps)


def _unit_spread(vectors: Tensor) -> Tensor:
    # Sources of vectors differ in scale by orders; without this the softmax would be flat for some.
    return F.layer_norm(vectors.float(), vectors.shape[-1:])


@MODELS.register_module()
class ESA(Backbone):
    """A trunk whose maps are guided, scale by scale, by CLIP vectors of frame and sentence.

    ``maps`` holds the guided maps, ``visual_maps`` the trunk's own, ``vector`` the spatial mean of
    the deepest guided map.

    Args:
        trunk: config of the backbone that gives the maps.
        text: width of ``Semantics.text``.
        image: width of ``Semantics.image``.
        literal: take Eq 1 as printed.
        held: keep the attention as it began, as the authors' code in effect does, where no gradient
            reaches it: of hard tokens behind an MSR that reads the visual maps.

    Raises:
        TypeError: ``trunk`` names no backbone.
        ValueError: the trunk gives no maps.
    """

    def __init__(
        self,
        *,
        trunk: dict[str, Any],
        text: Count = TEXT_WIDTH,
        image: Count = IMAGE_WIDTH,
        literal: bool = False,
        held: bool = False,
    ) -> None:
        super().__init__()
        built = MODELS.build(trunk)
        if not isinstance(built, Backbone):
            raise TypeError(f"ESA.trunk: {type(built).__name__} is no backbone")
        if not built.spec.maps:
            raise ValueError(
                f"ESA guides feature maps, and {type(built).__name__} gives a vector only; "
                "let the trunk give maps (TimmFrames: scales of 1 or more) or leave ESA out"
            )
        self.trunk = built
        self.reads = tuple(dict.fromkeys((*built.reads, "semantics")))
        self.widths = {"text": text, "image": image}
        self.guides = nn.ModuleList(
            Guide(channels=c, text=text, image=image, literal=literal) for c in built.spec.maps
        )
        if held:
            self.guides.requires_grad_(False)

    @property
    def spec(self) -> FeatureSpec:
        """The trunk's maps, guided."""
        maps = self.trunk.spec.maps
        return FeatureSpec(vector=maps[-1], maps=maps, guided=True)

    def frozen_part(self) -> Backbone | None:
        """Return what of the trunk may be cached."""
        return self.trunk.frozen_part()

    def forward(self, inputs: Inputs) -> Features:
        """Map inputs (B, T, …) to features with guided maps (B, T, C_i, H_i, W_i).

        Raises:
            ValueError: no semantics in the batch, or vectors of another width or length.
        """
        features = self.trunk(inputs)
        semantics = self._check(inputs.semantics, features.valid)
        guided = tuple(
            guide(m, semantics) for guide, m in zip(self.guides, features.maps, strict=True)
        )
        return replace(
            features, vector=guided[-1].mean((-2, -1)), maps=guided, visual_maps=features.maps
        )

    def _check(self, semantics: Semantics | None, valid: Tensor) -> Semantics:
        if semantics is None:
            raise ValueError(
                "ESA reads inputs.semantics (CLIP vectors of frame and sentence), and the batch "
                "holds none; give the config a semantics source, or take the trunk without ESA"
            )
        for name, width in self.widths.items():
            shape, wanted = tuple(getattr(semantics, name).shape), (*valid.shape, width)
            if shape != wanted:
                raise ValueError(
                    f"inputs.semantics.{name} should be (clips, steps, width) = {wanted}; "
                    f"got {shape}. Set ESA's {name}= to the width of your semantics source"
                )
        return semantics
