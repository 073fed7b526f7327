"""More of the kinds of ``test_odd_videos``: edits, fragments, orientation, crops, covers, recorders."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from odd_videos import (
    FPS,
    SAMPLE,
    aperture,
    looked,
    moving,
    rewritten,
    same,
    with_box,
    with_edits,
    with_times,
    write,
)

from adabench.data.prepare.judge import OK

# --- how many frames there are ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("edits", "shown"),
    [
        ([(15, -1), (60, 0)], [*range(60)]),
        ([(15, 0), (15, 45)], [*range(15), *range(45, 60)]),
        ([(15, 30), (15, 0)], [*range(30, 45), *range(15)]),
    ],
)
def test_several_edits(tmp_path, edits, shown):
    """Nothing at first, a middle cut out, and two parts that change places."""
    frames = moving(60)
    path = write(tmp_path / "clip.mp4", {"frames": frames, "bf": "0", "g": "60"})
    path.write_bytes(with_edits(path.read_bytes(), edits))
    video, found, status, told = looked(path)
    assert (status, told, video.fps) == (OK, "", FPS)
    same(found, frames[shown])


@pytest.mark.parametrize(
    "flags", ["frag_keyframe+delay_moov", "empty_moov+frag_every_frame", "dash"]
)
def test_fragments_with_reordered_frames(tmp_path, flags):
    frames = moving(40)
    stream = {"frames": frames, "bf": "3", "g": "10"}
    path = write(tmp_path / "clip.mp4", stream, options={"movflags": flags})
    video, found, status, told = looked(path)
    assert (status, told, video.fps) == (OK, "", FPS)
    same(found, frames)


def test_a_cut_in_the_index_of_fragments_costs_no_frame(tmp_path):
    """It comes last, and takes a share of a file of many small fragments."""
    frames = moving(200, 32, 32)
    stream = {"frames": frames, "codec": "mpeg4", "g": "1", "bf": "0", "qmin": "31"}
    options = {"movflags": "empty_moov+frag_every_frame"}
    path = write(tmp_path / "clip.mp4", stream, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"mfra") + 20])
    assert looked(path)[2:] == (OK, "")


@pytest.mark.parametrize("suffix", [".flv", ".mkv", ".ts"])
def test_a_cut_in_longer_sound_costs_no_frame(tmp_path, suffix):
    frames, path = moving(30), tmp_path / f"sound{suffix}"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flv" if suffix == ".flv" else "libx264", rate=FPS)
        stream.height, stream.width = frames[0].shape[:2]
        sound = container.add_stream("aac", rate=44100)
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        for _ in range(4 * 44100 // 1024):
            samples = noise.integers(-9000, 9000, (1, 1024)).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            heard.rate = 44100
            container.mux(sound.encode(heard))
        container.mux(sound.encode())
    content = path.read_bytes()
    path.write_bytes(content[: int(0.85 * len(content))])
    video, found, status, _ = looked(path)
    assert (len(found), status, video.lost) == (30, OK, 0)


# --- when frames are shown -------------------------------------------------------------------


def test_frames_that_share_their_time(tmp_path):
    """Two at once, and a step that is twice as long: the whole lasts as long as it did."""
    path = write(tmp_path / "clip.mp4", {"frames": moving(40), "bf": "0"})
    path.write_bytes(with_times(path.read_bytes(), [0, 2048] * 20))
    video, found, status, told = looked(path)
    assert (len(found), status) == (40, "variable_rate")
    assert video.fps == pytest.approx(FPS, rel=0.03)
    assert "its frames are 0 to 133 ms apart" in told


def test_all_frames_at_one_time(tmp_path):
    path = write(tmp_path / "clip.mp4", {"frames": moving(10), "bf": "0"})
    path.write_bytes(with_times(path.read_bytes(), [0] * 10))
    video, found, _, _ = looked(path)
    assert (len(found), video.variable_rate, video.spacing) == (10, False, None)


@pytest.mark.parametrize("bf", ["0", "3"])
def test_a_transport_streams_clock_that_begins_anew(tmp_path, bf):
    # it has 33 bits, of 90,000 a second
    times = [95_442_000 + round(1000 * n / FPS) for n in range(40)]
    path = write(tmp_path / "clip.ts", {"frames": moving(40), "times": times, "bf": bf})
    video, found, status, told = looked(path)
    assert (len(found), status, told, video.fps) == (40, OK, "", FPS)


def test_a_browsers_recording(tmp_path):
    """Neither a length nor a rate: times in milliseconds alone."""
    frames, path = moving(45), tmp_path / "recording.webm"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx-vp9", rate=1000)
        stream.height, stream.width = frames[0].shape[:2]
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(number * 1000 / 30), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video, found, status, told = looked(path)
    assert (status, told, video.fps) == (OK, "", 30)
    same(found, frames)


# --- how pictures are shown ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("rotate=90", lambda p: np.rot90(p)),
        ("flip=horizontal", lambda p: p[:, ::-1]),
        ("flip=vertical", lambda p: p[::-1]),
    ],
)
def test_an_orientation_in_the_stream_holds_until_another_comes(tmp_path, options, expected):
    """Only the first frame tells it."""
    frames = moving(6)
    source = write(tmp_path / "source.h264", {"frames": frames, "crf": "8", "bf": "0"})
    path = rewritten(source, "turned.h264", f"display_orientation=insert:{options}")
    _, found, status, _ = looked(path)
    same(found, [expected(frame) for frame in frames])
    assert status == ("rotated" if "rotate" in options else "mirrored")


@pytest.mark.parametrize("crop", [(0, 0, 6, 4), (8, 2, 0, 0), (6, 4, 2, 0), (32, 0, 0, 0)])
def test_what_the_coding_cuts_off_is_not_shown(tmp_path, crop):
    """At the left too, where a decoder would keep it for the memory's sake."""
    frames = moving(4)
    names = zip(("left", "top", "right", "bottom"), crop, strict=True)
    source = write(tmp_path / "source.h264", {"frames": frames, "crf": "8", "bf": "0"})
    options = ":".join(f"crop_{name}={pixels}" for name, pixels in names)
    left, top, right, bottom = crop
    _, found, status, _ = looked(rewritten(source, "cropped.h264", options))
    same(found, frames[:, top : 64 - bottom, left : 96 - right], 30)
    assert status == OK


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ((0, -1, 1, 0), lambda p: np.rot90(p)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    ],
)
def test_cropped_stretched_and_turned_at_once(tmp_path, turn, expected):
    one, (a, b, c, d) = 1 << 16, turn
    matrix = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    stream = {"frames": moving(3), "matrix": matrix, "shape": "4/3", "crf": "8"}
    path = write(tmp_path / "clip.mp4", stream)
    path.write_bytes(with_box(path.read_bytes(), SAMPLE, aperture(64, 48, 4, -2)))
    _, found, _, told = looked(path)
    wide = [cv2.resize(frame[6:54, 20:84], (85, 48)) for frame in moving(3)]
    same(found, list(map(expected, wide)))
    assert "stretched" in told
    assert "cut off its edges" in told


def test_a_matrix_that_stretches(tmp_path):
    matrix = [2 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30]
    path = write(tmp_path / "clip.mp4", {"frames": moving(2), "matrix": matrix})
    _, found, status, _ = looked(path)
    assert (status, found[0].shape) == ("stretched", (64, 192, 3))


@pytest.mark.parametrize("turn", [(-1, 0, 0, -1), (-1, 0, 0, 1)])
def test_a_projection_in_matroska(tmp_path, turn):
    one, (a, b, c, d) = 1 << 16, turn
    matrix = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    path = write(tmp_path / "clip.mkv", {"frames": moving(3), "matrix": matrix, "crf": "10"})
    _, found, _, _ = looked(path)
    same(found, moving(3)[:, ::d, ::-1])


# --- which stream is taken -------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi"])
@pytest.mark.parametrize("pictures", [0, 1])
def test_a_larger_stream_of_one_picture_or_none(tmp_path, suffix, pictures):
    """A cover that its container doesn't mark, or what a recorder declared and never wrote."""
    frames, path = moving(30), tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as container:
        large, stream = (container.add_stream("mpeg4", rate=FPS) for _ in range(2))
        large.width, large.height = 192, 128
        stream.height, stream.width = frames[0].shape[:2]
        for picture in moving(pictures, 192, 128):
            container.mux(large.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if pictures:
            container.mux(large.encode())
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    video, found, _, _ = looked(path)
    same(found, frames, 20)
    assert video.lost == 0


@pytest.mark.parametrize("flag", ["forced", "hearing_impaired"])
def test_flags_that_say_nothing_of_the_choice(tmp_path, flag):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=FPS) for _ in range(2)]
        streams[0].disposition = getattr(av.stream.Disposition, flag)
        streams[1].disposition = av.stream.Disposition(0)
        packets = []
        for stream, frames in zip(streams, (moving(8, 48, 32), moving(30)), strict=True):
            stream.height, stream.width = frames[0].shape[:2]
            for picture in frames:
                packets += stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
            packets += stream.encode()
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    _, found, status, _ = looked(path)
    same(found, moving(30))
    assert status == "several_streams"
