"""Every candidate gives back, in any order, what went in."""

import importlib.util

import cv2
import numpy as np
import pytest
from skimage import data

from adabench.data.stores import CANDIDATES, KEPT, find_candidates

COUNT = 21  # neither a multiple of a block's frames nor of a group's
HERE = [candidate.name for candidate in find_candidates()]


@pytest.fixture(scope="module")
def frames():
    """A photograph, moving by a pixel a frame."""
    picture = np.ascontiguousarray(data.astronaut()[:256, 100:400])
    return [
        cv2.resize(picture[i : i + 200, i : i + 200], (64, 64), interpolation=cv2.INTER_AREA)
        for i in range(COUNT)
    ]


@pytest.fixture(params=HERE)
def stored(request, tmp_path, frames):
    """A candidate, and a file that it wrote."""
    candidate, path = CANDIDATES[request.param], tmp_path / "clip.mp4"
    assert candidate.write(path, iter(frames)) == COUNT
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]
    return candidate, path


def test_frames_come_back(stored, frames):
    candidate, path = stored
    store = candidate.open(path)
    whole = store.read(range(COUNT))
    assert (len(store), whole.shape, whole.dtype) == (COUNT, (COUNT, 64, 64, 3), np.uint8)
    if candidate.kind in ("raw", "lossless"):
        np.testing.assert_array_equal(whole, frames)
    else:
        errors = [cv2.PSNR(a, b) for a, b in zip(frames, whole, strict=True)]
        assert min(errors) > 30
        # a neighbour is further away
        assert np.mean(errors) > np.mean(
            [cv2.PSNR(a, b) for a, b in zip(frames[1:], whole[:-1], strict=True)]
        )


def test_any_order(stored):
    candidate, path = stored
    store = candidate.open(path)
    whole = store.read(np.arange(COUNT))
    index = [20, 0, 7, 8, 8, 3, 16, 15]
    np.testing.assert_array_equal(store.read(index), whole[index])
    assert store.read([]).shape == (0, 64, 64, 3)
    store.close()
    np.testing.assert_array_equal(store.read([20]), whole[20:])


def test_frames_out_of_range(stored):
    candidate, path = stored
    for index in ([-1], [COUNT]):
        with pytest.raises(IndexError, match=f"frames 0 to {COUNT - 1} exist"):
            candidate.open(path).read(index)


def test_same_frames_same_bytes(stored, frames, tmp_path):
    candidate, path = stored
    candidate.write(tmp_path / "again.mp4", iter(frames))
    assert (tmp_path / "again.mp4").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", HERE)
def test_wrong_frames_write_nothing(name, tmp_path):
    for wrong in ([], [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 10, 3), np.uint8)]):
        with pytest.raises(ValueError, match="clip"):
            CANDIDATES[name].write(tmp_path / "clip.mp4", iter(wrong))
    assert list(tmp_path.iterdir()) == []


def test_the_video_has_key_frames_where_it_is_entered(tmp_path, frames):
    import av

    CANDIDATES["video"].write(tmp_path / "clip.mp4", iter(frames))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        keys = [
            number for number, picture in enumerate(container.decode(video=0)) if picture.key_frame
        ]
    assert keys == [0, 8, 16]


def test_finding():
    assert [c.name for c in find_candidates(["raw"])] == [KEPT, "raw"]
    assert {KEPT, "raw", "video", "zlib", "png"} <= set(HERE)
    with pytest.raises(
        ValueError, match=r"no 'vidoe' \(did you mean 'video'\?\); there are: jpeg95"
    ):
        find_candidates(["vidoe"])


def test_what_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not CANDIDATES["zstd"].available
    assert "zstd" not in [candidate.name for candidate in find_candidates()]
    with pytest.raises(ValueError, match="store 'zstd': pip install zstandard"):
        find_candidates(["zstd"])
