"""What wrappers share: a trunk of their own, and images that it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from adabench.models.assessor import build_part
from adabench.models.roles import Backbone, Part
from adabench.structures import Inputs


def build_inner(place: str, config: dict[str, Any], signals: Sequence[str] = ()) -> Backbone:
    """Build a backbone that stands within another one.

    Args:
        place: whose it is and as what, ``"RegionFrames.trunk"``.
        config: its config.
        signals: names of the run's signals.

    Raises:
        TypeError: it is no backbone.
        ValueError: it has a loss or a memory of its own.
    """
    built = cast(Backbone, build_part("backbone", config, "the inputs", signals=signals))
    kind = type(built)
    if kind.loss is not Part.loss or kind.update is not Part.update:
        raise ValueError(
            f"{place}: {kind.__name__} has a loss or a memory of its own, of which a method asks its "
            f"backbone alone: make {kind.__name__} the backbone"
        )
    return built


def build_trunk(place: str, config: dict[str, Any], *, segments: bool = False) -> Backbone:
    """Build a backbone that reads frames alone, for one that shows it others than the clip's.

    Args:
        place: as in :func:`build_inner`.
        config: its config.
        segments: whether it may see segments.

    Raises:
        TypeError: it is no backbone.
        ValueError: it has a loss of its own, reads more than frames, or sees segments where it mayn't.
    """
    built = build_inner(place, config)
    name = type(built).__name__
    if tuple(built.reads) != ("frames",):
        raise ValueError(
            f"{place} is shown images, and {name} reads {', '.join(built.reads)}: name a backbone that "
            "reads frames alone"
        )
    if built.per_segment and not segments:
        raise ValueError(
            f"{place} is shown single images, and {name} sees segments: name a backbone over single "
            "frames, such as TimmFrames"
        )
    return built


def is_frozen(backbone: Backbone) -> bool:
    """Whether a backbone's whole output may be cached."""
    return backbone.frozen_part() is backbone


def shown(trunk: Backbone, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Map images (N, 3, H, W) in [0, 1] to a trunk's vectors (N, D) and maps (N, C_i, h_i, w_i)."""
    valid = torch.ones(len(images), 1, dtype=torch.bool, device=images.device)
    found = trunk(Inputs(valid=valid, index=valid.long() - 1, frames=images[:, None]))
    return found.vector[:, 0], tuple(level[:, 0] for level in found.maps)


def frames_of(owner: Backbone, inputs: Inputs) -> Tensor:
    """Return the frames (…, 3, H, W) of inputs.

    Raises:
        ValueError: naming ``owner``: there are none.
    """
    if inputs.frames is None:
        raise ValueError(f"{type(owner).__name__} reads frames, and the batch holds none")
    return inputs.frames
