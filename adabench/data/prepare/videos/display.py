"""How players show a video's pictures: cropped, with pixels of some shape, mirrored and turned."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_QUARTER = 90
_MATRIX = struct.Struct("=9i")
# containers round the shape of square pixels, to 1279:1280 say
_ALMOST = 0.01
_WIDEST = 4
_MOST_WAITING = 64


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


class CodedShapes:
    """Follows the shape of pixels where a stream's coding changes it, picture by picture.

    A container that states another shape than the coding does at first is right throughout. Decoders
    give pictures late: a picture has the shape that was coded with its own packet.

    Args:
        context: the decoder; its ``sample_aspect_ratio`` is that of what it decoded last.
        stated: the shape by the container, or by the coding where that states none.
    """

    def __init__(self, context: Any, stated: Fraction) -> None:
        self._context, self._stated = context, stated
        self._last: Fraction | None = None
        self._follows = True
        self._waiting: dict[int | None, Fraction] = {}

    def decoded(self, time: int | None) -> None:
        """The packet that is shown at ``time`` was decoded."""
        coded = self._context.sample_aspect_ratio
        # what isn't told is as it was
        shape = pixel_shape(coded) if coded else self._last or self._stated
        if self._last is None:
            self._follows = shape == self._stated
        self._last = shape
        self._waiting[time] = shape
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.pop(next(iter(self._waiting)))

    def of(self, time: int | None) -> Fraction:
        """The shape of a picture that is shown at ``time``."""
        shape = self._waiting.pop(time, self._last)
        return shape if self._follows and shape is not None else self._stated


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
