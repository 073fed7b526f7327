"""Faces that are small, turned, tilted or several, and what is said of them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_scenes import scene, write
from skimage import data

from adabench.data.corpora import SourceClip
from adabench.data.prepare.clip import ClipJob, prepare_clip
from adabench.data.prepare.detection.detect import FULL_LOOK
from adabench.data.prepare.detection.mtcnn import MtcnnDetector
from adabench.data.prepare.detection.pose import poses
from adabench.data.prepare.detection.search import TurnedFrame
from adabench.data.prepare.faces import NoFaceError, face_boxes, faces_of
from adabench.data.prepare.settings import PrepareSettings

CENTRE, SIDE = (222, 115), 110


def photograph(side, at, size=(640, 480), tilt=0.0):
    place = cv2.getRotationMatrix2D(CENTRE, -tilt, side / SIDE)
    place[:, 2] += np.subtract(at, CENTRE)
    return cv2.warpAffine(data.astronaut(), place, size, borderMode=cv2.BORDER_REPLICATE)


def found(path, frames, **settings):
    write(path, frames)
    clip = SourceClip("203_1", "203", "203_1", "", "train", path, 17)
    return faces_of(clip, PrepareSettings(**settings))


def tilt_of(crop):
    """Degrees by which the face in a crop is tilted."""
    enlarged = cv2.resize(crop, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    face = max(MtcnnDetector()(enlarged), key=lambda face: face[4])
    return poses(face[None, 5:].reshape(1, 5, 2))[0, 3]


@pytest.mark.parametrize("detector", ["haar", "mtcnn"])
def test_a_face_of_a_tenth_of_the_height(tmp_path, detector):
    picture = np.full((720, 1280, 3), 90, np.uint8)
    picture[250:600, 300:650] = photograph(76, (155, 80), (350, 350))
    faces = found(tmp_path / "far.avi", [picture] * 3, detector=detector, size=96)
    assert faces.face_rate == 1
    quality = faces.quality()
    assert quality.size == pytest.approx(76 / 720, rel=0.2)
    assert abs(tilt_of(next(faces.crops()))) < 8


@pytest.mark.parametrize(("detector", "turns"), [("haar", 1), ("mtcnn", 1), ("mtcnn", 3)])
def test_a_face_on_its_side_is_turned_upright(tmp_path, detector, turns):
    upright = photograph(90, (160, 120), (320, 240))
    lying = np.ascontiguousarray(np.rot90(upright, turns))
    faces = found(tmp_path / "lying.avi", [lying] * 3, detector=detector, size=96)
    status, detail = faces.judge()
    assert status == "turned_face"
    assert f"by {360 - 90 * turns} degrees counter-clockwise" in detail
    assert abs(tilt_of(next(faces.crops()))) < 8
    assert faces.quality().turned == 4 - turns


def test_a_tilted_face(tmp_path):
    frames = [photograph(150, (320, 240), tilt=35)] * 6
    box = found(tmp_path / "box.avi", frames, size=96)
    status, detail = box.judge()
    assert (status, box.face_rate) == ("tilted", 1)
    assert "--cut aligned" in detail
    assert tilt_of(next(box.crops())) == pytest.approx(38, abs=6)
    aligned = found(tmp_path / "box.avi", frames, size=96, cut="aligned")
    assert aligned.judge() == ("ok", "")
    assert abs(tilt_of(next(aligned.crops()))) < 5
    assert aligned.quality().tilt == pytest.approx(38, abs=6)


def test_an_aligned_face_stays_where_it_is_while_the_head_turns_and_moves(tmp_path):
    time = np.arange(50) / 15
    places = zip(160 + 18 * np.sin(2 * time), 120 + 8 * np.sin(3 * time), strict=True)
    tilts = 14 * np.sin(2.5 * time)
    frames = [photograph(90, at, (320, 240), tilt) for at, tilt in zip(places, tilts, strict=True)]
    crops = {
        cut: np.stack(list(found(tmp_path / "nod.avi", frames, cut=cut, size=96).crops()))
        for cut in ("box", "aligned")
    }
    # the same face in every crop: what its pixels change by over time
    inner = {cut: each[:, 24:72, 24:72].astype(float) for cut, each in crops.items()}
    change = {cut: each.std(axis=0).mean() for cut, each in inner.items()}
    assert change["aligned"] < 0.5 * change["box"]
    detector, few = MtcnnDetector(), crops["aligned"][::10]
    eyes = [detector(cv2.resize(crop, (288, 288)))[0, 5:9] / 3 for crop in few]
    wide = np.hypot(*(np.array(eyes)[:, 2:] - np.array(eyes)[:, :2]).T)
    # 0.4 of the square, which a margin of a tenth on each side has made larger
    assert np.median(wide) == pytest.approx(96 * 0.4 / 1.2, rel=0.12)


@pytest.mark.parametrize("detector", ["haar", "mtcnn"])
def test_another_face_in_every_look_is_told(tmp_path, detector):
    pair = scene(("a", 80, 120, 80), ("d", 235, 120, 80))
    faces = found(tmp_path / "two.avi", [pair] * 16, detector=detector)
    status, detail = faces.judge()
    assert status == "other_faces"
    assert "another face beside it in 100% of the frames looked at" in detail
    assert "the one that is there longest was taken" in detail


def test_who_is_there_longest_is_taken_though_smaller(tmp_path):
    """The other one is twice as large, and there for two thirds of the time."""
    small, large = ("a", 80, 170, 60), ("d", 225, 120, 125)
    frames = [scene(small)] * 30 + [scene(small, large)] * 60
    faces = face_boxes(write(tmp_path / "longest.avi", frames), detect_every=1)
    assert np.abs(faces.boxes[:, 0] + faces.boxes[:, 2] / 2 - 80).max() < 12
    assert faces.face_rate == 1
    # who comes is seen when all is searched again
    assert (60 - FULL_LOOK) / 90 <= faces.quality.others <= 60 / 90


def test_somebody_who_passes_by_is_not_told(tmp_path):
    frames = [scene(("a", 80, 120, 80), ("d", 235, 120, 80))] + [scene(("a", 80, 120, 80))] * 130
    faces = found(tmp_path / "short.avi", frames)
    assert faces.judge() == ("ok", "")
    assert faces.quality().others == pytest.approx(1 / 28, abs=0.01)


@pytest.mark.parametrize(
    ("detector", "first", "second", "remedy"),
    [
        ("haar", "72 pixels (15% of", "36 pixels (8%", "try --detector mtcnn"),
        ("mtcnn", "48 pixels (10% of", "24 pixels (5%", "try --detector yunet"),
    ],
)
def test_no_face_says_what_was_looked_for_and_what_to_try(
    tmp_path, detector, first, second, remedy
):
    with pytest.raises(NoFaceError, match="no face found in any frame") as caught:
        found(tmp_path / "none.avi", [np.full((480, 640, 3), 90, np.uint8)] * 7, detector=detector)
    told = str(caught.value)
    for part in (str(tmp_path), first, "in 3 of 7 frames", second, "in 7 of them", remedy):
        assert part in told
    assert "turned by 90, 180 and 270 degrees" in told


def test_a_turned_frame(tmp_path):
    class Still:
        number, size = 3, (4, 2)

        def rgb(self):
            return np.arange(24, dtype=np.uint8).reshape(2, 4, 3)

    frame = TurnedFrame(Still(), 1)
    assert (frame.number, frame.size) == (3, (2, 4))
    np.testing.assert_array_equal(frame.rgb()[0], Still().rgb()[:, -1])


def test_the_note_says_how_well_the_face_was_seen(tmp_path):
    def quality(name, frames):
        path = write(tmp_path / f"{name}.avi", frames)
        clip = SourceClip(name, "203", "203_1", "", "train", path, 17)
        return prepare_clip(
            ClipJob(clip, Path(tmp_path), tmp_path / "out", PrepareSettings())
        ).quality

    sharp = photograph(150, (320, 240))
    near = quality("near", [sharp] * 6)
    blurred = quality("blurred", [cv2.GaussianBlur(sharp, (0, 0), 6)] * 6)
    dark = quality("dark", [(sharp * 0.4).astype(np.uint8)] * 6)
    assert near["size"] == pytest.approx(150 / 480, rel=0.15)
    assert near["pixels"] == pytest.approx(150, rel=0.15)
    assert near["sure"] > 0.9
    assert abs(near["tilt"] - 3) < 3
    assert blurred["sharp"] < 0.5 * near["sharp"]
    assert dark["sharp"] == pytest.approx(near["sharp"], rel=0.15)
