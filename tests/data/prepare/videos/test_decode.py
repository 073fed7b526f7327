"""Decoding: frames in order, upright, each once; and what is known after a full pass."""

from fractions import Fraction

import av
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from adabench.data.prepare import pulse
from adabench.data.prepare.videos.decode import UnreadableVideoError, Video
from adabench.data.prepare.videos.display import AS_STORED


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
    assert (video.broken, video.damaged, video.lost, video.display) == (None, 0, 0, AS_STORED)
    assert not video.variable_rate


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


def test_end_cut_off(tmp_path, face_clip, write_video):
    options = {"movflags": "faststart"}  # the header first, so that it survives
    path = write_video(tmp_path / "clip.mp4", face_clip(40).frames, container_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    video = Video(path)
    assert video.stated_frames == 40
    assert 0 < count(video) < 38
    assert (count(video) + video.lost, bool(video.broken)) == (40, True)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_frames_come_upright(tmp_path, face_clip, degrees):
    upright = face_clip(3, 96, 64).frames
    path = tmp_path / "clip.mp4"
    # as a phone does it: the sensor's picture is stored, and how to turn it
    stored = np.rot90(upright, -degrees // 90, axes=(1, 2))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.height, stream.width = stored.shape[1:3]
        stream.set_display_rotation(degrees)
        for picture in stored:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = Video(path)
    frames = list(video.frames())
    assert (video.display.rotation, video.display.mirrored) == (degrees, False)
    for frame, original in zip(frames, upright, strict=True):
        assert frame.size == (96, 64)
        assert peak_signal_noise_ratio(original, frame.rgb()) > 25


def write_timed(path, frames, milliseconds, rate=30):
    """Encodes frames to be shown at the given times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"bf": "0"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time in zip(frames, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_variable_rate_is_told_and_each_frame_counts_once(tmp_path, face_clip, suffix):
    times = np.cumsum([0, *([33, 34, 120, 66] * 6)])[:24]
    frames = face_clip(24, 96, 64).frames
    video = Video(write_timed(tmp_path / f"clip{suffix}", frames, times.tolist()))
    shown = [frame.rgb() for frame in video.frames()]
    assert video.variable_rate
    assert video.fps == pytest.approx(23 / (times[-1] / 1000), rel=0.01)
    assert video.spacing == pytest.approx((0.033, 0.12))
    assert len(shown) == 24
    for mine, original in zip(shown, frames, strict=True):
        assert peak_signal_noise_ratio(original, mine) > 25
    assert abs(video.stated_frames - 24) <= 1


def test_a_long_freeze_makes_the_rate_variable(tmp_path, face_clip):
    times = [40 * i + (2000 if i > 20 else 0) for i in range(40)]
    video = Video(write_timed(tmp_path / "clip.mp4", face_clip(40, 96, 64).frames, times, rate=25))
    count(video)
    assert video.variable_rate
    assert video.spacing == pytest.approx((0.04, 2.04))
    assert video.pauses == (1, pytest.approx(2.04))
    assert video.fps == pytest.approx(25)


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_times_in_whole_milliseconds_are_steady(tmp_path, face_clip, fps):
    times = [round(1000 * i / fps) for i in range(60)]
    video = Video(write_timed(tmp_path / "clip.mkv", face_clip(60, 96, 64).frames, times, rate=fps))
    count(video)
    assert not video.variable_rate
    assert video.fps == pytest.approx(fps, rel=0.02)


def flipped(path, places):
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_place_costs_its_frames_only(tmp_path, face_clip, write_video):
    path = write_video(tmp_path / "clip.mp4", face_clip(60, 160, 120).frames)
    middle = path.stat().st_size // 2
    flipped(path, range(middle, middle + 400))
    video = Video(path)
    frames = [frame.rgb() for frame in video.frames()]
    assert 50 <= len(frames) <= 60
    assert video.damaged + (60 - len(frames)) > 0
    again = [frame.rgb() for frame in video.frames()]
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))


def test_nothing_can_be_decoded(tmp_path, face_clip, write_video):
    path = write_video(tmp_path / "clip.mp4", face_clip(12, 160, 120).frames)
    content = path.read_bytes()
    begin = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    path.write_bytes(content[:begin] + bytes(end - begin) + content[end:])
    with pytest.raises(UnreadableVideoError, match="no frame can be decoded") as caught:
        count(Video(path))
    assert caught.value.status == "damaged"


def test_decoding_gives_signs_of_life(video, monkeypatch):
    monkeypatch.setattr(pulse, "INTERVAL", 0.0)
    signs = []
    pulse.listen(signs.append)
    opened = Video(video)
    for _ in range(2):
        assert count(opened) == 20
    pulse.listen(None)
    assert signs[0].decoding
    assert any(sign.decoding and sign.passes == 0.5 and sign.frames == 10 for sign in signs)
    assert any(sign.decoding and sign.passes == 1.5 and sign.frames == 30 for sign in signs)
    assert (signs[-1].decoding, signs[-1].passes, signs[-1].frames) == (False, 2.0, 40)
