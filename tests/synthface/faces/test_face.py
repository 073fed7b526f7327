import dataclasses

import cv2
import numpy as np
import pytest

from adabench.synthface.faces.face import ClipRenderer
from adabench.synthface.faces.identity import draw_identity, draw_scene
from adabench.synthface.sheet import MASKING, contact_sheet, still

# bands of the 160x120 frame around a level face: rows, columns
FOREHEAD_AND_BROWS = (slice(34, 58), slice(50, 110))
MOUTH = (slice(76, 108), slice(50, 110))


def draw(signals, *, person=0, noise=0.0):
    rng = np.random.default_rng(person)
    identity, scene = draw_identity(rng), draw_scene(rng)
    scene = dataclasses.replace(scene, noise=noise)
    return next(ClipRenderer(still(signals), identity, scene).frames(rng)).astype(float)


def test_frames_have_the_stated_size_and_follow_from_their_random_numbers():
    first, second = draw({"AU01": 0.5}, noise=4.0), draw({"AU01": 0.5}, noise=4.0)
    assert first.shape == (120, 160, 3)
    np.testing.assert_array_equal(first, second)


def test_persons_differ():
    assert np.abs(draw({}, person=1) - draw({}, person=2)).mean() > 10.0


@pytest.mark.parametrize(
    ("unit", "inside", "outside"),
    [
        ("AU01", FOREHEAD_AND_BROWS, MOUTH),
        ("AU04", FOREHEAD_AND_BROWS, MOUTH),
        ("AU15", MOUTH, FOREHEAD_AND_BROWS),
        ("AU12", MOUTH, FOREHEAD_AND_BROWS),
        ("AU25", MOUTH, FOREHEAD_AND_BROWS),
    ],
)
def test_an_action_unit_moves_its_part_of_the_face(unit, inside, outside):
    for person in range(5):
        change = np.abs(draw({unit: 1.0}, person=person) - draw({}, person=person))
        assert change[inside].mean() > 1.0
        assert change[outside].max() <= 1.0


@pytest.mark.parametrize("unit", ["AU01", "AU04", "AU15"])
def test_key_units_are_visible_at_64_pixels_and_grow_with_intensity(unit):
    def crop(intensity, person):
        frame = draw({unit: intensity}, person=person)[12:120, 26:134]
        return cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA)

    for person in range(5):
        changes = [np.abs(crop(i, person) - crop(0.0, person)).sum() for i in (0.2, 0.5, 0.95)]
        assert changes == sorted(changes)
        # a whole-intensity unit changes at least 30 of 4,096 pixels by 20 grey levels
        strong = np.abs(crop(0.95, person) - crop(0.0, person)).max(2) > 20
        assert strong.sum() >= 30


def test_a_lowered_head_moves_the_mouth_down():
    for person in range(3):
        level, lowered = draw({}, person=person), draw({"head_down": 1.0}, person=person)
        assert np.abs(level - lowered)[30:110, 50:110].mean() > 5.0


def test_noise_has_its_deviation():
    clean, noisy = draw({}), draw({}, noise=4.0)
    assert np.std(noisy - clean) == pytest.approx(4.0, rel=0.15)


def test_the_contact_sheet_shows_every_event():
    sheet = contact_sheet(0)
    assert sheet.shape == (240 * (4 + len(MASKING) // 4), 320 * 4, 3)
