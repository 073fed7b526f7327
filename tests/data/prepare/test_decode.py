"""Decoding: frames in order, and files that are none."""

import av
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from adabench.data.prepare.decode import UnreadableVideoError, Video


def count(video):
    return sum(1 for _ in video.frames())


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_frames_and_rate(tmp_path, face_clip, write_video, suffix):
    clip = face_clip(12)
    video = Video(write_video(tmp_path / f"clip{suffix}", clip.frames, fps=25))
    assert (video.fps, video.stated_frames) == (25.0, 12)
    for _ in range(2):
        numbers, pictures = zip(*((f.number, f.rgb()) for f in video.frames()), strict=True)
        assert numbers == tuple(range(12))
        for mine, original in zip(pictures, clip.frames, strict=True):
            assert peak_signal_noise_ratio(original, mine) > 30
    assert video.broken is None


def test_colours_are_red_green_blue(tmp_path, write_video):
    red = np.zeros((2, 64, 64, 3), np.uint8)
    red[..., 0] = 220
    frame = next(Video(write_video(tmp_path / "red.mp4", red)).frames())
    assert np.abs(frame.rgb().mean(axis=(0, 1)) - [220, 0, 0]).max() < 6


@pytest.mark.parametrize("content", [b"", b"no video at all " * 50], ids=["empty", "text"])
def test_no_video(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableVideoError, match="not a readable video") as caught:
        Video(path)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(UnreadableVideoError, match="No such file"):
        Video(tmp_path / "none.mp4")


def test_header_cut_off(tmp_path, video):
    path = tmp_path / "cut.mp4"
    path.write_bytes(video.read_bytes()[:-2000])
    with pytest.raises(UnreadableVideoError):
        Video(path)


def test_sound_only(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(UnreadableVideoError, match="no video stream"):
        Video(path)


def test_end_cut_off(tmp_path, face_clip, write_video):
    options = {"movflags": "faststart"}  # the header first, so that it survives
    path = write_video(tmp_path / "clip.mp4", face_clip(40).frames, container_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    video = Video(path)
    assert video.stated_frames == 40
    assert 0 < count(video) < 38
    assert video.broken
