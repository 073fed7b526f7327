"""A convolutional LSTM over a clip's maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from adabench.bounds import Count
from adabench.models.aggregators.maps import map_place, valid_map
from adabench.models.aggregators.units import step_units
from adabench.models.roles import Aggregator
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Units, UnitSpec


class _Cell(nn.Module):
    """One layer; Eq 3 without its peepholes, whose weights would fix the size of the maps."""

    def __init__(self, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        self.width = width
        self.see = nn.Conv2d(channels, 4 * width, kernel, padding=kernel // 2)
        self.recall = nn.Conv2d(width, 4 * width, kernel, padding=kernel // 2, bias=False)

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Map (B, T', C, H, W) to states (B, T', width, H, W); steps not ``valid`` (B, T') change none."""
        clips, steps, _, *size = maps.shape
        seen = self.see(maps.flatten(0, 1)).unflatten(0, (clips, steps))
        # The memory adds up over steps: float32 also under autocast.
        state = cell = seen.new_zeros(clips, self.width, *size, dtype=torch.float32)
        states = []
        for t in range(steps):
            gates = (seen[:, t] + self.recall(state)).float()
            let_in, forget, new, let_out = gates.chunk(4, dim=1)
            kept = valid[:, t, None, None, None]
            later = forget.sigmoid() * cell + let_in.sigmoid() * new.tanh()
            cell = torch.where(kept, later, cell)
            state = torch.where(kept, let_out.sigmoid() * cell.tanh(), state)
            states.append(state)
        return torch.stack(states, dim=1)


@MODELS.register_module()
class ConvLSTM(Aggregator):
    """A convolutional LSTM (Shi et al. 2015, Eq 3) that reads each step's map in its order.

    A unit is the mean over space of a step's state; the states themselves are ``Units.maps``.

    Args:
        features: what it reads.
        width: channels of a state.
        kernel: cells a side that a convolution joins, an odd number.
        layers: one above the other.
        depth: which of the backbone's maps is read, 1 the finest; None the coarsest.

    Raises:
        ValueError: an even kernel.
        IncompatiblePartsError: a map that the backbone doesn't have.
    """

    needs_maps = True

    def __init__(
        self,
        *,
        features: FeatureSpec,
        width: Count = 64,
        kernel: Count = 3,
        layers: Count = 1,
        depth: Count | None = None,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"ConvLSTM.kernel is an odd number of cells; got {kernel}")
        self.place = map_place(features, depth, "ConvLSTM")
        channels = [features.maps[self.place]] + [width] * layers
        self.cells = nn.ModuleList(_Cell(channels[i], width, kernel) for i in range(layers))
        self._spec = UnitSpec(dim=width, per_step=True, features=features, maps=(width,))

    @property
    def spec(self) -> UnitSpec:
        """``width`` channels, a unit and a map a step."""
        return self._spec

    def forward(self, features: Features) -> Units:
        """Map maps (B, T', C, H, W) to units (B, T', width) and maps (B, T', width, H, W)."""
        states = valid_map(features, self.place)
        for cell in self.cells:
            states = cell(states, features.valid)
        units = step_units(states.mean((-2, -1)), features)
        units.maps = (states,)
        return units
