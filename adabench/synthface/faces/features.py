"""What moves on a face: brows, eyes, glasses and mouth as shapes over all frames of a clip.

Everything is computed for the T frames at once; drawing a frame only hands polygons to OpenCV.
Full-intensity shifts in half face heights: AU1 0.125, AU4 0.085, AU12 and AU15 0.105.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.synthface.faces.drawing import (
    FIXED_POINT_BITS,
    Points,
    bezier,
    ellipse,
    fixed_point,
    point,
)
from adabench.synthface.faces.head import Texture
from adabench.synthface.faces.identity import Identity
from adabench.synthface.signals import ClipTruth, FloatArray

AU1_SHIFT, AU4_SHIFT, MOUTH_CORNER_SHIFT = 0.125, 0.085, 0.105
SHOWN = 0.03
CLOSED_EYE = 0.12
SCLERA = np.array([207.0, 210.0, 212.0])
PUPIL = np.array([12.0, 12.0, 12.0])
FRAMES_OF_GLASSES = np.array([30.0, 30.0, 35.0])
MOUTH_INSIDE, TEETH = np.array([28.0, 20.0, 45.0]), np.array([205.0, 212.0, 215.0])

Projection = Callable[[Points], Points]


@dataclass(frozen=True)
class Shape:
    """Polygons or lines that are drawn together in every frame.

    Attributes:
        points: (T, P, N, 2) cv2's fixed-point coordinates of P polygons.
        colour: (blue, green, red, alpha).
        width: a line's width in pixels, 0 for a filled polygon.
        shown: for each frame whether it is drawn.
        opacity: for each frame how strongly it covers what lies below.
    """

    points: NDArray[np.int32]
    colour: tuple[float, float, float, float]
    width: int
    shown: list[bool]
    opacity: list[float]

    def draw(self, image: Texture, frame: int) -> None:
        if not self.shown[frame]:
            return
        if self.opacity[frame] < 1.0:
            self._draw_through(image, frame)
        else:
            self._draw_opaque(image, self.points[frame])

    def _draw_through(self, image: Texture, frame: int) -> None:
        corners = self.points[frame].reshape(-1, 2) >> FIXED_POINT_BITS
        low = np.maximum(corners.min(0) - self.width - 1, 0)
        high = corners.max(0) + self.width + 2
        below = image[low[1] : high[1], low[0] : high[0]]
        if below.size == 0:
            return
        covered = below.copy()
        origin = (low << FIXED_POINT_BITS).astype(np.int32)
        self._draw_opaque(covered, self.points[frame] - origin)
        weight = self.opacity[frame]
        cv2.addWeighted(covered, weight, below, 1.0 - weight, 0.0, dst=below)

    def _draw_opaque(self, image: Texture, points: NDArray[np.int32]) -> None:
        polygons = list(points)
        if self.width:
            cv2.polylines(
                image, polygons, False, self.colour, self.width, cv2.LINE_AA, FIXED_POINT_BITS
            )
        else:
            cv2.fillPoly(image, polygons, self.colour, cv2.LINE_AA, FIXED_POINT_BITS)


class _ShapeList:
    """Collects shapes in drawing order, projected into pixels."""

    def __init__(self, truth: ClipTruth, project: Projection) -> None:
        self.frames = len(truth.key)
        self.project = project
        self.shapes: list[Shape] = []

    def add(
        self,
        polygons: list[Points],
        colour: FloatArray,
        *,
        width: int = 0,
        shown: NDArray[np.bool_] | None = None,
        opacity: FloatArray | None = None,
    ) -> None:
        """Add polygons, each (T, N, 2) or (N, 2), of one colour (3,); `opacity` is (T,)."""
        spread = [np.broadcast_to(p, (self.frames, *p.shape[-2:])) for p in polygons]
        points = fixed_point(self.project(np.stack(spread, axis=1)))
        visible = np.ones(self.frames, dtype=bool) if shown is None else shown
        covering = np.ones(self.frames) if opacity is None else opacity
        blue, green, red = np.clip(colour, 0.0, 255.0).tolist()
        self.shapes.append(
            Shape(points, (blue, green, red, 255.0), width, visible.tolist(), covering.tolist())
        )


def _both_sides(points: Points) -> list[Points]:
    return [points * (-1.0, 1.0), points]


def _add_brows(shapes: _ShapeList, truth: ClipTruth, identity: Identity) -> None:
    au1, au4 = truth.column("AU01"), truth.column("AU04")
    x, y, width = identity.eye_x, identity.brow_y, identity.eye_width
    inner_y = y + 0.03 - AU1_SHIFT * au1 + AU4_SHIFT * au4 + identity.brow_slope
    inner = point(x - 1.15 * width - 0.055 * au4, inner_y)
    middle = point(x, y - 0.035 - 0.03 * au1 + 0.06 * au4)
    outer = point(x + 1.3 * width, y + 0.03 + 0.03 * au4)
    curve = bezier(inner, 2 * middle - 0.5 * inner - 0.5 * outer, outer)
    taper = np.linspace(1.1, 0.45, curve.shape[-2]) * identity.brow_thickness
    half = point(np.zeros_like(taper), taper)
    outline = np.concatenate([curve - half, (curve + half)[:, ::-1]], axis=1)
    # fair hair on dark skin: brows that nobody can see would hide AU1 and AU4
    colour = np.minimum(0.7 * identity.hair, 0.62 * identity.skin)
    shapes.add(_both_sides(outline), colour)


@dataclass(frozen=True)
class _Eye:
    """The lids of the right eye over T frames, each (T, 9, 2)."""

    upper: Points
    lower: Points
    open_upper: Points
    openness: FloatArray


def _lids(truth: ClipTruth, identity: Identity) -> _Eye:
    gaze_down, blink = truth.column("gaze_down"), truth.column("AU45")
    x, y, width, height = (
        identity.eye_x,
        identity.eye_y,
        identity.eye_width,
        identity.eye_height,
    )
    openness = np.clip((1 - 0.38 * gaze_down) * (1 - blink), 0.0, 1.0)
    rise = height * (1 + 0.15 * truth.column("AU01"))
    drop = height * 0.75 * (1 - 0.55 * truth.column("AU06")) * np.maximum(openness, 0.15)
    line = y + 0.10 * height + 0.25 * height * gaze_down
    inner, outer = point(x - width, line + 0.01), point(x + width, line)
    return _Eye(
        upper=bezier(inner, point(x, line - 2 * rise * openness), outer, 9),
        lower=bezier(inner, point(x, line + 2 * drop), outer, 9),
        open_upper=bezier(inner, point(x, line - 2.1 * rise), outer, 9),
        openness=openness,
    )


def _clip_to_lids(disc: Points, eye: _Eye, identity: Identity) -> Points:
    """Move the points of (T, N, 2) discs to between the lids."""
    start, width = identity.eye_x - identity.eye_width, 2 * identity.eye_width
    place = np.clip((disc[..., 0] - start) / width, 0.0, 1.0) * (eye.upper.shape[1] - 1)
    left = np.minimum(place.astype(int), eye.upper.shape[1] - 2)
    share = place - left
    limits = []
    for lid in (eye.upper[..., 1], eye.lower[..., 1]):
        near = np.take_along_axis(lid, left, axis=1)
        far = np.take_along_axis(lid, left + 1, axis=1)
        limits.append((1 - share) * near + share * far)
    return point(disc[..., 0], np.clip(disc[..., 1], limits[0], limits[1]))


def _add_eyes(shapes: _ShapeList, truth: ClipTruth, identity: Identity) -> None:
    eye = _lids(truth, identity)
    skin, height = identity.skin, identity.eye_height
    open_eye = eye.openness > CLOSED_EYE
    inside = np.concatenate([eye.upper, eye.lower[:, ::-1]], axis=1)
    shapes.add(_both_sides(inside), SCLERA, shown=open_eye)
    gaze_x = truth.column("gaze_x") * 0.45 * identity.eye_width
    gaze_y = eye.upper[:, 0, 1] - 0.01 + height * (0.75 * truth.column("gaze_down") - 0.1)
    circle = ellipse(0.0, 0.0, 0.88 * height / identity.ratio, 0.88 * height, points=20)
    for size, colour in ((1.0, identity.iris), (0.5, PUPIL)):
        discs = []
        for side in (-1.0, 1.0):
            centre = point(identity.eye_x + side * gaze_x, gaze_y)
            clipped = _clip_to_lids(size * circle + centre[:, None], eye, identity)
            discs.append(clipped * (side, 1.0))
        shapes.add(discs, colour, shown=open_eye)
    lid = np.concatenate([eye.open_upper, eye.upper[:, ::-1]], axis=1)
    shapes.add(_both_sides(lid), 0.78 * skin, shown=eye.openness < 0.95)
    shapes.add(_both_sides(eye.upper), 0.2 * skin, width=3)
    shapes.add(_both_sides(eye.lower), 0.6 * skin, width=2)
    if identity.glasses:
        _add_glasses(shapes, identity)


def _add_glasses(shapes: _ShapeList, identity: Identity) -> None:
    x, y = identity.eye_x, identity.eye_y
    rim = ellipse(x, y + 0.02, 1.45 * identity.eye_width, 0.17)
    shapes.add(_both_sides(rim), FRAMES_OF_GLASSES, width=2)
    edge = x - 1.45 * identity.eye_width
    bridge = bezier((-edge, y), (0.0, y - 0.02), (edge, y), 5)
    shapes.add([bridge], FRAMES_OF_GLASSES, width=2)


def _add_mouth_folds(
    shapes: _ShapeList, truth: ClipTruth, identity: Identity, half_width: FloatArray
) -> None:
    au12, au15 = truth.column("AU12"), truth.column("AU15")
    skin, wing = identity.skin, identity.nose_width
    tip = identity.eye_y + identity.nose_length + 0.06
    fold = bezier(
        point(np.full_like(au12, wing + 0.06), tip - 0.02),
        point(wing + 0.22 + 0.1 * au12, tip + 0.08),
        point(half_width + 0.10, identity.mouth_y - 0.02),
    )
    shapes.add(_both_sides(fold), 0.55 * skin, width=2, shown=au12 > SHOWN, opacity=0.75 * au12)
    corner = _corner_height(truth, identity)
    start, stop = point(half_width + 0.02, corner + 0.01), point(half_width + 0.07, corner + 0.11)
    marionette = np.stack([start, stop], axis=1)
    bearded = (1 - identity.beard) * skin + identity.beard * identity.hair
    shapes.add(
        _both_sides(marionette), 0.5 * bearded, width=2, shown=au15 > SHOWN, opacity=0.8 * au15
    )


def _corner_height(truth: ClipTruth, identity: Identity) -> FloatArray:
    lift = truth.column("AU12") - truth.column("AU15")
    return identity.mouth_y - identity.mouth_curve - MOUTH_CORNER_SHIFT * lift


def _add_mouth(shapes: _ShapeList, truth: ClipTruth, identity: Identity) -> None:
    au12, au15, au17 = (truth.column(name) for name in ("AU12", "AU15", "AU17"))
    au25, au26 = truth.column("AU25"), truth.column("AU26")
    half_width = identity.mouth_width * (1 + 0.26 * au12 - 0.05 * au15 - 0.05 * au25)
    _add_mouth_folds(shapes, truth, identity, half_width)
    corner = _corner_height(truth, identity)
    opening = 0.065 * au25 + 0.10 * au26
    upper = identity.mouth_y - 0.025 * au17 - 0.35 * opening
    lower = identity.mouth_y - 0.03 * au17 + 0.95 * opening
    left, right = point(-half_width, corner), point(half_width, corner)

    def border(middle: FloatArray) -> Points:
        return bezier(left, point(np.zeros_like(middle), 2 * middle - corner), right, 12)

    top = border(upper - identity.lip * 1.1 * (1 - 0.2 * au12))
    bottom = border(lower + identity.lip * 1.35 * (1 + 0.2 * au17))
    inner_top, inner_bottom = border(upper), border(lower)
    shapes.add([np.concatenate([top, bottom[:, ::-1]], axis=1)], identity.lips)
    is_open = opening > 0.012
    gap = np.concatenate([inner_top, inner_bottom[:, ::-1]], axis=1)
    shapes.add([gap], MOUTH_INSIDE, shown=is_open)
    edge = inner_top[:, 3:9]
    teeth = np.concatenate([edge, edge[:, ::-1] + (0.0, 0.03)], axis=1)
    shapes.add([teeth], TEETH, shown=opening > 0.05)
    closed = (inner_top + inner_bottom) / 2
    shapes.add([closed], 0.4 * identity.lips, width=2, shown=~is_open)


def moving_shapes(truth: ClipTruth, identity: Identity, project: Projection) -> list[Shape]:
    """The shapes of a clip in drawing order.

    Args:
        truth: the T frames' signals.
        identity: the person.
        project: face coordinates (T, P, N, 2) to pixels, same shape.
    """
    shapes = _ShapeList(truth, project)
    _add_brows(shapes, truth, identity)
    _add_eyes(shapes, truth, identity)
    _add_mouth(shapes, truth, identity)
    return shapes.shapes
