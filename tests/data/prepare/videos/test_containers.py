"""Files that are no video, or none that can be opened: each says what it is."""

import pickle
import struct

import av
import cv2
import numpy as np
import pytest
from odd_videos import add_sound

from adabench.data.prepare.judge import LEFT_OUT
from adabench.data.prepare.videos.containers import UnreadableVideoError, open_video, stated_seconds


def write_sound(path, codec="aac", container_format="mp4"):
    with av.open(str(path), "w", format=container_format) as container:
        add_sound(container, container.add_stream(codec, rate=8000), 0.2)


def write_song(path):
    """Sound with a picture for its cover, which FFmpeg gives as a video stream of one frame."""
    write_sound(path, "flac", "flac")
    picture = cv2.imencode(".png", np.full((64, 64, 3), 99, np.uint8))[1].tobytes()
    kind, cover = b"image/png", struct.pack(">I", 3)
    cover += struct.pack(">I", len(kind)) + kind + struct.pack(">I", 0)
    cover += struct.pack(">5I", 64, 64, 24, 0, len(picture)) + picture
    content, first = path.read_bytes(), 4 + 4 + 34  # the mark, and the block of the stream's facts
    block = bytes([6]) + len(cover).to_bytes(3, "big") + cover
    path.write_bytes(content[:first] + block + content[first:])


def write_picture(path, suffix):
    cv2.imwrite(str(path.with_suffix(suffix)), np.full((64, 64, 3), 99, np.uint8))
    path.with_suffix(suffix).rename(path)


def write_cut(path, whole, share):
    path.write_bytes(whole[: int(len(whole) * share)])


def write_without_index(path, whole):
    path.write_bytes(whole[: whole.index(b"moov") - 4])


CASES = {
    "empty": (lambda path, whole: path.write_bytes(b""), "empty", "the file is empty"),
    "text": (lambda path, whole: path.write_bytes(b"no video " * 99), "not_a_video", "b'no video"),
    "png": (lambda path, whole: write_picture(path, ".png"), "not_a_video", "single picture (png)"),
    "jpeg": (lambda path, whole: write_picture(path, ".jpg"), "not_a_video", "single picture"),
    "sound": (lambda path, whole: write_sound(path), "audio_only", "no video stream, only sound"),
    "cover": (lambda path, whole: write_song(path), "audio_only", "only sound"),
    "cut": (lambda path, whole: write_cut(path, whole, 0.5), "truncated", "bytes are missing"),
    "no index": (write_without_index, "truncated", "its index is missing"),
    "unknown codec": (
        lambda path, whole: path.write_bytes(whole.replace(b"avc1", b"zzz9")),
        "unknown_codec",
        "FFmpeg does not know",
    ),
    "folder": (lambda path, whole: path.mkdir(), "unreadable", "Is a directory"),
    "dangling": (lambda path, whole: path.symlink_to("none"), "unreadable", "No such file"),
    "damaged index": (
        lambda path, whole: path.write_bytes(
            whole[: whole.index(b"trak") - 40] + b"\xff" * (len(whole) - whole.index(b"trak") + 40)
        ),
        "",
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_says_what_it_is(tmp_path, video, case):
    write, status, told = CASES[case]
    path = tmp_path / "203_1_Freeform_video.mp4"
    write(path, video.read_bytes())
    with pytest.raises(UnreadableVideoError) as caught:
        open_video(path)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert caught.value.status in ([status] if status else LEFT_OUT)


def test_a_songs_cover_is_a_stream_of_pictures_for_ffmpeg(tmp_path):
    write_song(tmp_path / "song.mp4")
    with av.open(str(tmp_path / "song.mp4")) as container:
        assert container.streams.video


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_longer_sound_does_not_make_a_video_longer(tmp_path, face_clip, suffix):
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.height, stream.width = 64, 96
        sound = container.add_stream("aac", rate=8000)
        for picture in face_clip(30, 96, 64).frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        add_sound(container, sound, 3)
    container, stream = open_video(path)
    with container:
        assert container.duration / av.time_base > 2.8
        assert stated_seconds(container, stream) == pytest.approx(2, abs=0.1)


def test_the_error_goes_from_process_to_process():
    error = pickle.loads(pickle.dumps(UnreadableVideoError("a.mp4: nothing", "empty")))
    assert (str(error), error.status) == ("a.mp4: nothing", "empty")
