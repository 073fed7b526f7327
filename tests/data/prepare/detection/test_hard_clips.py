"""Clips that are hard to follow, made of drawn faces whose places are known."""

import cv2
import numpy as np
import pytest
from drawn_scenes import HEIGHT, WIDTH, scene, write

from adabench.data.prepare.faces import face_boxes
from adabench.data.prepare.videos.decode import Video


def overlaps(boxes, faces):
    """Intersection over union of (N, 4) boxes with the faces (N, 3) centre x, y and side."""
    faces = np.asarray(faces, np.float64)
    low = np.maximum(boxes[:, :2], faces[:, :2] - faces[:, 2:] / 2)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], faces[:, :2] + faces[:, 2:] / 2)
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return shared / (boxes[:, 2] ** 2 + faces[:, 2] ** 2 - shared)


@pytest.fixture(params=["haar", "mtcnn"])
def detector(request):
    return request.param


def found_in(path, detector, shots, others=lambda number: ()):
    """What is found in a clip of shots (frames, person, x, y, side), and the true faces (N, 3)."""
    truth = [(*shot[1:],) for shot in shots for _ in range(shot[0])]
    frames = [
        scene(*([face] if face[0] else []), *others(number)) for number, face in enumerate(truth)
    ]
    return face_boxes(write(path, frames), detector=detector), [face[1:4] for face in truth]


SMALL, LARGE = ("a", 80, 110, 70), ("a", 225, 140, 100)


@pytest.mark.parametrize("at", [25, 27, 29])
def test_a_cut_is_not_smoothed_over(tmp_path, detector, at):
    found, truth = found_in(tmp_path / "cut.avi", detector, [(at, *SMALL), (55 - at, *LARGE)])
    assert found.cuts == (at,)
    assert overlaps(found.boxes, truth).min() > 0.75
    assert found.face_rate == 1


def test_shots_of_two_seconds(tmp_path, detector):
    shots = [(31, *SMALL), (32, *LARGE), (28, *SMALL), (33, *LARGE)]
    found, truth = found_in(tmp_path / "shots.avi", detector, shots)
    assert found.cuts == (31, 63, 91)
    assert overlaps(found.boxes, truth).min() > 0.75


def test_the_picture_is_zoomed_at_once(tmp_path, detector):
    shots = [(32, "c", 160, 120, 60), (33, "c", 165, 125, 110)]
    found, truth = found_in(tmp_path / "zoom.avi", detector, shots)
    assert found.cuts == (32,)
    assert overlaps(found.boxes, truth).min() > 0.75


def test_a_quick_move_is_no_cut(tmp_path, detector):
    x = np.concatenate([np.full(20, 80.0), np.linspace(80, 220, 13), np.full(22, 220.0)])
    shots = [(1, "a", float(value), 120, 70) for value in x]
    found, truth = found_in(tmp_path / "quick.avi", detector, shots)
    assert found.cuts == ()
    assert np.abs(np.diff(found.boxes[:, 0])).max() < 15
    assert overlaps(found.boxes, truth).min() > 0.4


@pytest.mark.parametrize("frames", [15, 45])
def test_a_larger_face_for_a_short_while(tmp_path, detector, frames):
    def others(number):
        return [("d", 235, 130, 125)] if 30 <= number < 30 + frames else []

    found, truth = found_in(tmp_path / "two.avi", detector, [(100, *SMALL)], others)
    assert found.cuts == ()
    assert overlaps(found.boxes, truth).min() > 0.75


def test_several_faces_all_the_time(tmp_path, detector):
    others = [("d", 200, 60, 45), ("f", 280, 180, 50)]
    found, truth = found_in(tmp_path / "group.avi", detector, [(50, *SMALL)], lambda _: others)
    assert overlaps(found.boxes, truth).min() > 0.75


@pytest.mark.parametrize("gap", [10, 40])
def test_no_face_for_a_while(tmp_path, detector, gap):
    shots = [(30, *SMALL), (gap, "", 80, 110, 70), (30, "a", 88, 113, 72)]
    found, truth = found_in(tmp_path / "gap.avi", detector, shots)
    assert found.cuts == ()
    assert found.face_rate == pytest.approx(1 - gap / (60 + gap), abs=0.05)
    assert overlaps(found.boxes, truth).min() > 0.6


def test_back_at_once_somewhere_else(tmp_path, detector):
    shots = [(30, *SMALL), (7, "", 80, 110, 70), (40, *LARGE)]
    found, truth = found_in(tmp_path / "back.avi", detector, shots)
    seen = np.r_[0:30, 37:77]
    assert overlaps(found.boxes[seen], np.array(truth)[seen]).min() > 0.75
    assert len(found.cuts) == 1
    assert 30 <= found.cuts[0] <= 37


def test_a_turned_head(tmp_path, detector):
    """The cascade doesn't see it; the box waits where it was. MTCNN does."""
    shots = [(30, "e", 160, 120, 90), (23, "e", 160, 120, 90, 50), (30, "e", 160, 120, 90)]
    found, truth = found_in(tmp_path / "turned.avi", detector, shots)
    assert found.cuts == ()
    assert found.face_rate == 1 if detector == "mtcnn" else 0.6 < found.face_rate < 0.8
    assert overlaps(found.boxes, truth).min() > 0.7


@pytest.mark.parametrize("size", [(480, 360), (160, 120), (320, 180)])
def test_frames_that_change_their_size(tmp_path, detector, size):
    frames = [scene(("a", 140, 110, 90))] * 60
    frames[33:] = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames[33:]]
    path = write(tmp_path / "size.avi", frames)
    assert {frame.size for frame in Video(path).frames()} == {(WIDTH, HEIGHT), size}
    found = face_boxes(path, detector=detector)
    wide, high = size[0] / WIDTH, size[1] / HEIGHT
    truth = [(140, 110, 90)] * 33 + [(140 * wide, 110 * high, 90 * (wide + high) / 2)] * 27
    assert found.cuts == ()
    assert overlaps(found.boxes, truth).min() > 0.6


def test_another_picture_in_another_size(tmp_path, detector):
    frames = [scene(SMALL)] * 37 + [cv2.resize(scene(LARGE), (640, 480))] * 33
    found = face_boxes(write(tmp_path / "both.avi", frames), detector=detector)
    assert found.cuts == (37,)
    truth = [SMALL[1:]] * 37 + [(450, 280, 200)] * 33
    assert overlaps(found.boxes, truth).min() > 0.75
