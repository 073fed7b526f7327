"""Which of a backbone's maps an aggregator reads."""

from __future__ import annotations

from torch import Tensor

from adabench.models.roles import IncompatiblePartsError
from adabench.structures import Features, FeatureSpec


def map_place(features: FeatureSpec, depth: int | None, name: str) -> int:
    """Return the place among a backbone's maps of the one of a depth, 1 the finest; None the coarsest.

    Raises:
        IncompatiblePartsError: of the part ``name``: the backbone has fewer maps.
    """
    count = len(features.maps)
    place = count if depth is None else depth
    if not 1 <= place <= count:
        raise IncompatiblePartsError(
            f"{name}.depth {place} is asked for, and the backbone gives {count} maps, 1 the finest"
        )
    return place - 1


def valid_map(features: Features, place: int) -> Tensor:
    """Return one map (B, T', C, H, W) of each step, 0 on padding."""
    return features.maps[place].masked_fill(~features.valid[..., None, None, None], 0.0)
