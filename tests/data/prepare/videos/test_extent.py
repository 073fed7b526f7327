"""How much a corpus holds, by headers and sizes."""

import numpy as np
import pytest

from adabench.data.corpora import OpenFaceFiles, SourceClip
from adabench.data.prepare.videos.extent import extent


def clip(name, video=None, openface=None):
    return SourceClip(name, name, name, "", "train", video, 5, openface=openface)


@pytest.fixture
def videos(tmp_path, write_video):
    """Clips of 10, 20, 30 and 40 frames at 10 frames a second."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    return [
        clip(
            f"c{number}",
            write_video(tmp_path / f"c{number}.mp4", noise[: 10 * number], fps=10),
        )
        for number in (1, 2, 3, 4)
    ]


def test_all_headers(videos):
    held = extent(videos)
    assert (held.clips, held.read, held.frames, held.unreadable) == (4, 4, 100, ())
    assert held.seconds == pytest.approx(10, abs=0.1)


def test_the_rest_goes_by_bytes(videos):
    times = iter([0.0, 1.0, 2.0, 99.0, 100.0])
    held = extent(videos, seconds=5, clock=lambda: next(times))
    assert (held.clips, held.read) == (4, 2)
    assert held.frames == pytest.approx(100, rel=0.15)
    assert held.seconds == pytest.approx(10, rel=0.15)


def test_what_can_not_be_opened_is_told_and_not_counted(videos, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video" * 1000)
    held = extent([*videos, clip("bad", tmp_path / "bad.mp4"), clip("gone", tmp_path / "gone.mp4")])
    assert (held.clips, held.read, held.frames) == (6, 4, 100)
    assert len(held.unreadable) == 2
    assert str(tmp_path / "bad.mp4") in held.unreadable[0]


def test_openface_counts_images(tmp_path):
    (tmp_path / "a_aligned").mkdir()
    for name in ("1.bmp", "2.bmp", "3.png", "notes.txt"):
        (tmp_path / "a_aligned" / name).write_bytes(b"")
    (tmp_path / "a.csv").write_text("frame\n1\n")
    files = OpenFaceFiles(tmp_path / "a.csv", tmp_path / "a_aligned")
    held = extent([clip("a", openface=files)])
    assert (held.read, held.frames, held.seconds) == (1, 3, 0)


def test_nothing():
    held = extent([])
    assert (held.clips, held.read, held.frames, held.seconds) == (0, 0, 0, 0)


@pytest.mark.parametrize(("size", "stored"), [(64, 2920), (112, 6229), (224, 15919)])
def test_bytes_of_a_frame_are_those_measured(videos, size, stored):
    held = extent(videos)
    assert held.bytes_stored(size) / held.frames == pytest.approx(stored, rel=0.03)
