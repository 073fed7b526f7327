"""Draws the frames of a clip: a still background, and the head in every frame."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.synthface.faces.drawing import FloatImage, blend
from adabench.synthface.faces.features import moving_shapes
from adabench.synthface.faces.head import (
    FRAME_HEIGHT,
    FRAME_WIDTH,
    HALF_FACE,
    MAP_STEP,
    SCALE,
    TEXTURE_HALF_U,
    Pose,
    Region,
    Texture,
    draw_head,
)
from adabench.synthface.faces.identity import Identity, Scene
from adabench.synthface.signals import ClipTruth

# light as 8-bit factors: this value leaves a pixel as it is
UNIT_LIGHT = 160
NOISE_SEED = 20140707
NOISE_MARGIN = 100

Frame = NDArray[np.uint8]


def draw_background(scene: Scene, centre: NDArray[np.float64], half_width: float) -> Frame:
    """The wall and the shoulders, (120, 160, 3); `centre` is the head's mean place, doubled."""
    width, height = FRAME_WIDTH * SCALE, FRAME_HEIGHT * SCALE
    right, down = scene.wall_gradient
    slope = np.linspace(-right, right, width)[None, :] + np.linspace(-down, down, height)[:, None]
    image: FloatImage = (scene.wall + slope[..., None]).astype(np.float32)
    for box in scene.boxes:
        x, y, box_width, box_height = box[:4] * (width, height, width, height)
        corners = np.array([(0, 0), (box_width, 0), (box_width, box_height), (0, box_height)])
        blend(image, [corners + np.array([x, y])], box[4:], alpha=0.9, blur=1.5)
    x, y = centre
    outer, inner = 3.6 * half_width / 2, 0.55 * half_width
    neck, slope_y = y + 0.98 * HALF_FACE, y + 1.14 * HALF_FACE
    right_side = [(inner, neck), (1.45 * half_width, slope_y), (outer, height + 5.0)]
    left_side = [(-dx, dy) for dx, dy in reversed(right_side)]
    shoulders = np.array(right_side + left_side) + np.array([x, 0.0])
    blend(image, [shoulders], scene.shirt, blur=1.0)
    small = cv2.resize(image, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


@cache
def _unit_noise() -> NDArray[np.float32]:
    """White noise larger than a frame: every frame shows another part of it."""
    rng = np.random.default_rng(NOISE_SEED)
    shape = (FRAME_HEIGHT + NOISE_MARGIN, FRAME_WIDTH + NOISE_MARGIN, 3)
    return rng.standard_normal(shape, dtype=np.float32)


def _light(scene: Scene) -> Frame:
    level, right, down = scene.light
    x = np.linspace(-right, right, FRAME_WIDTH)[None, :]
    y = np.linspace(-down, down, FRAME_HEIGHT)[:, None]
    factors = np.clip(np.round(level * (1 + x + y) * UNIT_LIGHT), 0, 255).astype(np.uint8)
    return np.repeat(factors[..., None], 3, axis=2)


def _head_region(pose: Pose) -> Region:
    """The part of the doubled frame that the head reaches in a clip, at even coordinates."""
    reach = (TEXTURE_HALF_U * 0.9) * pose.half_width
    left = max(int(pose.centre[:, 0].min() - reach) // SCALE * SCALE, 0)
    right = min(int(pose.centre[:, 0].max() + reach) // SCALE * SCALE, FRAME_WIDTH * SCALE)
    return slice(0, FRAME_HEIGHT * SCALE), slice(left, right)


class ClipRenderer:
    """Draws one clip of a person in a scene.

    Args:
        truth: what the face does in the T frames.
        identity: the person.
        scene: the surroundings and the light.
    """

    def __init__(self, truth: ClipTruth, identity: Identity, scene: Scene) -> None:
        self.truth = truth
        self.pose = Pose.of(truth, identity)
        self.region = _head_region(self.pose)
        rows, columns = self.region
        self.small_region = (
            slice(rows.start // SCALE, rows.stop // SCALE),
            slice(columns.start // SCALE, columns.stop // SCALE),
        )
        self.texture = draw_head(identity)
        self.maps = self.pose.texture_maps(self.region)
        origin = np.array([columns.start, rows.start])
        self.shapes = moving_shapes(truth, identity, lambda p: self.pose.project(p) - origin)
        light = _light(scene)
        background = draw_background(scene, self.pose.centre.mean(0), self.pose.half_width)
        self.background = cv2.multiply(background, light, scale=1 / UNIT_LIGHT)
        self.light = np.ascontiguousarray(light[self.small_region])
        self.noise = np.round(_unit_noise() * scene.noise).astype(np.int16)

    def frames(self, rng: np.random.Generator) -> Iterator[Frame]:
        """The T frames, (120, 160, 3) blue, green, red; `rng` draws the camera's noise."""
        total = len(self.truth.key)
        offsets = rng.integers(0, NOISE_MARGIN + 1, (total, 2))
        texture = self.texture.base.copy()
        columns = {overlay.column for overlay in self.texture.overlays}
        for frame in range(total):
            self.texture.mix_into(
                texture, {name: float(self.truth.column(name)[frame]) for name in columns}
            )
            head = self._head(texture, frame)
            yield self._compose(head, offsets[frame])

    def _head(self, texture: Texture, frame: int) -> Texture:
        """The head over nothing, premultiplied: (120, w, 4)."""
        rows, columns = self.region
        size = (columns.stop - columns.start, rows.stop - rows.start)
        coarse = self.maps[frame]
        full = (coarse.shape[1] * MAP_STEP, coarse.shape[0] * MAP_STEP)
        places = cv2.resize(coarse, full, interpolation=cv2.INTER_LINEAR)[: size[1], : size[0]]
        bent = cv2.remap(texture, places, None, cv2.INTER_LINEAR)
        for shape in self.shapes:
            shape.draw(bent, frame)
        small = (size[0] // SCALE, size[1] // SCALE)
        return cv2.resize(bent, small, interpolation=cv2.INTER_AREA)

    def _compose(self, head: Texture, offset: NDArray[np.int64]) -> Frame:
        image = self.background.copy()
        behind = image[self.small_region]
        uncovered = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(head, 3)), cv2.COLOR_GRAY2BGR)
        rest = cv2.multiply(behind, uncovered, scale=1 / 255)
        colours = cv2.cvtColor(head, cv2.COLOR_BGRA2BGR)
        lit = cv2.multiply(colours, self.light, scale=1 / UNIT_LIGHT)
        cv2.add(lit, rest, dst=behind)
        y, x = offset
        noise = self.noise[y : y + FRAME_HEIGHT, x : x + FRAME_WIDTH]
        return cv2.add(image, noise, dtype=cv2.CV_8U)
