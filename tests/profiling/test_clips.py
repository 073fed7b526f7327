"""What stores are measured with: videos and their crops."""

import numpy as np
import pytest

from adabench.profiling.clips import (
    FPS,
    HEIGHT,
    WIDTH,
    decode,
    generated_video,
    source_of,
    sources,
    videos_in,
)
from adabench.synthface.video import encode


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return generated_video(tmp_path_factory.mktemp("made") / "clip.mp4", FPS)


def test_crops_of_a_generated_video_are_faces(video):
    source = source_of(video, 48, 12)
    assert (source.crops.shape, source.crops.dtype) == ((12, 48, 48, 3), np.uint8)
    # a face in the middle differs from the wall, and one frame is like the next
    frames = source.crops.astype(int)
    assert frames.std(axis=(1, 2)).min() > 10
    assert np.abs(np.diff(frames, axis=0)).mean() < 10


def test_decoding_counts_frames(video):
    assert decode(video) == FPS
    assert decode(video, 7, rgb=True) == 7


def test_a_generated_video_has_the_size_of_recorded_ones(video):
    from adabench.data.prepare.decode import Video

    frame = next(iter(Video(video).frames()))
    assert frame.rgb().shape == (HEIGHT, WIDTH, 3)


def test_a_folder_s_first_videos(tmp_path, video):
    (tmp_path / "b").mkdir()
    for name in ("b/2.mp4", "a.mp4", "c.MP4"):
        (tmp_path / name).write_bytes(video.read_bytes())
    (tmp_path / "a.csv").write_text("")
    assert videos_in(tmp_path, 2) == [tmp_path / "a.mp4", tmp_path / "b" / "2.mp4"]
    found = sources(tmp_path, tmp_path, clips=1, frames=5, size=32)
    assert [(source.video.name, len(source.crops)) for source in found] == [("a.mp4", 5)]


def test_wrong_input(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no video \(\.avi"):
        videos_in(tmp_path, 1)
    with pytest.raises(ValueError, match="frames: expected 30 to 9000, got 3"):
        sources(None, tmp_path, clips=1, frames=3, size=32)
    with pytest.raises(ValueError, match="clips: expected 1 or more, got 0"):
        sources(tmp_path, tmp_path, clips=0, frames=3, size=32)
    encode(iter(np.full((4, 64, 64, 3), 90, np.uint8)), tmp_path / "grey.mp4", fps=10)
    with pytest.raises(ValueError, match="no face found"):
        source_of(tmp_path / "grey.mp4", 32, 4)
