"""The store against the frames that went into it."""

import errno
import multiprocessing
import os
import pickle
import struct
import tracemalloc

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from adabench.data.store import JpegPack


def moving_picture(count, size=64):
    """Crops of a photograph, moving by a pixel a frame."""
    picture = np.ascontiguousarray(data.astronaut()[:256, 100:400])
    return [
        cv2.resize(picture[i : i + 200, i : i + 200], (size, size), interpolation=cv2.INTER_AREA)
        for i in range(count)
    ]


@pytest.fixture
def frames():
    return moving_picture(30)


@pytest.fixture
def path(tmp_path, frames):
    path = tmp_path / "clip.jpegs"
    JpegPack.write(path, iter(frames))
    return path


def test_frames_come_back_nearly_as_they_were(path, frames):
    pack = JpegPack(path)
    assert len(pack) == len(frames)
    assert pack.shape == (64, 64)
    read = pack.read(range(len(frames)))
    assert read.shape == (30, 64, 64, 3)
    assert read.dtype == np.uint8
    quality = [peak_signal_noise_ratio(a, b) for a, b in zip(frames, read, strict=True)]
    assert min(quality) > 38


def test_channels_are_red_green_blue(tmp_path):
    colours = [np.full((16, 24, 3), colour, np.uint8) for colour in ((250, 10, 5), (5, 240, 100))]
    JpegPack.write(tmp_path / "colours", colours)
    read = JpegPack(tmp_path / "colours").read([0, 1])
    np.testing.assert_allclose(read, colours, atol=3)


def test_random_reads_equal_sequential_ones(path):
    whole = JpegPack(path).read(range(30))
    index = np.random.default_rng(0).integers(0, 30, 50)
    pack = JpegPack(path)
    np.testing.assert_array_equal(pack.read(index), whole[index])
    np.testing.assert_array_equal(pack.read([29]), whole[29:])
    assert pack.read([]).shape == (0, 64, 64, 3)


def test_images_are_full_colour_jpegs_of_quality_95(path, frames):
    """Prepared corpora hang on these bytes."""
    options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
    images = [
        cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)[1].tobytes()
        for frame in frames
    ]
    assert path.read_bytes()[12:].startswith(b"".join(images))


@pytest.mark.parametrize(
    ("index", "parts"),
    [
        (range(30), [(0, 30)]),
        ([4, 5, 6, 20, 19, 19], [(4, 7), (20, 21), (19, 20), (19, 20)]),
        ([], []),
    ],
)
def test_neighbours_are_read_at_once_and_the_rest_is_announced(path, monkeypatch, index, parts):
    pack = JpegPack(path)
    whole, offsets = pack.read(range(30)), pack._opened().offsets.tolist()
    read, told = [], []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda h, n, at: read.append((at, at + n)) or pread(h, n, at))
    monkeypatch.setattr(os, "posix_fadvise", lambda h, at, n, _: told.append((at, at + n)))
    np.testing.assert_array_equal(pack.read(index), whole[np.asarray(index, int)])
    assert read == [(offsets[first], offsets[stop]) for first, stop in parts]
    assert told == read[1:]


def test_long_runs_are_read_in_parts(tmp_path, monkeypatch):
    path, grey = tmp_path / "long", [np.full((16, 16, 3), i, np.uint8) for i in range(150)]
    JpegPack.write(path, iter(grey))
    pack, longest = JpegPack(path), []
    pread = os.pread
    len(pack)
    monkeypatch.setattr(os, "pread", lambda h, n, at: longest.append(n) or pread(h, n, at))
    np.testing.assert_allclose(pack.read(range(1, 150)), grey[1:], atol=1)
    assert len(longest) == 3


def test_systems_that_take_no_announcement(path, monkeypatch):
    expected = JpegPack(path).read([3, 17])
    monkeypatch.delattr(os, "posix_fadvise")
    np.testing.assert_array_equal(JpegPack(path).read([3, 17]), expected)


@pytest.mark.parametrize("index", [[-1], [30], [0, 99]])
def test_frames_out_of_range(path, index):
    with pytest.raises(IndexError, match="frames 0 to 29 exist"):
        JpegPack(path).read(index)


def test_same_frames_same_bytes(path, frames, tmp_path):
    JpegPack.write(tmp_path / "again", frames)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes(path, method):
    pack = JpegPack(path)
    expected = pack.read([3, 17])  # the file is open when the workers start
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        results = pool.map(pack.read, [[3, 17]] * 8)
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_pickles_as_its_path(path):
    pack = JpegPack(path)
    pack.read([0])
    content = pickle.dumps(pack)
    assert len(content) < 500
    np.testing.assert_array_equal(pickle.loads(content).read([5]), pack.read([5]))


def test_handles_are_closed_with_their_objects(path):
    JpegPack(path).read([0])
    first = os.open(path, os.O_RDONLY)
    os.close(first)
    for _ in range(20):
        JpegPack(path).read([0])
    again = os.open(path, os.O_RDONLY)  # the system gives the lowest free number
    os.close(again)
    assert again == first


def test_memory_does_not_grow_with_the_clip(tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    tracemalloc.start()
    JpegPack.write(tmp_path / "long", (frame.copy() for _ in range(1000)))
    JpegPack(tmp_path / "long").read([999, 0, 300])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "long").stat().st_size > 20e6
    assert peak < 2e6


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-200],
        lambda content: content[:5],
        lambda content: b"",
        lambda content: b"x" * len(content),
        lambda content: content[:-90] + b"\0" * 10 + content[-80:],
    ],
    ids=["cut", "short", "empty", "foreign", "index"],
)
def test_damaged_file(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="prepare the corpus again") as caught:
        JpegPack(path).read([0])
    assert str(path) in str(caught.value)


def test_damaged_frame_spares_the_others(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)
    pack = JpegPack(path)
    pack.read(range(1, 30))
    for index in ([0], range(30), [5, 0]):
        with pytest.raises(ValueError, match="frame 0 is damaged"):
            pack.read(index)


def test_newer_format(path):
    content = bytearray(path.read_bytes())
    content[8:12] = struct.pack("<I", 7)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="store format 7, this version of adabench reads 1"):
        len(JpegPack(path))


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="prepare the corpus again"):
        len(JpegPack(tmp_path / "none"))


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [np.zeros((8, 8, 3), np.float32)],
        [np.zeros((8, 8), np.uint8)],
        [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)],
    ],
    ids=["none", "type", "grey", "sizes"],
)
def test_wrong_frames_write_nothing(tmp_path, wrong):
    with pytest.raises(ValueError, match="clip"):
        JpegPack.write(tmp_path / "clip", wrong)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_nothing(tmp_path, frames, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk is full"):
        JpegPack.write(tmp_path / "clip", frames)
    assert list(tmp_path.iterdir()) == []
