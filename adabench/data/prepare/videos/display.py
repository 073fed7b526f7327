"""How players show a video's pictures: cropped, with pixels of some shape, mirrored and turned."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_QUARTER = 90
_MATRIX = struct.Struct("=9i")
# containers round the shape of square pixels, to 1279:1280 say
_ALMOST = 0.01
_WIDEST = 4


class Crop(NamedTuple):
    """Pixels at a stored picture's edges that are not shown."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


NONE, SQUARE = Crop(), Fraction(1)


@dataclass(frozen=True)
class Display:
    """What is done to a stored picture, in this order, to show it as players do.

    Args:
        crop: its edges are cut off.
        shape: width over height of a stored pixel: the smaller side is stretched by it.
        mirrored: left and right change places.
        quarters: quarter turns counter-clockwise.
    """

    crop: Crop = NONE
    shape: Fraction = SQUARE
    mirrored: bool = False
    quarters: int = 0

    @property
    def rotation(self) -> int:
        """Degrees counter-clockwise by which pictures are turned."""
        return _QUARTER * self.quarters

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a picture as it is shown."""
        width, height = self._stretched(*self._cropped(width, height))
        return (height, width) if self.quarters % 2 else (width, height)

    def shown(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A stored picture (H, W, 3) as it is shown."""
        if self == AS_STORED:
            return pixels
        width, height = self._cropped(pixels.shape[1], pixels.shape[0])
        left, top = self.crop.left, self.crop.top
        pixels = pixels[top : top + height, left : left + width]
        if self.shape != 1:
            size = self._stretched(width, height)
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        if self.mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(np.rot90(pixels, self.quarters))

    def _cropped(self, width: int, height: int) -> tuple[int, int]:
        crop = self.crop
        return max(1, width - crop.left - crop.right), max(1, height - crop.top - crop.bottom)

    def _stretched(self, width: int, height: int) -> tuple[int, int]:
        if self.shape == 1:
            return width, height
        if self.shape > 1:
            return round(width * self.shape), height
        return width, round(height / self.shape)


AS_STORED = Display()


def turned(matrix: bytes | None) -> tuple[bool, int]:
    """``mirrored`` and ``quarters`` of :class:`Display` by a display matrix.

    Args:
        matrix: FFmpeg's: nine integers (a, b, u, c, d, v, x, y, w) that show what is stored at
            (p, q) at (ap + cq + x, bp + dq + y). Another angle counts as the nearest quarter turn.
    """
    if matrix is None or len(matrix) < _MATRIX.size:
        return False, 0
    a, b, _, c, d, *_ = _MATRIX.unpack_from(matrix)
    transposed = abs(b) + abs(c) > abs(a) + abs(d)
    flipped_x, flipped_y = (c < 0, b < 0) if transposed else (a < 0, d < 0)
    mirrored = transposed ^ flipped_x ^ flipped_y
    return mirrored, (1 + 2 * flipped_x) if transposed else 2 * flipped_y


def pixel_shape(stated: Fraction | None) -> Fraction:
    """``shape`` of :class:`Display` by a stated sample aspect ratio; what can't be counts as square."""
    if not stated or abs(stated - 1) <= _ALMOST or not 1 / _WIDEST <= stated <= _WIDEST:
        return SQUARE
    return stated
