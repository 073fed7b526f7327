"""Unusual but sound videos: all their frames, at their times, as players show them; and true cuts."""

import struct

import av
import numpy as np
import pytest
from odd_videos import (
    FPS,
    SAMPLE,
    add_sound,
    aperture,
    looked,
    moving,
    same,
    still,
    with_box,
    with_elements,
    write,
)

from adabench.data.prepare.judge import OK

# --- how many frames there are ---------------------------------------------------------------


def edited(path, hidden, shown=None):
    """Makes an MP4's edit list hide a lead-in, and what follows, both counted in frames."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 12
    duration, begin = struct.unpack_from(">Ii", content, at)
    unit = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)[0]
    begin += hidden * unit // FPS
    if shown is not None:
        duration = shown * 1000 // FPS
    struct.pack_into(">Ii", content, at, duration, begin)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize(("hidden", "shown"), [(20, None), (20, 25), (0, 30)])
def test_what_an_edit_list_hides_is_not_missing(tmp_path, suffix, hidden, shown):
    frames = moving(60)
    path = write(tmp_path / f"cut{suffix}", {"frames": frames, "g": "60", "bf": "2"})
    video, found, status, told = looked(edited(path, hidden, shown))
    assert (status, told, video.fps) == (OK, "", FPS)
    same(found, frames[hidden : 60 if shown is None else hidden + shown])


@pytest.mark.parametrize(("codec", "every"), [("mjpeg", 10), ("huffyuv", 6), ("mpeg4", 3)])
def test_an_avis_empty_chunks_are_not_missing(tmp_path, codec, every):
    frames = moving(40)
    kept = [n for n in range(40) if n % every < every - 1]
    stream = {"frames": frames[kept], "codec": codec, "bf": "0", "numbers": kept}
    video, found, status, _ = looked(write(tmp_path / "dropped.avi", stream))
    assert status == "variable_rate"
    same(found, frames[kept], 20)
    assert video.lost == 0
    assert video.fps == pytest.approx(FPS * (1 - 1 / every), rel=0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts"])
def test_longer_sound_does_not_make_frames_missing(tmp_path, suffix):
    frames, path = moving(30), tmp_path / f"sound{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx" if suffix == ".webm" else "libx264", rate=FPS)
        stream.height, stream.width = frames[0].shape[:2]
        codec = {".webm": "libopus", ".avi": "pcm_s16le"}.get(suffix, "aac")
        sound = container.add_stream(codec, rate=8000)
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        add_sound(container, sound, 5)
    video, found, status, _ = looked(path)
    assert (status, video.fps) == (OK, FPS)
    same(found, frames, 20)


@pytest.mark.parametrize("count", [7, 30])
@pytest.mark.parametrize("suffix", [".wmv", ".mkv", ".flv", ".webm", ".ts", ".mpg", ".3gp", ".ogv"])
def test_no_frame_is_missing_where_their_number_is_an_estimate(tmp_path, suffix, count):
    codec = {".wmv": "wmv2", ".webm": "libvpx-vp9", ".flv": "flv", ".3gp": "mpeg4", ".ogv": "mpeg4"}
    codec |= {".mpg": "mpeg1video", ".ogv": "libvpx"}
    fps, width, height = (25, 176, 144) if suffix in (".mpg", ".3gp") else (FPS, 96, 64)
    stream = {"frames": moving(count, width, height), "fps": fps}
    path = write(tmp_path / f"clip{suffix}", stream | {"codec": codec.get(suffix, "libx264")})
    video, found, status, told = looked(path)
    assert (len(found), status, told, video.fps) == (count, OK, "", fps)


@pytest.mark.parametrize("empty", [3, 20, 39])
def test_an_mp4s_empty_samples_are_not_missing(tmp_path, empty):
    frames = moving(40)
    path = write(tmp_path / "clip.mp4", {"frames": frames, "codec": "mjpeg"})
    content = bytearray(path.read_bytes())
    sizes = content.index(b"stsz") + 16
    each = [*struct.unpack_from(">40I", content, sizes)]
    # the sample before has the bytes of both: a decoder stops at its end
    each[empty - 1], each[empty] = each[empty - 1] + each[empty], 0
    struct.pack_into(">40I", content, sizes, *each)
    path.write_bytes(content)
    video, found, status, _ = looked(path)
    same(found, np.delete(frames, empty, axis=0), 20)
    assert (video.lost, status) == (0, "variable_rate" if empty < 39 else OK)


def test_an_avi_whose_header_counts_double(tmp_path):
    path = write(tmp_path / "clip.avi", {"frames": moving(30), "codec": "mjpeg"})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"strh") + 8 + 32, 60)
    path.write_bytes(content)
    video, found, status, _ = looked(path)
    assert (len(found), status, video.lost) == (30, OK, 0)


WHOLE = (".mp4", ".mkv", ".webm", ".avi", ".wmv", ".flv", "fragments.mp4")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same forty frames in several containers, the index first where that is possible."""
    root, made = tmp_path_factory.mktemp("whole"), {}
    codecs = {".webm": "libvpx", ".wmv": "wmv2", ".flv": "flv"}
    flags = {".mp4": "faststart", "fragments.mp4": "empty_moov+frag_keyframe"}
    for name in WHOLE:
        stream = {"frames": moving(40), "codec": codecs.get(name, "libx264"), "g": "10", "bf": "0"}
        options = {"movflags": flags[name]} if name in flags else {}
        made[name] = write(root / f"whole{name}", stream, options=options).read_bytes()
    return made


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_cut_short_is_told(tmp_path, whole, name):
    path = tmp_path / f"cut{name}"
    share = 0.8 if name == ".avi" else 0.6
    path.write_bytes(whole[name][: int(len(whole[name]) * share)])
    video, found, status, told = looked(path)
    assert status == "truncated"
    assert f"{len(found)} of {len(found) + video.lost} frames can be decoded" in told
    assert 0 < len(found) < 38
    if name in (".mp4", ".mkv", ".webm", ".avi"):
        assert abs(len(found) + video.lost - 40) <= (name == ".avi")


@pytest.mark.parametrize("name", [".mkv", ".webm", ".avi"])
def test_a_cut_that_costs_no_frame_is_none(tmp_path, whole, name):
    """Matroska's cues and an AVI's index come last."""
    path = tmp_path / f"cut{name}"
    path.write_bytes(whole[name][:-12])
    assert looked(path)[2:] == (OK, "")


def test_recorders_that_ended_without_finishing_the_header(tmp_path, whole):
    for name, places in ((".avi", [4]), (".mkv", [])):
        content = bytearray(whole[name])
        for place in places:
            content[place : place + 4] = bytes(4)
        if name == ".mkv":
            at = content.index(bytes.fromhex("18538067")) + 4
            content[at : at + 8] = b"\x01" + b"\xff" * 7
        path = tmp_path / f"open{name}"
        path.write_bytes(content)
        assert looked(path)[2:] == (OK, "")


def test_a_damaged_middle_of_matroska_is_told(tmp_path, whole):
    content = bytearray(whole[".mkv"])
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path = tmp_path / "zeros.mkv"
    path.write_bytes(content)
    video, found, status, _ = looked(path)
    assert (status, len(found) + video.lost) == ("truncated", 40)


def test_a_last_frame_that_is_shown_for_long(tmp_path, whole):
    path = tmp_path / "still.mkv"
    path.write_bytes(whole[".mkv"].replace(b"00:00:02.667", b"00:00:09.667"))
    assert path.read_bytes() != whole[".mkv"]
    assert looked(path)[2:] == (OK, "")


# --- when frames are shown -------------------------------------------------------------------


@pytest.mark.parametrize("bf", ["1", "3"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_an_avi_with_reordered_frames_is_steady(tmp_path, codec, bf):
    frames = moving(50)
    path = write(tmp_path / "b.avi", {"frames": frames, "codec": codec, "bf": bf})
    video, found, status, told = looked(path)
    assert (status, told, video.fps) == (OK, "", FPS)
    same(found, frames, 20)


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".ts"])
def test_a_copy_into_another_container(tmp_path, suffix):
    frames = moving(50)
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    source = write(tmp_path / "source.mp4", {"frames": frames, "codec": codec, "bf": "3"})
    path = tmp_path / f"copy{suffix}"
    with av.open(str(source)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                after.mux(packet)
    video, found, status, told = looked(path)
    assert (status, told, video.fps) == (OK, "", FPS)
    same(found, frames, 20)


def test_an_mp4_without_times_of_presentation(tmp_path):
    path = write(tmp_path / "clip.mp4", {"frames": moving(50), "bf": "3"})
    path.write_bytes(path.read_bytes().replace(b"ctts", b"free"))
    video, found, status, told = looked(path)
    # its edit list skips what the missing times made wait
    assert (len(found), status, told, video.fps) == (48, OK, "", FPS)


def test_joined_recordings_are_steady(tmp_path):
    part = write(tmp_path / "part.ts", {"frames": moving(30), "bf": "2"}).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part + part)
    video, found, status, told = looked(path)
    assert (len(found), status, told, video.fps) == (60, OK, "", FPS)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_pause_is_told_and_does_not_slow_the_rest(tmp_path, suffix):
    times = [round(1000 * n / 30) + (60_000 if n >= 40 else 0) for n in range(72)]
    stream = {"frames": moving(72), "times": times, "fps": 30, "bf": "0"}
    video, _, status, told = looked(write(tmp_path / f"pause{suffix}", stream))
    assert status == "variable_rate"
    assert "it pauses once, for 60.0 s in all" in told
    assert video.fps == pytest.approx(30, rel=0.02)


# --- how pictures are shown ------------------------------------------------------------------

ONE = 1 << 16
TURNS = {
    "as it is": ((1, 0, 0, 1), lambda p: p),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "half": ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
    "left": ((0, -1, 1, 0), lambda p: np.rot90(p)),
    "right": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "transposed": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    "the other way": ((0, -1, -1, 0), lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_the_whole_display_matrix_counts(tmp_path, turn):
    (a, b, c, d), expected = TURNS[turn]
    matrix = [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30]
    path = write(tmp_path / "clip.mp4", {"frames": moving(3), "matrix": matrix, "crf": "10"})
    video, found, status, _ = looked(path)
    same(found, [expected(frame) for frame in moving(3)])
    mirrored = turn in ("mirrored", "upside down", "transposed", "the other way")
    assert video.display.mirrored == mirrored
    assert (status == OK) == (turn == "as it is")
    assert (status == "mirrored") == mirrored
    assert [frame.size for frame in video.frames()] == [found[0].shape[1::-1]] * 3


@pytest.mark.parametrize(
    ("suffix", "codec", "shape", "size"),
    [
        (".mp4", "libx264", "16/9", (160, 90)),
        (".mov", "mpeg4", "64/45", (128, 90)),
        (".mkv", "libx264", "20/11", (164, 90)),
        (".avi", "mpeg4", "16/11", (131, 90)),
        (".mkv", "mpeg4", "3/4", (90, 120)),
        (".ts", "libx264", "1/2", (90, 180)),
    ],
)
def test_pixels_that_are_not_square(tmp_path, suffix, codec, shape, size):
    square = still(width=180, height=180)
    wide = np.repeat(square[None, ::2, ::2], 3, axis=0)
    stream = {"frames": wide, "codec": codec, "shape": shape, "bf": "0"}
    video, found, status, told = looked(write(tmp_path / f"clip{suffix}", stream))
    assert (status, video.display.size(90, 90)) == ("stretched", size)
    assert {frame.shape for frame in found} == {(*size[::-1], 3)}
    assert f"its pixels are {shape.replace('/', ':')}" in told


def test_a_shape_that_only_the_container_tells(tmp_path):
    square = {"frames": np.repeat(still(width=90, height=90)[None], 2, axis=0)}
    mkv = write(tmp_path / "clip.mkv", square | {"codec": "mpeg4"})
    content = with_elements(mkv.read_bytes(), {0x54B0: 120, 0x54BA: 90})
    # a ratio, in place of an unknown unit
    mkv.write_bytes(content.replace(bytes.fromhex("54b28104"), bytes.fromhex("54b28103")))
    mp4 = write(tmp_path / "clip.mp4", square)
    box = struct.pack(">I4sII", 16, b"pasp", 4, 3)
    mp4.write_bytes(with_box(mp4.read_bytes(), SAMPLE, box))
    for path in (mkv, mp4):
        _, found, status, _ = looked(path)
        assert (status, found[0].shape) == ("stretched", (90, 120, 3))


def test_narrow_pixels_of_a_turned_picture(tmp_path):
    upright = still(width=90, height=160)
    stored = np.ascontiguousarray(np.rot90(upright, -1)[:, ::2])
    matrix = [0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30]
    stream = {"frames": [stored] * 2, "shape": "2/1", "matrix": matrix, "crf": "8"}
    _, found, _, told = looked(write(tmp_path / "clip.mp4", stream))
    same(found, [upright] * 2, 20)
    assert "turned by 90 degrees" in told
    assert "stretched" in told


@pytest.mark.parametrize("shape", ["1/1", "1279/1280", "4096/4095", "1/50"])
def test_pixels_that_count_as_square(tmp_path, shape):
    path = write(tmp_path / "clip.mp4", {"frames": moving(2), "shape": shape})
    video, _, status, _ = looked(path)
    assert (status, video.display.shape) == (OK, 1)


def test_a_clean_aperture_is_what_is_shown(tmp_path):
    path = write(tmp_path / "clip.mp4", {"frames": moving(3), "crf": "8"})
    path.write_bytes(with_box(path.read_bytes(), SAMPLE, aperture(64, 48, 4, -2)))
    _, found, status, told = looked(path)
    same(found, [frame[6:54, 20:84] for frame in moving(3)])
    assert status == "cropped"
    assert "20, 6, 12 and 10 pixels are cut off its edges" in told


def test_matroskas_cropping_is_what_is_shown(tmp_path):
    path = write(tmp_path / "clip.mkv", {"frames": moving(3), "crf": "8"})
    path.write_bytes(with_elements(path.read_bytes(), {0x54CC: 8, 0x54BB: 10, 0x54AA: 6}))
    _, found, status, _ = looked(path)
    same(found, [frame[10:58, 8:] for frame in moving(3)])
    assert status == "cropped"


@pytest.mark.parametrize("size", [(0, 0), (200, 40), (96, 65)])
def test_an_aperture_that_can_not_be_is_passed_over(tmp_path, size):
    path = write(tmp_path / "clip.mp4", {"frames": moving(2)})
    path.write_bytes(with_box(path.read_bytes(), SAMPLE, aperture(*size, 0, 0)))
    assert looked(path)[2] == OK


def test_hdr_is_told(tmp_path):
    for transfer in (16, 18):
        path = write(tmp_path / f"{transfer}.mp4", {"frames": moving(2), "transfer": transfer})
        assert looked(path)[2] == "hdr"
    path = write(tmp_path / "sdr.mp4", {"frames": moving(2), "transfer": 1})
    assert looked(path)[2] == OK


def test_interlaced_pictures_are_told(tmp_path):
    stream = {"frames": moving(6, 96, 96), "flags": "+ildct+ilme", "x264-params": "tff=1"}
    video, _, status, told = looked(write(tmp_path / "clip.mp4", stream))
    assert (status, video.interlaced) == ("interlaced", 6)
    assert "deinterlace the video" in told


# --- which stream is taken -------------------------------------------------------------------

SMALL = {"frames": moving(4, 48, 32), "fps": 2}
LARGE = {"frames": moving(30)}


@pytest.mark.parametrize(
    ("name", "streams", "index"),
    [
        ("preview first.mp4", [SMALL | {"default": False}, LARGE | {"default": True}], 1),
        ("both default.mp4", [SMALL | {"default": True}, LARGE | {"default": True}], 1),
        ("both default.mkv", [SMALL | {"default": True}, LARGE | {"default": True}], 1),
        ("none default.avi", [SMALL | {"fps": FPS}, LARGE], 1),
        ("preview last.mov", [LARGE, SMALL], 0),
        ("default is smaller.mkv", [SMALL | {"default": True}, LARGE | {"default": False}], 0),
        ("one picture.mp4", [{"frames": moving(1, 192, 128)}, LARGE], 1),
    ],
)
def test_the_default_stream_or_the_largest(tmp_path, name, streams, index):
    video, found, status, told = looked(write(tmp_path / name, *streams))
    frames = streams[index]["frames"]
    same(found, frames, 18)
    assert status == "several_streams"
    assert f"2 video streams, of which number {index} ({found[0].shape[1]}x" in told
    assert f"the others: number {1 - index}" in told
    assert video.lost == 0
