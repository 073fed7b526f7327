"""The detector on a photograph with a known face."""

import cv2
import numpy as np
import pytest
from skimage import data

from adabench.data.prepare.detection import detect as module
from adabench.data.prepare.detection.detect import HaarDetector, detect, detect_in, make_detector
from adabench.data.prepare.videos.decode import Video

FACE = np.array([177, 66, 95, 95])


def overlap_of_surest(faces, expected):
    """Intersection over union of the surest box with the expected one."""
    box = faces[faces[:, 4].argmax(), :4]
    low, high = (
        np.maximum(box[:2], expected[:2]),
        np.minimum(box[:2] + box[2:], expected[:2] + expected[2:]),
    )
    shared = np.prod(np.clip(high - low, 0, None))
    return shared / (np.prod(box[2:]) + np.prod(expected[2:]) - shared)


@pytest.mark.parametrize("size", [240, 512, 1280])
def test_finds_the_known_face_at_any_size(size):
    picture = cv2.resize(data.astronaut(), (size, size), interpolation=cv2.INTER_AREA)
    assert overlap_of_surest(HaarDetector()(picture), FACE * size / 512) > 0.7


@pytest.mark.parametrize("light", [0.3, 0.12])
def test_finds_it_in_the_dark(light):
    noise = np.random.default_rng(0).normal(0, 3, data.astronaut().shape)
    picture = np.clip(data.astronaut() * light + noise, 0, 255).astype(np.uint8)
    assert overlap_of_surest(HaarDetector()(picture), FACE) > 0.7


def test_nothing_to_find():
    faces = HaarDetector()(np.full((120, 160, 3), 90, np.uint8))
    assert faces.shape == (0, 5)


def test_confidence_is_a_share():
    faces = HaarDetector()(data.astronaut())
    assert ((faces[:, 4] > 0) & (faces[:, 4] < 1)).all()


class CountingDetector:
    def __init__(self):
        self.seen = []

    def __call__(self, image):
        self.seen.append(image.shape)
        return np.array([[1.0, 2, 3, 3, 0.5]] * (len(self.seen) % 2))


@pytest.mark.parametrize(
    ("every", "expected"), [(1, range(20)), (5, [0, 5, 10, 15, 19]), (100, [0, 19])]
)
def test_looks_at_every_nth_frame_and_the_last(video, every, expected):
    detector = CountingDetector()
    found = detect(Video(video).frames(), detector, every)
    assert found.sampled.tolist() == list(expected)
    assert (found.frames, found.size) == (20, (320, 240))
    assert detector.seen == [(240, 320, 3)] * len(found.sampled)
    assert [len(boxes) for boxes in found.boxes] == [(i + 1) % 2 for i in range(len(expected))]


def test_looks_at_the_frames_that_are_asked_for(video):
    detector = CountingDetector()
    read = []

    def frames():
        for frame in Video(video).frames():
            read.append(frame.number)
            yield frame

    found = detect_in(frames(), detector, [11, 3, 12])
    assert {number: len(boxes) for number, boxes in found.items()} == {3: 1, 11: 0, 12: 1}
    assert read == list(range(13))


def test_no_frames():
    with pytest.raises(ValueError, match="without frames"):
        detect([], CountingDetector(), 5)


def test_unknown_detector():
    with pytest.raises(ValueError, match="did you mean 'haar'"):
        make_detector("harr")


def test_opencv_without_cascades(monkeypatch):
    monkeypatch.setattr(module, "CASCADE", "gone.xml")
    with pytest.raises(FileNotFoundError, match="opencv-python<5"):
        HaarDetector()
