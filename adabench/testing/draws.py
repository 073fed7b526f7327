"""Draws on which faults show: weights redrawn larger, features spread widely, padding of any content.

Untrained parts behind an untrained trunk give nearly equal numbers, in which a fault drowns.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from adabench.batching import pad_inputs
from adabench.models.assessor import ROLES, Assessor
from adabench.structures import Features, Inputs

# Standard deviation of a layer's output on inputs of unit variance.
_GAIN = 3.0
# How far a backbone's own weights are moved, as a share of their spread.
_SHAKE = 0.5


@dataclass(frozen=True)
class Draw:
    """A method with what its first part is given.

    Attributes:
        name: how messages call it.
        method: with weights of its own.
        roles: the parts that are asked, in order.
        first: ``inputs`` or, where the backbone is left out, ``backbone``.
    """

    name: str
    method: Assessor
    roles: tuple[str, ...]
    first: dict[str, Any]


def redrawn(method: Assessor, seed: int) -> Assessor:
    """Return a copy whose parts behind the backbone have weights of N(0, 3² / fan-in)."""
    other = copy.deepcopy(method)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for role in ROLES[1:]:
            for parameter in getattr(other, role).parameters():
                _redraw(parameter, random)
    return other


def _redraw(parameter: Tensor, random: torch.Generator) -> None:
    if not parameter.dtype.is_floating_point or not parameter.numel():
        return
    noise = torch.randn(parameter.shape, generator=random)
    if parameter.ndim >= 2:
        parameter.copy_(noise * (_GAIN / math.sqrt(parameter[0].numel())))
    elif not bool(parameter.any()):
        # A gate or bias that starts at zero hides what stands behind it.
        parameter.copy_(noise * 0.3)


def shaken(backbone: nn.Module, seed: int) -> None:
    """Move a backbone's trainable weights, so that branches that start at zero show, in place."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if not parameter.requires_grad or not parameter.dtype.is_floating_point:
                continue
            spread = float(parameter.std()) if parameter.numel() > 1 else 0.0
            # Gains of one and gates of zero have no spread of their own.
            scale = spread or 0.3
            noise = torch.randn(parameter.shape, generator=random)
            parameter.add_(noise * (_SHAKE * scale))


def spread_features(like: Features, seed: int, *, one_step: bool) -> Features:
    """Return features of N(0, 1) in the shapes and the sign of those of a backbone.

    Args:
        like: what the backbone gave for B clips.
        seed: of the numbers.
        one_step: leave the second clip a single valid step.
    """
    random = torch.Generator().manual_seed(seed)
    valid = like.valid.clone()
    if one_step and len(valid) > 1:
        valid[1, 1:] = False

    def spread(tensor: Tensor) -> Tensor:
        noise = torch.randn(tensor.shape, generator=random)
        kept = tensor[like.valid]
        # What stands behind a ReLU or in front of a square root stays positive.
        positive = bool(kept.numel()) and bool((kept >= 0).all())
        noise = noise.abs() if positive else noise
        return noise * valid.view(*valid.shape, *(1,) * (tensor.ndim - 2))

    maps = tuple(spread(m) for m in like.maps)
    visual = tuple(spread(m) for m in like.visual_maps)
    return replace(like, vector=spread(like.vector), valid=valid, maps=maps, visual_maps=visual)


def padded_features(features: Features, more: int, fill: str, seed: int = 0) -> Features:
    """Return features with ``more`` steps of padding, and all padding filled anew.

    Args:
        features: of B clips.
        more: steps at the end.
        fill: one of :data:`FILLS`.
        seed: of noise.
    """
    lengthened = features.map(lambda t: _lengthened(t, features.valid.shape, more))
    return _filled(lengthened, lengthened.valid, fill, seed)


def padded_batch(inputs: Inputs, more: int, fill: str, seed: int = 0) -> Inputs:
    """Return inputs with ``more`` frames of padding, and all padding filled anew."""
    longer = pad_inputs(inputs, inputs.valid.shape[1] + more)
    features = longer.features
    if features is not None:
        features = _filled(features, features.valid, fill, seed)
    filled = _filled(replace(longer, features=None), longer.valid, fill, seed)
    return replace(filled, features=features)


#: Content of padding. Frames stay within their range, [0, 1], of which ``large`` is the end.
FILLS = ("zero", "large", "negative", "noise")


def _lengthened(tensor: Tensor, shape: torch.Size, more: int) -> Tensor:
    if tensor.ndim < 2 or tensor.shape[:2] != shape:
        return tensor
    end = tensor.new_zeros(tensor.shape[0], more, *tensor.shape[2:])
    return torch.cat([tensor, end], dim=1)


def _filled(record: Any, valid: Tensor, fill: str, seed: int) -> Any:
    random = torch.Generator().manual_seed(seed)

    def put(tensor: Tensor) -> Tensor:
        if not tensor.dtype.is_floating_point or tensor.shape[:2] != valid.shape:
            return tensor
        content = _content(tensor, fill, random, frames=tensor.ndim == 5 and tensor.shape[2] == 3)
        kept = valid.view(*valid.shape, *(1,) * (tensor.ndim - 2))
        return torch.where(kept, tensor, content)

    return record.map(put)


def _content(tensor: Tensor, fill: str, random: torch.Generator, *, frames: bool) -> Tensor:
    if fill == "noise":
        noise = torch.randn(tensor.shape, generator=random)
        return noise.sigmoid() if frames else noise * 30.0
    value = {"zero": 0.0, "large": 100.0, "negative": -100.0}[fill]
    return torch.full_like(tensor, min(max(value, 0.0), 1.0) if frames else value)
