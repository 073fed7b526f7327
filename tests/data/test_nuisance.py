import numpy as np
import pytest

from adabench.data.nuisance import NUMBERS, face_sizes, nuisance_numbers


class Corpus:
    """Frames that grow brighter to the right, under corners of one colour."""

    def __init__(self, root, frames) -> None:
        self.root, self.stored = root, frames

    def frames(self, clip, index):
        return self.stored[index]


class Clip:
    clip, fps, frames, face_rate = "31070201_1_Freeform", 10.0, 40, 0.75


def test_the_numbers_are_what_they_are_called(tmp_path):
    frame = np.full((32, 32, 3), 100, np.uint8)
    frame[:, 16:] = 140
    frame[:4, :4] = frame[:4, -4:] = (10, 20, 30)
    corpus = Corpus(tmp_path, np.repeat(frame[None], 40, axis=0))
    told = dict(zip(NUMBERS, nuisance_numbers(corpus, Clip, 0.6), strict=True))
    assert (told["seconds"], told["frames"], told["face_rate"]) == (4.0, 40.0, 0.75)
    assert told["face_size"] == 0.6
    assert [told[f"border_{c}"] for c in ("red", "green", "blue")] == [10.0, 20.0, 30.0]
    level = frame.mean()
    right, left = frame[:, 16:].mean(), frame[:, :16].mean()
    lower, upper = frame[16:].mean(), frame[:16].mean()
    assert told["brightness"] == pytest.approx(level)
    assert told["gradient_x"] == pytest.approx((right - left) / level)
    assert told["gradient_y"] == pytest.approx((lower - upper) / level)


def test_a_gradient_does_not_depend_on_how_bright_a_face_is(tmp_path):
    ramp = np.linspace(60, 120, 32)[None, None, :, None] * np.ones((40, 32, 32, 3))
    found = [
        nuisance_numbers(Corpus(tmp_path, np.round(ramp * part).astype(np.uint8)), Clip)
        for part in (1.0, 0.5)
    ]
    x = NUMBERS.index("gradient_x")
    assert found[0][x] == pytest.approx(found[1][x], abs=0.02)
    assert found[0][x] > 0.2


def test_the_face_s_size_is_read_from_the_report(tmp_path):
    corpus = Corpus(tmp_path, None)
    assert face_sizes(corpus) == {}
    (tmp_path / "report-faces.csv").write_text("clip,status,size\na,ok,0.5\nb,ok,\n")
    assert face_sizes(corpus) == {"a": 0.5}
