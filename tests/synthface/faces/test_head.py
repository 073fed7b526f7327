import numpy as np
import pytest

from adabench.synthface.faces.head import (
    FRAME_HEIGHT,
    FRAME_WIDTH,
    MAP_STEP,
    SCALE,
    Pose,
    draw_head,
    texture_pixels,
)
from adabench.synthface.faces.identity import draw_identity
from adabench.synthface.sheet import still

POSES = [
    {},
    {"yaw": 12.0},
    {"yaw": -10.0, "roll": 5.0, "shift_x": 6.0},
    {"head_down": 1.0, "pitch": 3.0},
    {"AU26": 1.0, "yaw": 5.0, "head_down": 0.5},
]


@pytest.fixture
def identity():
    return draw_identity(np.random.default_rng(0))


@pytest.mark.parametrize("signals", POSES)
def test_texture_maps_invert_the_projection(signals, identity):
    pose = Pose.of(still(signals), identity)
    u, v = np.meshgrid(np.linspace(-0.6, 0.6, 7), np.linspace(-0.6, 0.8, 8))
    pixels = pose.project(np.stack([u.ravel(), v.ravel()], axis=1)[None])[0]
    region = (slice(0, FRAME_HEIGHT * SCALE), slice(0, FRAME_WIDTH * SCALE))
    coarse = pose.texture_maps(region)[0]
    expected = np.stack(texture_pixels(u.ravel(), v.ravel(), pose.half_width), axis=1)
    found = []
    for x, y in (pixels - (MAP_STEP - 1) / 2) / MAP_STEP:
        column, row = int(x), int(y)
        right, down = x - column, y - row
        cells = coarse[row : row + 2, column : column + 2]
        weights = np.outer([1 - down, down], [1 - right, right])
        found.append((cells * weights[..., None]).sum((0, 1)))
    assert np.abs(np.array(found) - expected).max() < 0.5


def test_a_level_head_is_projected_by_scale_alone(identity):
    pose = Pose.of(still({}), identity)
    corner = pose.project(np.array([[[1.0, 1.0]]]))[0, 0] - pose.centre[0]
    np.testing.assert_allclose(corner, [pose.half_width, 90.0])


def test_overlays_change_their_own_region_only(identity):
    head = draw_head(identity)
    rest = head.base.copy()
    columns = {overlay.column for overlay in head.overlays}
    assert columns == {"AU01", "AU04", "AU06", "AU17"}
    head.mix_into(rest, dict.fromkeys(columns, 0.0))
    np.testing.assert_array_equal(rest, head.base)
    full = head.base.copy()
    head.mix_into(full, dict.fromkeys(columns, 0.0) | {"AU04": 1.0})
    changed = np.any(full != head.base, axis=2)
    furrow = next(overlay.region for overlay in head.overlays if overlay.column == "AU04")
    assert changed[furrow].mean() > 0.1
    changed[furrow] = False
    assert not changed.any()


def test_overlays_do_not_overlap():
    for seed in range(10):
        head = draw_head(draw_identity(np.random.default_rng(seed)))
        covered = np.zeros(head.base.shape[:2], dtype=int)
        for overlay in head.overlays:
            covered[overlay.region] += 1
        assert covered.max() == 1


def test_the_texture_is_premultiplied(identity):
    base = draw_head(identity).base
    assert base[0, 0].tolist() == [0, 0, 0, 0]
    assert base[base.shape[0] // 2, base.shape[1] // 2, 3] == 255
    assert np.all(base[..., :3].max(2)[base[..., 3] == 0] == 0)
