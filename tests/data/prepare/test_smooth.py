"""Tracks from detections that were made up, with mistakes among them."""

import numpy as np
import pytest

from adabench.data.prepare.detect import Detections
from adabench.data.prepare.smooth import choose, track

FRAMES, EVERY = 101, 5
TIMES = np.arange(0, FRAMES, EVERY)


def face(x, y, side, confidence=0.6):
    return [x - side / 2, y - side / 2, side, side, confidence]


def detections(boxes, frames=FRAMES, times=TIMES):
    arrays = tuple(np.array(b, np.float64).reshape(-1, 5) for b in boxes)
    return Detections(frames, np.asarray(times), arrays, (320, 240))


def true_centre(t):
    return 100 + 40 * np.sin(t / 30), 90 + 0.2 * t


def moving():
    return [[face(*true_centre(t), 50)] for t in TIMES]


def errors(boxes):
    """Distance of the boxes' centres from the truth, in pixels."""
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    return np.hypot(*(centres - np.stack(true_centre(np.arange(len(boxes))), axis=1)).T)


def test_follows_a_moving_face():
    found = track(detections(moving()), fps=15)
    assert found.boxes.shape == (FRAMES, 4)
    assert found.face_rate == 1
    assert errors(found.boxes).max() < 2.5
    assert errors(found.boxes).mean() < 0.6
    np.testing.assert_allclose(found.boxes[:, 2:], 50)


def test_gaps_are_interpolated():
    boxes = moving()
    for sample in (0, 5, 6, 7, 20):
        boxes[sample] = []
    found = track(detections(boxes), fps=15)
    assert found.face_rate == pytest.approx(16 / 21)
    assert errors(found.boxes)[10:90].max() < 4


@pytest.mark.parametrize("position", [0, 10, -1])
def test_a_single_mistake_is_ignored(position):
    boxes = moving()
    boxes[position] = [face(250, 200, 90, 0.9)]
    found = track(detections(boxes), fps=15)
    assert found.face_rate == pytest.approx(20 / 21)
    assert errors(found.boxes)[10:90].max() < 3


def test_a_larger_but_unsure_box_beside_the_face():
    boxes = [[face(250, 180, 74, 0.2), *b] for b in moving()]
    found = track(detections(boxes), fps=15)
    assert errors(found.boxes).max() < 2.5


def test_a_mistake_while_the_face_is_gone():
    boxes = moving()
    for sample in range(6, 12):
        boxes[sample] = [face(250, 200, 60, 0.3)]
    times, _ = choose(detections(boxes))
    assert set(TIMES[6:12]) & set(times) == set()


def test_the_larger_of_two_faces():
    boxes = [[face(260, 100, 30), *b] for b in moving()]
    assert errors(track(detections(boxes), fps=15).boxes).max() < 2.5


def test_no_face_at_all():
    assert track(detections([[]] * len(TIMES)), fps=15) is None


def test_one_face_in_one_frame():
    found = track(detections([[], [face(100, 80, 40)]], 8, [0, 7]), fps=15)
    np.testing.assert_allclose(found.boxes, [[80, 60, 40, 40]] * 8)
    assert found.face_rate == 0.5


def test_trembling_detections_give_a_steady_box():
    rng = np.random.default_rng(0)
    boxes = [[face(*(100 + rng.normal(0, 2, 2)), 50 + rng.normal(0, 3))] for _ in TIMES]
    found = track(detections(boxes), fps=15)
    steps = np.abs(np.diff(found.boxes, axis=0))
    assert steps.max() < 1.0
    assert found.boxes[:, 2].std() < 1.5


def test_smoothing_is_in_seconds():
    boxes = [[face(100 + 20 * (i % 2), 100, 50)] for i in range(len(TIMES))]
    slow, fast = (track(detections(boxes), fps=fps).boxes[20:80, 0].std() for fps in (5, 60))
    assert fast < slow / 4


def test_the_argument_stays_unchanged():
    given = detections(moving())
    before = [boxes.copy() for boxes in given.boxes]
    track(given, fps=15)
    for mine, old in zip(given.boxes, before, strict=True):
        np.testing.assert_array_equal(mine, old)
