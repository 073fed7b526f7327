"""The faces of a clip, from a video, from OpenFace's output, or from both."""

import dataclasses
import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from adabench.data.corpora import OpenFaceFiles, SourceClip
from adabench.data.prepare.faces import BadSignalsError, face_boxes, faces_of
from adabench.data.prepare.openface.table import UnusableOpenFaceError
from adabench.data.prepare.settings import PrepareSettings
from adabench.data.prepare.videos.decode import UnreadableVideoError

OPENFACE = PrepareSettings(source="openface")


def clip(video=None, openface=None, signals=None):
    return SourceClip(
        "203_1", "203", "203_1", "", "train", video, 17, signals=signals, openface=openface
    )


def signals_of(found):
    return pd.read_csv(io.BytesIO(b"".join(found.signals())))


def test_faces_of_a_video(video):
    found = faces_of(clip(video), PrepareSettings(size=48))
    assert (found.frames, found.fps, found.face_rate) == (20, 15, 1.0)
    crops = list(found.crops())
    assert [crop.shape for crop in crops] == [(48, 48, 3)] * 20
    for first, second in zip(crops, found.crops(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (found.signals, found.table, found.findings) == (None, None, ())
    assert found.video.path == video
    assert found.judge() == ("ok", "")


def test_faces_of_openface(tmp_path, write_openface, openface_rows):
    rows = openface_rows(range(1, 31), fps=25)
    rows[4]["success"] = 0
    found = faces_of(clip(openface=write_openface(tmp_path, rows)), OPENFACE)
    assert (found.frames, found.fps, found.face_rate) == (30, 25, round(29 / 30, 4))
    assert [round(float(crop[..., 2].mean())) for crop in found.crops()][3:7] == [4, 4, 6, 7]
    table = signals_of(found)
    assert table["frame"].tolist() == list(range(30))
    assert table["AU04_r"].isna().sum() == 1
    assert found.judge() == ("ok", "")


def test_openface_goes_before_the_video(tmp_path, write_openface, openface_rows):
    files = write_openface(tmp_path, openface_rows(range(1, 9)))
    found = faces_of(clip(tmp_path / "gone.mp4", files), OPENFACE)
    assert (found.frames, found.video) == (8, None)


def test_gaps_and_lost_images_are_told(tmp_path, write_openface, openface_rows):
    files = write_openface(tmp_path, openface_rows([1, 2, 3, 7, 8]))
    (files.aligned / "frame_det_00_000007.bmp").unlink()
    status, detail = faces_of(clip(openface=files), OPENFACE).judge()
    assert status == "short"
    assert "3 frame numbers are missing, the first between 3 and 7" in detail
    assert "1 of 5 images" in detail
    assert detail.startswith(str(files.table))


@pytest.mark.parametrize(("seconds", "fps"), [(0.001, 1000), (2.0, 0.5)])
def test_a_tables_odd_rate_is_told_as_a_videos(
    tmp_path, write_openface, openface_rows, seconds, fps
):
    rows = [openface_rows([n], seconds=n * seconds)[0] for n in range(1, 101)]
    found = faces_of(clip(openface=write_openface(tmp_path, rows)), OPENFACE)
    status, detail = found.judge()
    assert (status, found.fps) == ("odd_rate", fps)
    assert f"it states {fps} frames per second" in detail


def test_a_tables_times_are_judged_as_a_videos(tmp_path, write_openface, openface_rows):
    def judged(seconds):
        rows = [openface_rows([n], seconds=s)[0] for n, s in enumerate(seconds, 1)]
        found = faces_of(clip(openface=write_openface(tmp_path, rows)), OPENFACE)
        return found.fps, *found.judge()

    pause = [n / 30 + (60 if n >= 40 else 0) for n in range(72)]
    fps, status, detail = judged(pause)
    assert (fps, status) == (30, "variable_rate")
    assert "it pauses once, for 60.0 s in all" in detail
    fps, status, detail = judged(np.cumsum([0.033, 0.034, 0.12, 0.066] * 12))
    assert (status, round(fps)) == ("variable_rate", 16)
    assert "its frames are 33 to 120 ms apart" in detail
    wrong = [n / 25 for n in range(300)]
    wrong[20], wrong[50] = 0.0, 900.0
    assert judged(wrong) == (25, "ok", "")
    assert judged([n / 30 for n in range(72) if n % 3])[1] == "variable_rate"


def joined(openface_rows):
    place = {f"{axis}_{n}": 40 + n * (axis == "x") for axis in "xy" for n in (0, 16)}
    return [
        *openface_rows(range(1, 15), face=0, fps=15, **place),
        *openface_rows(range(15, 21), face=1, fps=15, **place),
    ]


COLUMNS = ("frame", "face_id", "timestamp", "success", "AU04_r", "x_0", "y_0", "x_16", "y_16")


def test_images_of_a_face_that_is_numbered_anew(tmp_path, write_openface, openface_rows):
    files = write_openface(tmp_path, joined(openface_rows), columns=COLUMNS)
    found = faces_of(clip(openface=files), OPENFACE)
    assert [round(float(crop[..., 2].mean())) for crop in found.crops()] == [*range(1, 21)]
    assert (found.face_rate, signals_of(found)["AU04_r"].isna().sum()) == (1, 0)
    status, detail = found.judge()
    assert (status, "face_id 0, 1 follow each other" in detail) == ("several_faces", True)


def test_signals_of_a_face_that_is_numbered_anew(tmp_path, write_openface, openface_rows, video):
    files = write_openface(tmp_path, joined(openface_rows), columns=COLUMNS)
    found = faces_of(clip(video, OpenFaceFiles(files.table, None)), PrepareSettings())
    assert signals_of(found)["AU04_r"].notna().all()
    status, detail = found.judge()
    assert (status, f"{files.table}: face_id 0, 1 follow" in detail) == ("several_faces", True)


def test_images_without_a_table(tmp_path, write_openface, openface_rows, video):
    folder = write_openface(tmp_path, openface_rows([2, 3, 4, 7, 8])).aligned
    files = OpenFaceFiles(None, folder)
    found = faces_of(clip(video, files), OPENFACE)
    assert (found.frames, found.fps, found.face_rate, found.signals) == (8, 15, 5 / 8, None)
    shown = [round(float(crop[..., 2].mean())) for crop in found.crops()]
    assert shown == [2, 2, 3, 4, 4, 4, 7, 8]
    assert found.judge() == ("ok", "")
    with pytest.raises(UnusableOpenFaceError, match="no frame rate of this clip: give its video"):
        faces_of(clip(openface=files), OPENFACE)
    found = faces_of(dataclasses.replace(clip(openface=files), fps=30.0), OPENFACE)
    status, detail = found.judge()
    assert (found.fps, status) == (30, "assumed_rate")
    assert detail.startswith(f"{folder}: ")


def test_images_of_several_faces_without_a_table(tmp_path, write_openface, openface_rows):
    rows = [*openface_rows(range(1, 5)), *openface_rows(range(3, 11), face=1)]
    files = OpenFaceFiles(None, write_openface(tmp_path, rows).aligned)
    found = faces_of(dataclasses.replace(clip(openface=files), fps=30.0), OPENFACE)
    assert [round(float(crop[..., 1].mean())) for crop in found.crops()] == [20] * 10
    _, detail = found.judge()
    assert "face_id 1 was taken; face_id 0 was tracked too, in 40% of the frames" in detail


def test_few_faces(tmp_path, write_openface, openface_rows):
    rows = [*openface_rows(range(1, 4)), *openface_rows(range(4, 11), success=0)]
    status, detail = faces_of(clip(openface=write_openface(tmp_path, rows)), OPENFACE).judge()
    assert (status, "a face in only 30% of the frames" in detail) == ("few_faces", True)


def test_no_face(tmp_path, write_openface, openface_rows):
    files = write_openface(tmp_path, openface_rows(range(1, 4), success=0))
    assert faces_of(clip(openface=files), OPENFACE) is None


def test_no_image_that_can_be_read(tmp_path, write_openface, openface_rows):
    files = write_openface(tmp_path, openface_rows(range(1, 4)))
    for path in files.aligned.iterdir():
        path.write_bytes(b"x")
    with pytest.raises(UnusableOpenFaceError, match="3 of 3 images") as caught:
        faces_of(clip(openface=files), OPENFACE)
    assert caught.value.status == "no_face"


@pytest.mark.parametrize("numbers", [range(1, 2), range(1, 9)])
def test_without_timestamps_the_video_tells_the_rate(
    tmp_path, write_openface, openface_rows, video, numbers
):
    files = write_openface(tmp_path, openface_rows(numbers, seconds=0.0))
    assert faces_of(clip(video, files), OPENFACE).fps == 15
    with pytest.raises(UnusableOpenFaceError, match=r"column timestamp: .* give the clip's video"):
        faces_of(clip(openface=files), OPENFACE)


def test_signals_only(tmp_path, write_openface, openface_rows, video):
    """Faces from the video, signals from OpenFace; its images aren't needed."""
    files = write_openface(tmp_path, openface_rows(range(1, 21)))
    for path in files.aligned.iterdir():
        path.unlink()
    found = faces_of(clip(video, files), PrepareSettings())
    plain = faces_of(clip(video), PrepareSettings())
    for first, second in zip(found.crops(), plain.crops(), strict=True):
        np.testing.assert_array_equal(first, second)
    table = signals_of(found)
    assert table["frame"].tolist() == list(range(20))
    assert table["pose_Tx"].tolist() == [round(n + 0.08, 2) for n in range(1, 21)]


@pytest.fixture
def long_video(tmp_path, face_clip, write_video):
    frames = np.repeat(face_clip(1, 160, 120).frames, 200, axis=0)
    return write_video(tmp_path / "long.mp4", frames)


@pytest.mark.parametrize("numbers", [range(1, 203), range(1, 199), range(3, 201), range(1, 201)])
def test_rows_that_almost_fit(tmp_path, write_openface, openface_rows, long_video, numbers):
    files = write_openface(tmp_path, openface_rows(numbers))
    table = signals_of(faces_of(clip(long_video, files), PrepareSettings()))
    assert table["frame"].tolist() == list(range(200))
    there = [n in numbers for n in range(1, 201)]
    assert table["pose_Tx"].notna().tolist() == there


@pytest.mark.parametrize("numbers", [range(1, 204), range(1, 198), range(100, 300), range(1, 21)])
def test_rows_that_do_not_fit(tmp_path, write_openface, openface_rows, long_video, numbers):
    files = write_openface(tmp_path, openface_rows(numbers))
    with pytest.raises(BadSignalsError, match=f"{len(numbers)} rows, of which") as caught:
        faces_of(clip(long_video, files), PrepareSettings())
    assert str(files.table) in str(caught.value)
    assert str(long_video) in str(caught.value)


def test_the_corpus_signals_are_copied(tmp_path, video):
    path = tmp_path / "signals.csv"
    path.write_text("frame,AU01\n" + "".join(f"{i},0.5\n" for i in range(20)))
    found = faces_of(clip(video, signals=path), PrepareSettings())
    assert b"".join(found.signals()) == path.read_bytes()
    path.write_text("frame,AU01\n0,0.5\n")
    with pytest.raises(BadSignalsError, match="1 rows for 20 frames"):
        faces_of(clip(video, signals=path), PrepareSettings())


def test_a_source_that_is_not_there(tmp_path, write_openface, openface_rows, video):
    with pytest.raises(UnusableOpenFaceError, match="203_1: no OpenFace output") as caught:
        faces_of(clip(video), OPENFACE)
    assert caught.value.status == "no_source"
    files = write_openface(tmp_path, openface_rows([1, 2]))
    with pytest.raises(UnusableOpenFaceError, match="203_1: no video of this clip"):
        faces_of(clip(openface=files), PrepareSettings())
    with pytest.raises(UnreadableVideoError):
        faces_of(clip(tmp_path / "none.mp4"), PrepareSettings())


def test_a_detector_of_ones_own(video):
    class Whole:
        model_sha256 = None

        def __call__(self, image):
            return np.array([[0.0, 0, image.shape[1], image.shape[0], 1.0]])

    found = face_boxes(video, detector=Whole())
    np.testing.assert_allclose(found.boxes, [[20, -20, 280, 280]] * 20)


def test_memory_of_a_long_openface_clip(tmp_path, write_openface, openface_rows):
    def once(files, count):
        tracemalloc.start()
        found = faces_of(clip(openface=files), OPENFACE)
        assert sum(1 for _ in found.crops()) == count
        written = sum(len(part) for part in found.signals())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert written > 60 * count
        return most

    def peak(count):
        files = write_openface(tmp_path / str(count), openface_rows(range(1, count + 1)), side=16)
        # once in a while Python's table of names grows, which is nobody's
        return min(once(files, count) for _ in range(2))

    peak(100)
    short, long = peak(300), peak(1500)
    # a few numbers a frame: no images, no names, no values
    assert (long - short) / 1200 < 120
