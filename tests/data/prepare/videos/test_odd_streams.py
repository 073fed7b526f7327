"""Raw streams, joined streams, stale headers, and what FFmpeg makes of them."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from odd_videos import FPS, add_sound, looked, moving, write

from adabench.data.prepare.judge import OK
from adabench.data.prepare.videos.containers import UnreadableVideoError, open_video
from adabench.data.prepare.videos.decode import Video
from adabench.data.prepare.videos.display import CodedShapes, Display
from adabench.data.prepare.videos.times import Times


def encode(path, kind, frames, codec, fps, **options):
    """A file of the kind that FFmpeg calls so."""
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


# --- raw streams -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "codec", "fps"),
    [
        ("a.h264", "h264", "libx264", 15),
        ("b.h264", "h264", "libx264", 60),
        ("a.hevc", "hevc", "libx265", 30),
        ("a.m4v", "m4v", "mpeg4", 12),
        ("a.m2v", "mpeg2video", "mpeg2video", 30),
        ("a.m1v", "mpeg1video", "mpeg1video", 25),
        ("b.mpv", "mpeg1video", "mpeg1video", 30),
    ],
)
def test_a_raw_stream_has_the_rate_that_its_coding_states(tmp_path, name, kind, codec, fps):
    frames = moving(40)
    more = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = encode(tmp_path / name, kind, frames, codec, fps, bf="0", **more)
    video, found, status, told = looked(path)
    assert (len(found), video.fps, status, told) == (40, fps, OK, "")


@pytest.mark.parametrize(
    ("kind", "codec", "options"),
    [
        ("mjpeg", "mjpeg", {}),
        ("hevc", "libx265", {"x265-params": "log-level=none:vui-timing-info=0"}),
    ],
)
def test_a_raw_stream_without_a_rate_says_so(tmp_path, kind, codec, options):
    path = encode(tmp_path / f"clip.{kind}", kind, moving(20), codec, 15, **options)
    video, found, status, told = looked(path)
    assert (len(found), video.fps, status) == (20, 25, "assumed_rate")
    assert "no file tells its frames per second: FFmpeg's 25 are taken" in told


@pytest.mark.parametrize(("counted", "uneven"), [(True, False), (False, True)])
def test_one_jump_of_times_that_ffmpeg_counts(counted, uneven):
    times = Times(counted=counted)
    for number in range(60):
        times.add((number + (number > 4)) / 25)
    assert times.end().uneven() == uneven


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_a_gifs_hundredths_are_no_variable_rate(tmp_path, fps):
    video, found, status, told = looked(
        encode(tmp_path / "clip.gif", "gif", moving(60), "gif", fps)
    )
    assert (len(found), video.fps, status, told) == (60, fps, OK, "")


# --- joined streams --------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
@pytest.mark.parametrize(
    ("shapes", "sizes", "told"),
    [
        (("1", "32/27"), ((96, 64), (114, 64)), "its pixels are 1:1, then 32:27, and stretched"),
        (("8/9", "1"), ((96, 72), (96, 64)), "its pixels are 8:9, then 1:1, and stretched"),
        (("8/9", "32/27"), ((96, 72), (114, 64)), "its pixels are 8:9, then 32:27, and"),
    ],
)
def test_the_shape_of_pixels_is_followed(tmp_path, codec, shapes, sizes, told):
    """A decoder gives a picture of the first part when it has read the second one's beginning."""
    parts = [
        write(
            tmp_path / f"{number}.ts",
            {"frames": moving(20), "codec": codec, "fps": 25, "bf": "2", "shape": shape},
        )
        for number, shape in enumerate(shapes)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    video, found, status, detail = looked(path)
    expected = [sizes[0]] * 20 + [sizes[1]] * 20
    assert [picture.shape[1::-1] for picture in found] == expected
    assert [frame.size for frame in video.frames()] == expected
    assert (status, video.shapes) == ("stretched", [Fraction(shape) for shape in shapes])
    assert told in detail


class _Decoder:
    sample_aspect_ratio: Fraction | None = None


def test_a_containers_shape_is_right_throughout():
    decoder, wide, wider = _Decoder(), Fraction(4, 3), Fraction(3, 2)
    shapes = CodedShapes(decoder, wide)
    for time, coded in enumerate([Fraction(1), wider]):
        decoder.sample_aspect_ratio = coded
        shapes.decoded(time)
        assert shapes.of(time) == wide


def test_a_shape_that_is_not_told_is_the_one_before():
    decoder, wide = _Decoder(), Fraction(4, 3)
    shapes = CodedShapes(decoder, Display().shape)
    for time, (coded, expected) in enumerate([(None, 1), (wide, wide), (None, wide), (1, 1)]):
        decoder.sample_aspect_ratio = coded
        shapes.decoded(time)
        assert shapes.of(time) == expected
    for time in range(1000):
        shapes.decoded(time)
    assert len(shapes._waiting) < 100


def test_a_joined_oggs_headers_are_no_pictures(tmp_path):
    frames = moving(20)
    part = encode(tmp_path / "part.ogv", "ogg", frames, "libvpx", FPS).read_bytes()
    path = tmp_path / "joined.ogv"
    path.write_bytes(part + part)
    video, found, status, told = looked(path)
    assert (len(found), video.lost, video.broken, status, told) == (40, 0, None, OK, "")


# --- headers that nobody corrected -----------------------------------------------------------

ASF_FACTS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def stale_size(content, factor):
    """A Flash, Windows Media or AVI file whose header states another size."""
    content = bytearray(content)
    if content.startswith(b"FLV"):
        struct.pack_into(">d", content, content.index(b"filesize\0") + 9, len(content) * factor)
    elif content.startswith(b"RIFF"):
        struct.pack_into("<I", content, 4, int(len(content) * factor))
        struct.pack_into("<I", content, content.index(b"strh") + 40, 100)
    else:
        at = content.index(ASF_FACTS) + 40
        struct.pack_into("<Q", content, at, int(len(content) * factor))
    return bytes(content)


STALE = [
    (".flv", "libx264", {"bf": "3"}),
    (".flv", "flv", {}),
    (".wmv", "wmv2", {}),
    (".avi", "mjpeg", {}),
]


@pytest.mark.parametrize("factor", [1.02, 1.5, 3])
@pytest.mark.parametrize(("suffix", "codec", "options"), STALE)
def test_a_size_that_is_stale_makes_no_frame_missing(tmp_path, suffix, codec, options, factor):
    path = write(tmp_path / f"clip{suffix}", {"frames": moving(60), "codec": codec, **options})
    path.write_bytes(stale_size(path.read_bytes(), factor))
    video, found, status, told = looked(path)
    assert (len(found), video.lost, status, told) == (60, 0, OK, "")


@pytest.mark.parametrize(("suffix", "codec", "options"), STALE)
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
def test_a_file_that_was_cut_is_told_whatever_its_size_says(
    tmp_path, suffix, codec, options, share
):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (60, 64, 96, 3)).astype(np.uint8)
    path = write(tmp_path / f"clip{suffix}", {"frames": frames, "codec": codec, **options})
    content = path.read_bytes()
    for factor in (1, 1.5):
        changed = stale_size(content, factor) if factor > 1 else content
        path.write_bytes(changed[: int(share * len(content))])
        _, found, status, told = looked(path)
        assert (status, len(found) < 58) == ("truncated", True), told


def test_an_avi_that_lacks_its_index_alone(tmp_path):
    """All pictures are there, whatever their number is by the header."""
    path = write(tmp_path / "clip.avi", {"frames": moving(60), "codec": "mjpeg"})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"strh") + 40, 100)
    path.write_bytes(content[: content.index(b"idx1")])
    assert looked(path)[2:] == (OK, "")


def test_a_stale_size_of_a_file_whose_sound_is_longer(tmp_path):
    path = tmp_path / "clip.flv"
    with av.open(str(path), "w") as container:
        stream, sound = container.add_stream("flv", rate=FPS), container.add_stream("aac", 44100)
        frames = moving(30)
        stream.height, stream.width = frames[0].shape[:2]
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        add_sound(container, sound, 4)
    path.write_bytes(stale_size(path.read_bytes(), 1.5))
    video, found, status, _ = looked(path)
    assert (len(found), video.lost, status) == (30, 0, OK)


# --- single pictures -------------------------------------------------------------------------


def test_an_animated_webp_says_what_to_do(tmp_path):
    path = encode(tmp_path / "clip.webp", "webp", moving(10), "libwebp_anim", 10)
    with pytest.raises(
        UnreadableVideoError, match=r"animated WebP, .*: convert it to MP4"
    ) as caught:
        open_video(path)
    assert caught.value.status == "unknown_codec"


def test_a_webp_of_one_picture_is_a_single_picture(tmp_path):
    path = encode(tmp_path / "clip.webp", "webp", moving(1), "libwebp", 10)
    with pytest.raises(UnreadableVideoError, match="a single picture") as caught:
        Video(path)
    assert caught.value.status == "not_a_video"
