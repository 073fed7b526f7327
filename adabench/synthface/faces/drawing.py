"""Drawing primitives: soft polygons and lines on small float images, and Bézier curves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatImage = NDArray[np.float32]
Points = NDArray[np.float64]

# cv2 takes fixed-point coordinates: 4 fractional bits are a sixteenth of a pixel
FIXED_POINT_BITS = 4
FIXED_POINT = 1 << FIXED_POINT_BITS


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV on one thread: on images this small its thread pool costs more than it gains."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def fixed_point(points: ArrayLike) -> NDArray[np.int32]:
    """Pixel-centre coordinates as cv2's fixed-point integers."""
    return np.ascontiguousarray(np.round(np.asarray(points) * FIXED_POINT), dtype=np.int32)


def blend(
    image: FloatImage,
    polygons: list[Points],
    colour: ArrayLike,
    *,
    alpha: float = 1.0,
    blur: float = 0.0,
    width: float = 0.0,
) -> None:
    """Lay a colour over an image in place, inside polygons or along lines.

    Args:
        image: (H, W, C); with a fourth channel, colours are premultiplied and the colour's fourth
            value is 255.
        polygons: each (N, 2) pixel coordinates, drawn as one shape.
        colour: (C,).
        alpha: opacity.
        blur: standard deviation of the soft edge, pixels.
        width: 0 fills the polygons, otherwise open lines of this width are drawn.
    """
    corners = np.concatenate(polygons)
    pad = int(3 * blur + width) + 2
    low = np.maximum(np.floor(corners.min(0)).astype(int) - pad, 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + pad, (image.shape[1], image.shape[0]))
    if (high - low).min() < 2:
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
    shapes = [fixed_point(polygon - low) for polygon in polygons]
    if width > 0:
        thickness = max(1, round(width))
        cv2.polylines(mask, shapes, False, 255, thickness, cv2.LINE_AA, FIXED_POINT_BITS)
    else:
        for shape in shapes:
            cv2.fillPoly(mask, [shape], 255, cv2.LINE_AA, FIXED_POINT_BITS)
    if blur > 0:
        mask = cv2.GaussianBlur(mask, (0, 0), blur)
    opacity = (mask.astype(np.float32) * np.float32(alpha / 255.0))[..., None]
    region = image[low[1] : high[1], low[0] : high[0]]
    region += opacity * (np.asarray(colour, dtype=np.float32) - region)


def ellipse(
    x: float,
    y: float,
    x_radius: float,
    y_radius: float,
    *,
    start: float = 0.0,
    stop: float = 2 * np.pi,
    points: int = 24,
) -> Points:
    """Points on an ellipse's arc, (points, 2)."""
    angle = np.linspace(start, stop, points)
    return np.stack([x + x_radius * np.cos(angle), y + y_radius * np.sin(angle)], axis=1)


def point(x: ArrayLike, y: ArrayLike) -> Points:
    """Points (..., 2) from coordinates that broadcast."""
    return np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float64)


def bezier(start: ArrayLike, control: ArrayLike, stop: ArrayLike, points: int = 10) -> Points:
    """Quadratic Bézier curves: (..., 2) each to (..., points, 2)."""
    t = np.linspace(0.0, 1.0, points)[:, None]
    first, middle, last = (
        np.asarray(p, dtype=np.float64)[..., None, :] for p in (start, control, stop)
    )
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def mirrored(points: Points) -> list[Points]:
    """A shape (N, 2) of the face's right half and its mirror image."""
    return [points * (-1.0, 1.0), points]
