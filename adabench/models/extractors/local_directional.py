"""Local directional codes: in which directions a pixel's edges are strongest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from adabench.bounds import Count
from adabench.models.extractors.coded_frames import CodedFrames
from adabench.registry import MODELS

# A pixel's neighbours, (down, across), from the east against the clock.
_RING = ((1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2))
DIRECTIONS = len(_RING)
# Frames of a volume.
_VOLUME = 3


def kirsch_responses(grey: Tensor) -> Tensor:
    """Map frames (L, H, W) to the responses of Kirsch's 8 masks (L, 8, H - 2, W - 2), whole numbers.

    Mask d weighs by 5 the neighbours in direction d and beside it, and by -3 the five others.
    """
    height, width = grey.shape[1:]
    ring = torch.stack(
        [grey[:, y : height - 2 + y, x : width - 2 + x].int() for y, x in _RING], dim=1
    )
    beside = ring.roll(1, 1) + ring + ring.roll(-1, 1)
    return 8 * beside - 3 * ring.sum(1, keepdim=True, dtype=torch.int32)


def directional_codes(
    grey: Tensor, kind: Literal["number", "structural"], *, volume: bool
) -> Tensor:
    """Map frames (L, H, W) to directional codes, as `LocalDirectional` has them.

    Returns:
        (L, K, H - 2, W - 2), long, of L - 2 with ``volume``; K is 1 of ``number``, 2 of ``structural``.
    """
    responses = kirsch_responses(grey)
    if volume:
        count = len(responses) - _VOLUME + 1
        responses = torch.cat([responses[t : t + count] for t in range(_VOLUME)], dim=1)
    if kind == "structural":
        return torch.cat([_two_greatest(responses), _two_greatest(-responses)], dim=1)
    greatest, least = responses.argmax(1, keepdim=True), responses.argmin(1, keepdim=True)
    return responses.shape[1] * greatest + least


def _two_greatest(responses: Tensor) -> Tensor:
    """Return a code (L, 1, H, W) of where among responses (L, D, H, W) the two greatest are."""
    first = responses.argmax(1, keepdim=True)
    rest = responses.scatter(1, first, torch.iinfo(responses.dtype).min)
    return responses.shape[1] * first + rest.argmax(1, keepdim=True)


@MODELS.register_module()
class LocalDirectional(CodedFrames):
    """Directions of a pixel's strongest edges, by Kirsch's masks in 8 directions.

    Frames brighter by the same amount everywhere have the same codes. Of equal responses the first
    counts; directions go from the east against the clock.

    Args:
        kind: ``number``, the directions of the greatest and of the least response (LDN, Ramírez Rivera
            2013): 64 codes. ``structural``, how strong responses lie to each other: the directions of
            the two greatest, and of the two least, two codes of 64 (after what is told of Uddin & Sohn
            2022; their own code is not public).
        volume: take 24 responses of three frames in a row in the place of one's 8, so that a code also
            tells in which frame a direction is strongest: 576 codes (after Uddin 2020, VLDN, whose
            code is not public either). A sequence of fewer frames repeats its last one.
        grid: cells a side, each with a histogram of its own.
        statistics: over the frames; some of ``mean``, ``deviation``, ``maximum``, ``minimum``.

    Raises:
        ValueError: another kind, or an unknown statistic.
    """

    def __init__(
        self,
        *,
        kind: Literal["number", "structural"] = "number",
        volume: bool = False,
        grid: Count = 4,
        statistics: Sequence[str] = ("mean", "deviation"),
    ) -> None:
        if kind not in ("number", "structural"):
            raise ValueError(f"LocalDirectional.kind is 'number' or 'structural'; got {kind!r}")
        reach = _VOLUME if volume else 1
        super().__init__(
            bins=(DIRECTIONS * reach) ** 2, grid=grid, border=1, statistics=statistics, reach=reach
        )
        self.kind = kind
        self.volume = volume

    def codes(self, grey: Tensor) -> Tensor:
        """Map frames (L, H, W) to codes (L, K, H - 2, W - 2), of L - 2 where they are of volumes."""
        return directional_codes(grey, self.kind, volume=self.volume)
