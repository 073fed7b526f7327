"""Parts of a step's map as units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from adabench.bounds import Count
from adabench.models.aggregators.maps import map_place
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


@MODELS.register_module()
class MapParts(Aggregator):
    """A unit is the mean of one part of one step's map (part-and-relation attention: Liu et al. 2023).

    Units run step by step, and row by row within a step; each spans its step's frames.
    ``Units.extra["part"]`` (B, M) long is the number of a unit's part, row · columns + column.

    Args:
        features: what it reads.
        grid: rows and columns of parts.
        depth: which of the backbone's maps is cut, 1 the finest; None the coarsest.

    Raises:
        ValueError: a grid that is no two numbers above 0; in ``forward``, one finer than the map.
        IncompatiblePartsError: a map that the backbone doesn't have.
    """

    needs_maps = True

    def __init__(
        self,
        *,
        features: FeatureSpec,
        grid: Sequence[int] = (2, 2),
        depth: Count | None = None,
    ) -> None:
        super().__init__()
        if len(grid) != 2 or min(grid) < 1:
            raise ValueError(
                f"MapParts.grid is rows and columns of at least 1, such as (2, 2); got {tuple(grid)}"
            )
        self.rows, self.columns = grid
        self.place = map_place(features, depth, "MapParts")
        self._spec = UnitSpec(dim=features.maps[self.place], per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        """As many channels as the map; a step has several units."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map maps (B, T', C, H, W) to units (B, M = T' · rows · columns, C)."""
        maps, count = features.maps[self.place], self.rows * self.columns
        height, width = maps.shape[-2:]
        if height < self.rows or width < self.columns:
            raise ValueError(
                f"MapParts.grid asks for {self.rows}×{self.columns} parts of a map of {height}×{width} "
                "cells; take a coarser grid, a finer map (depth) or larger frames"
            )
        cells = functional.adaptive_avg_pool2d(maps.flatten(0, 1), (self.rows, self.columns))
        steps = features.valid.shape
        part = torch.arange(count, device=maps.device).expand(*steps, -1)
        return Units(
            x=cells.flatten(2).transpose(1, 2).reshape(steps[0], -1, maps.shape[2]),
            valid=features.valid.repeat_interleave(count, dim=1),
            span=features.span.repeat_interleave(count, dim=1),
            scale=torch.ones(steps[1] * count, dtype=torch.long, device=maps.device),
            features=features,
            extra={"part": part.flatten(1)},
        )
