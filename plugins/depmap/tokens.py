"""Prototype vectors of a frame, G_t = FC(HashCoding(Pool(Conv(E_t)))) (Eq 4), in three forms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Width of Eq 4's convolution and side of its pooling.
WIDTH = 64
GRID = 7
#: Soft tokens: slots a frame, length L, and temperature of the soft argmax.
SLOTS = 8
LENGTH = 128
SHARPNESS = 0.1
#: Hard tokens: strongest places a channel, and length L.
PLACES = 4
HARD_LENGTH = 49


@dataclass
class Tokens:
    """Tokens of N frames.

    Attributes:
        vector: (N, S, L), S slots a frame.
        place: (N, S, 2), x and y of each slot in [-1, 1] over the map; None without a map.
    """

    vector: Tensor
    place: Tensor | None


def cell_centres(grid: int, device: torch.device) -> Tensor:
    """Centres (x, y) of a grid's cells, row by row: (grid², 2) in [-1, 1]."""
    side = (2 * torch.arange(grid, device=device) + 1) / grid - 1
    y, x = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=-1)


def sample(maps: Tensor, place: Tensor) -> Tensor:
    """Read maps (N, C, H, W) bilinearly at places (N, S, 2): (N, S, C)."""
    found = F.grid_sample(maps, place.unsqueeze(2), padding_mode="border", align_corners=False)
    return found.squeeze(3).transpose(1, 2)


class SoftTokens(nn.Module):
    """Each slot reads the map where its response is strong; differentiable throughout.

    A response map a slot says where (soft argmax over 7×7 places), and the token is the projected
    map there, through an FC.

    Args:
        channels: C of the map.
        width: of the projected map.
        slots: S tokens a frame.
        length: L of a token.
    """

    def __init__(
        self, *, channels: int, width: int = WIDTH, slots: int = SLOTS, length: int = LENGTH
    ) -> None:
        super().__init__()
        self.slots, self.length = slots, length
        self.project = nn.Conv2d(channels, width, 1)
        # Without bias: a soft argmax does not see one.
        self.respond = nn.Conv2d(width, slots, 1, bias=False)
        self.encode = nn.Linear(width, length)

    def forward(self, maps: Tensor) -> Tokens:
        """Map (N, C, H, W) to tokens (N, S, L)."""
        pooled = F.adaptive_avg_pool2d(self.project(maps), GRID)
        share = torch.softmax(self.respond(pooled).flatten(2).float() / SHARPNESS, dim=-1)
        place = share @ cell_centres(GRID, maps.device)
        return Tokens(vector=self.encode(sample(pooled, place.to(pooled.dtype))), place=place)


class HardTokens(nn.Module):
    """The authors' tokens: where each channel is strongest, as coordinates, through an FC.

    No gradient passes the choice of places, so the convolution keeps its random start and only the
    FC learns.

    Args:
        channels: C of the map.
        width: of the projected map; a token a channel, S = width.
        length: L of a token.
    """

    def __init__(self, *, channels: int, width: int = WIDTH, length: int = HARD_LENGTH) -> None:
        super().__init__()
        self.slots, self.length = width, length
        self.project = nn.Conv2d(channels, width, 1).requires_grad_(False)
        self.encode = nn.Linear(2 * PLACES, length)

    def forward(self, maps: Tensor) -> Tokens:
        """Map (N, C, H, W) to tokens (N, S, L)."""
        with torch.no_grad():
            response = F.adaptive_avg_pool2d(self.project(maps), GRID).flatten(2)
            places = cell_centres(GRID, maps.device)[response.topk(PLACES, dim=-1).indices]
        vector = self.encode(places.flatten(2).to(maps.dtype))
        return Tokens(vector=vector, place=places[:, :, 0])


class VectorToken(nn.Module):
    """One token a unit, for units that no maps stand behind.

    Args:
        channels: D of the vector.
        length: L of the token.
    """

    slots = 1

    def __init__(self, *, channels: int, length: int = LENGTH) -> None:
        super().__init__()
        self.length = length
        self.encode = nn.Linear(channels, length)

    def forward(self, vector: Tensor) -> Tokens:
        """Map (N, D) to tokens (N, 1, L)."""
        return Tokens(vector=self.encode(vector).unsqueeze(1), place=None)
