"""The head: a texture that is drawn once for a clip and bent to each frame's pose.

Face coordinates (u, v): u in half face widths to the right, v in half face heights down, the origin
between eyes and nose. The texture and the frames are drawn at twice their final size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.synthface.faces.drawing import FloatImage, Points, bezier, blend, ellipse, mirrored
from adabench.synthface.faces.identity import Identity
from adabench.synthface.signals import ClipTruth, FloatArray

FRAME_WIDTH, FRAME_HEIGHT = 160, 120
SCALE = 2
HALF_FACE = 45.0 * SCALE
FACE_CENTRE_Y = 4.0
HEAD_DOWN_SHIFT = 3.0
JAW_DROP = 0.05
# how far the nose stands out: half face widths and heights that a turn of 90 degrees would show
DEPTH_X, DEPTH_Y = 0.8, 0.7
TEXTURE_HALF_U, TEXTURE_HALF_V = 1.32, 1.36
MAP_STEP = 8
MAP_ITERATIONS = 4

Texture = NDArray[np.uint8]
Region = tuple[slice, slice]


def depth(u: FloatArray, v: FloatArray) -> FloatArray:
    """How far a point of the head stands out: 1 at the nose, 0 at the outline."""
    return np.maximum(1.0 - 0.9 * (u * u + 0.85 * v * v), 0.0)


def jaw_reach(v: FloatArray) -> FloatArray:
    """How much of the jaw's drop a point takes part in."""
    return np.clip(v, 0.0, 1.1) ** 1.5


@dataclass(frozen=True)
class Pose:
    """The head's place in T frames: centre in pixels of the doubled frame, angles in radians."""

    centre: FloatArray
    yaw: FloatArray
    pitch: FloatArray
    roll: FloatArray
    jaw: FloatArray
    half_width: float

    @classmethod
    def of(cls, truth: ClipTruth, identity: Identity) -> Pose:
        x = FRAME_WIDTH / 2 + truth.column("shift_x")
        y = FRAME_HEIGHT / 2 + FACE_CENTRE_Y + truth.column("shift_y")
        y = y + HEAD_DOWN_SHIFT * truth.column("head_down")
        return cls(
            centre=np.stack([x, y], axis=1) * SCALE,
            yaw=np.deg2rad(truth.column("yaw")),
            pitch=np.deg2rad(truth.column("pitch")),
            roll=np.deg2rad(truth.column("roll")),
            jaw=JAW_DROP * truth.column("AU26"),
            half_width=HALF_FACE * identity.ratio,
        )

    def project(self, points: Points) -> Points:
        """Face coordinates (T, ..., 2) to pixels of the doubled frame, same shape."""
        extra = (slice(None),) + (None,) * (points.ndim - 2)
        u, v = points[..., 0], points[..., 1]
        v = v + self.jaw[extra] * jaw_reach(v)
        z = depth(u, v)
        yaw, pitch, roll = self.yaw[extra], self.pitch[extra], self.roll[extra]
        x = self.half_width * (u * np.cos(yaw) + DEPTH_X * np.sin(yaw) * z)
        y = HALF_FACE * (v * np.cos(pitch) + DEPTH_Y * np.sin(pitch) * z)
        turned = (x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll))
        return np.stack(turned, axis=-1) + self.centre[extra]

    def texture_maps(self, region: Region) -> NDArray[np.float32]:
        """Where each pixel of a region comes from in the texture, coarse, (T, h, w, 2) pixels.

        The inverse of `project` by fixed-point iteration, one value for `MAP_STEP` pixels: it is
        smooth enough to be interpolated.
        """
        rows, columns = (
            np.arange(part.start, part.stop, MAP_STEP) + (MAP_STEP - 1) / 2 for part in region
        )
        expand = (slice(None), None, None)
        x = columns[None, None, :] - self.centre[:, 0][expand]
        y = rows[None, :, None] - self.centre[:, 1][expand]
        yaw, pitch, roll = self.yaw[expand], self.pitch[expand], self.roll[expand]
        flat_u = (x * np.cos(roll) + y * np.sin(roll)) / (self.half_width * np.cos(yaw))
        flat_v = (y * np.cos(roll) - x * np.sin(roll)) / (HALF_FACE * np.cos(pitch))
        u, v = flat_u, flat_v
        for _ in range(MAP_ITERATIONS):
            z = depth(u, v)
            u = flat_u - DEPTH_X * np.tan(yaw) * z
            v = flat_v - DEPTH_Y * np.tan(pitch) * z
        rest = v - self.jaw[expand] * jaw_reach(v)
        return np.stack(texture_pixels(u, rest, self.half_width), axis=-1).astype(np.float32)


def texture_pixels(
    u: FloatArray, v: FloatArray, half_width: float
) -> tuple[FloatArray, FloatArray]:
    """Face coordinates to pixels of the texture."""
    return (u + TEXTURE_HALF_U) * half_width, (v + TEXTURE_HALF_V) * HALF_FACE


@dataclass(frozen=True)
class Overlay:
    """What one action unit changes on the skin: the texture's region at full intensity."""

    column: str
    region: Region
    full: Texture


@dataclass(frozen=True)
class HeadTexture:
    """A person's head without brows, eyes and mouth: (H, W, 4), premultiplied, and its overlays."""

    base: Texture
    overlays: tuple[Overlay, ...]

    def mix_into(self, texture: Texture, intensities: dict[str, float]) -> None:
        """Set the overlays' regions of `texture` to the intensities of their action units."""
        for overlay in self.overlays:
            weight = intensities[overlay.column]
            region = texture[overlay.region]
            cv2.addWeighted(
                overlay.full, weight, self.base[overlay.region], 1.0 - weight, 0.0, dst=region
            )


class _Painter:
    """Draws in face coordinates on a texture, colours opaque."""

    def __init__(self, image: FloatImage, half_width: float) -> None:
        self.image = image
        self.half_width = half_width

    def _pixels(self, shape: Points) -> Points:
        return np.stack(texture_pixels(shape[:, 0], shape[:, 1], self.half_width), axis=1)

    def fill(
        self, shapes: list[Points], colour: NDArray[np.float64], alpha: float, blur: float
    ) -> None:
        opaque = np.append(colour, 255.0)
        pixels = [self._pixels(shape) for shape in shapes]
        blend(self.image, pixels, opaque, alpha=alpha, blur=blur)

    def line(
        self, shapes: list[Points], colour: NDArray[np.float64], alpha: float, width: float
    ) -> None:
        opaque = np.append(colour, 255.0)
        pixels = [self._pixels(shape) for shape in shapes]
        blend(self.image, pixels, opaque, alpha=alpha, blur=1.0, width=width)

    def region(self, u: tuple[float, float], v: tuple[float, float]) -> Region:
        left, right = ((edge + TEXTURE_HALF_U) * self.half_width for edge in u)
        top, bottom = ((edge + TEXTURE_HALF_V) * HALF_FACE for edge in v)
        return slice(int(top), int(bottom)), slice(int(left), int(right))


def _face_outline(jaw: float) -> Points:
    angle = np.linspace(0.0, 2 * np.pi, 48)
    u, v = np.cos(angle), np.sin(angle)
    narrowing = 1 - (1 - jaw) * np.abs(v) ** 1.5 * 1.1
    return np.stack([np.where(v > 0, u * narrowing, u), np.where(v > 0, v, 0.98 * v)], axis=1)


def _draw_head(painter: _Painter, identity: Identity) -> None:
    """Neck, hair and ears behind the face, then the face's outline and shading, front hair."""
    skin, hair = identity.skin, identity.hair
    neck = np.array([(-0.5, 0.5), (0.5, 0.5), (0.56, 1.3), (-0.56, 1.3)])
    painter.fill([neck], skin * 0.72, 1.0, 1.5)
    arc = ellipse(0.0, -0.12, 1.12, 1.06, start=0.95 * np.pi, stop=2.05 * np.pi)
    tip = 0.1 + 0.8 * identity.hair_length
    locks = np.array([(1.12, tip), (0.9, tip + 0.05), (-0.9, tip + 0.05), (-1.12, tip)])
    back = np.concatenate([arc, locks])
    gap = np.array([(-0.62, 0.45), (0.62, 0.45), (0.5, 1.2), (-0.5, 1.2)])
    painter.fill([back], hair, 1.0, 1.2)
    painter.fill([gap * (0.85, 1.0)], skin * 0.66, 1.0, 1.5)
    painter.fill(mirrored(ellipse(1.0, 0.02, 0.09, 0.2)), skin * 0.85, 1.0, 0.8)
    outline = _face_outline(identity.jaw)
    painter.fill([outline], skin * 0.80, 1.0, 1.0)
    painter.fill([outline * (0.84, 0.86)], skin, 1.0, 5.0)
    lit = np.minimum(skin * 1.14, 250.0)
    painter.fill([ellipse(0.0, -0.52, 0.45, 0.14)], lit, 0.6, 6.0)
    painter.fill(mirrored(ellipse(0.5, 0.22, 0.2, 0.13)), lit, 0.6, 5.0)
    painter.fill([ellipse(0.0, 0.80, 0.16, 0.07)], lit, 0.5, 4.0)
    _draw_fringe(painter, identity)
    if identity.beard:
        chin = ellipse(0.0, 0.55, 0.76 * identity.jaw, 0.38, stop=np.pi, points=16)
        painter.fill([chin], hair, identity.beard, 4.0)


def _draw_fringe(painter: _Painter, identity: Identity) -> None:
    top = ellipse(0.0, -0.2, 1.03, 0.86, start=np.pi, stop=2 * np.pi, points=20)
    fringe = bezier((0.98, -0.25), (0.0, 2 * identity.hairline + 0.35), (-0.98, -0.25), 12)
    painter.fill([np.concatenate([top, fringe])], identity.hair, 1.0, 1.2)


def _draw_nose_and_sockets(painter: _Painter, identity: Identity) -> None:
    skin, eye_y, width = identity.skin, identity.eye_y, identity.nose_width
    shade = skin * 0.62
    socket = ellipse(identity.eye_x, eye_y - 0.06, identity.eye_width * 1.35, 0.16)
    painter.fill(mirrored(socket), skin * 0.60, 0.62, 4.0)
    tip = eye_y + identity.nose_length + 0.06
    ridge = np.array([(-0.06, eye_y - 0.1), (0.06, eye_y - 0.1), (0.09, tip), (-0.09, tip)])
    painter.fill([ridge], np.minimum(skin * 1.14, 250.0), 0.75, 2.5)
    flank = np.array([(0.09, eye_y), (0.13, eye_y), (width + 0.05, tip), (0.8 * width, tip)])
    painter.fill(mirrored(flank), shade, 0.35, 2.5)
    painter.fill([ellipse(0.0, tip + 0.05, width * 1.1, 0.035)], skin * 0.5, 0.65, 2.0)
    painter.fill(mirrored(ellipse(0.5 * width, tip + 0.035, 0.04, 0.022)), skin * 0.25, 0.8, 1.0)
    lower_lip = identity.mouth_y + 1.9 * identity.lip
    painter.fill([ellipse(0.0, lower_lip, 0.55 * identity.mouth_width, 0.025)], shade, 0.55, 2.2)


def _raise_inner_brows(painter: _Painter, identity: Identity) -> list[Region]:
    """AU1: wrinkles across the forehead, as far as hair does not hide them."""
    for height in (-0.10, -0.17):
        y = identity.brow_y + height
        crease = bezier((-0.28, y - 0.02), (0.0, y - 0.07), (0.28, y - 0.02))
        painter.line([crease], identity.skin * 0.6, 0.7, 2.0)
    _draw_fringe(painter, identity)
    return [painter.region((-0.34, 0.34), (identity.brow_y - 0.28, identity.brow_y - 0.06))]


def _lower_brows(painter: _Painter, identity: Identity) -> list[Region]:
    """AU4: a furrow between the brows."""
    y, skin = identity.brow_y, identity.skin
    painter.fill([ellipse(0.0, y + 0.1, 0.1, 0.09)], skin * 0.6, 0.45, 3.0)
    furrow = np.array([(0.045, y + 0.02), (0.05, y + 0.15)])
    painter.line(mirrored(furrow), skin * 0.45, 0.85, 2.2)
    return [painter.region((-0.15, 0.15), (y - 0.05, y + 0.28))]


def _raise_cheeks(painter: _Painter, identity: Identity) -> list[Region]:
    """AU6: raised cheeks, bags under the eyes and crow's feet."""
    x, y, width, skin = identity.eye_x, identity.eye_y, identity.eye_width, identity.skin
    lit = np.minimum(skin * 1.14, 250.0)
    painter.fill(mirrored(ellipse(0.5, 0.17, 0.2, 0.13)), lit, 0.7, 5.0)
    bag = bezier((x - width, y + 0.13), (x, y + 0.19), (x + 1.1 * width, y + 0.09))
    painter.line(mirrored(bag), skin * 0.55, 0.8, 2.2)
    for slope in (-0.03, 0.05):
        crow = np.array([(x + 1.15 * width, y + 0.5 * slope), (x + 1.6 * width, y + slope)])
        painter.line(mirrored(crow), skin * 0.55, 0.7, 2.0)
    vertical = (y - 0.08, 0.42)
    return [painter.region(u, vertical) for u in ((-0.86, -0.16), (0.16, 0.86))]


def _raise_chin(painter: _Painter, identity: Identity) -> list[Region]:
    """AU17: the chin's boss."""
    skin = identity.skin
    painter.fill([ellipse(0.0, 0.76, 0.16, 0.07)], np.minimum(skin * 1.14, 250.0), 0.4, 4.0)
    painter.line([bezier((-0.14, 0.74), (0.0, 0.66), (0.14, 0.74))], skin * 0.62, 0.8, 2.2)
    return [painter.region((-0.3, 0.3), (0.56, 0.95))]


_OVERLAYS = {
    "AU01": _raise_inner_brows,
    "AU04": _lower_brows,
    "AU06": _raise_cheeks,
    "AU17": _raise_chin,
}


def draw_head(identity: Identity) -> HeadTexture:
    """Draw a person's head once; the regions of its overlays do not overlap."""
    half_width = HALF_FACE * identity.ratio
    width, height = round(2 * TEXTURE_HALF_U * half_width), round(2 * TEXTURE_HALF_V * HALF_FACE)
    image: FloatImage = np.zeros((height, width, 4), dtype=np.float32)
    painter = _Painter(image, half_width)
    _draw_head(painter, identity)
    _draw_nose_and_sockets(painter, identity)
    base = np.clip(np.round(image), 0, 255).astype(np.uint8)
    overlays: list[Overlay] = []
    for column, draw in _OVERLAYS.items():
        changed = image.copy()
        for region in draw(_Painter(changed, half_width), identity):
            full = np.clip(np.round(changed[region]), 0, 255).astype(np.uint8)
            overlays.append(Overlay(column, region, full))
    return HeadTexture(base, tuple(overlays))
