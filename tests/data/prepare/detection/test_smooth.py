"""Tracks from detections that were made up, with mistakes among them."""

import numpy as np
import pytest

from adabench.data.prepare.detection.detect import Detections
from adabench.data.prepare.detection.smooth import choose, track

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


def far():
    """The face of `moving` in the first half, and one far away in the second."""
    return [*moving()[:10], *[[face(250, 60, 60)] for _ in TIMES[10:]]]


def test_without_a_closer_look_a_cut_is_half_way():
    found = track(detections(far()), fps=15)
    assert found.cuts == (48,)
    np.testing.assert_allclose(found.boxes[48:, 0], 220)
    assert errors(found.boxes)[:48].max() < 2.5


@pytest.mark.parametrize("at", [46, 47, 50])
def test_a_closer_look_finds_the_frame_of_a_cut(at):
    asked = []

    def look(frames):
        asked.extend(frames)
        old, new = far()[9], far()[10]
        # the surest box is a mistake
        return {
            frame: np.array([face(20, 200, 90, 0.9), *(old if frame < at else new)])
            for frame in frames
        }

    found = track(detections(far()), 15, look)
    assert asked == [46, 47, 48, 49]
    assert found.cuts == (at,)


def test_a_look_that_shows_the_way_makes_it_a_move():
    near = [*moving()[:10], *[[face(190, 90, 60)] for _ in TIMES[10:]]]
    x, y = true_centre(45)

    def on_the_way(frames):
        return {
            frame: np.array([face(x + (190 - x) * k / 5, y + (90 - y) * k / 5, 50 + 2 * k)])
            for k, frame in enumerate(frames, 1)
        }

    found = track(detections(near), 15, on_the_way)
    assert found.cuts == ()
    assert np.abs(np.diff(found.boxes[:, 0])).max() < 12
    assert track(detections(near), 15, lambda frames: {}).cuts == (48,)


def test_nothing_is_looked_at_without_a_jump():
    def look(frames):
        raise AssertionError(frames)

    assert track(detections(moving()), 15, look).cuts == ()


def test_a_short_shot_is_kept_and_a_doubtful_one_is_not():
    for confidence, expected in ((0.6, 2), (0.35, 0)):
        boxes = moving()
        for sample in range(8, 14):
            boxes[sample] = [face(250, 200, 60, confidence)]
        assert len(track(detections(boxes), fps=15).cuts) == expected


def test_one_who_was_there_before_is_no_cut():
    """The face is gone for a while; a larger one beside it has been there all the time."""
    boxes = [[face(260, 180, 80, 0.4), face(*true_centre(t), 60, 0.7)] for t in TIMES]
    for sample in range(8, 12):
        boxes[sample] = boxes[sample][:1]
    found = track(detections(boxes), fps=15)
    assert found.cuts == ()
    assert errors(found.boxes).max() < 4


def test_a_look_that_misses_the_face_is_no_cut():
    boxes = [[face(*true_centre(t), 60)] for t in TIMES]
    for sample in range(8, 16):
        boxes[sample].append(face(260, 180, 100, 0.7))
    boxes[8] = boxes[8][1:]
    boxes[11] = boxes[11][1:]
    found = track(detections(boxes), fps=15)
    assert found.cuts == ()
    assert found.face_rate == pytest.approx(19 / 21)


def test_a_face_comes_back_after_many_mistakes():
    times = np.arange(0, 1500, EVERY)
    boxes = [[face(100, 100, 50)] for _ in times]
    boxes[60:240] = [[face(260, 60 + 30 * (k % 3), 50, 0.1)] for k in range(180)]
    found = track(detections(boxes, 1500, times), fps=15)
    assert found.face_rate == pytest.approx(120 / 300)
    np.testing.assert_allclose(found.boxes[:, 0], 75)


def test_a_slow_way_while_it_is_gone_is_no_jump():
    boxes = [[face(100, 100, 50)] if t < 30 else [face(150, 100, 50)] for t in TIMES]
    boxes[6:14] = [[]] * 8
    found = track(detections(boxes), fps=15)
    assert found.cuts == ()
    assert np.abs(np.diff(found.boxes[:, 0])).max() < 2


def test_frames_of_another_size():
    times, half = TIMES, 50
    boxes = [
        [face(100, 80, 50)] if t < half else [face(200 + 2 * (t % 2), 160, 100)] for t in times
    ]
    arrays = tuple(np.array(b) for b in boxes)
    found = track(Detections(FRAMES, times, arrays, (320, 240), ((half, 640, 480),)), fps=15)
    assert found.cuts == ()
    np.testing.assert_allclose(found.boxes[:half], [[75, 55, 50, 50]] * half, atol=1)
    np.testing.assert_allclose(found.boxes[half:], [[150, 110, 100, 100]] * 51, atol=2)


def test_scale_of_frames():
    empty = (np.empty((0, 5)),)
    given = Detections(9, np.array([0]), empty, (320, 240), ((3, 640, 480), (6, 160, 240)))
    scale = given.scale(np.arange(9))
    np.testing.assert_array_equal(scale, [[1, 1]] * 3 + [[2, 2]] * 3 + [[0.5, 1]] * 3)
