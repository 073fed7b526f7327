"""Arrays of clips: whole or by portions, in one folder or several."""

import logging
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from adabench.engine.caches import clip_arrays
from adabench.engine.caches.clip_arrays import ClipArrays, ClipParts, Portion, remove_finished


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(10, 4)).astype(np.float16)


def test_arrays_keep_half_precision_and_give_floats(tmp_path):
    arrays = ClipArrays(tmp_path / "arrays")
    values = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    assert not arrays.has("a")
    arrays.write("a", values)
    assert arrays.has("a")
    rows = arrays.rows("a", np.array([5, 0]))
    assert rows.dtype == torch.float32
    assert np.array_equal(rows.numpy(), values[[5, 0]].astype(np.float16).astype(np.float32))


def test_reading_maps_the_file_into_memory(tmp_path, values):
    arrays = ClipArrays(tmp_path)
    arrays.write("a", values)
    arrays.rows("a", np.array([1]))
    assert isinstance(arrays._open["a"], np.memmap)
    assert pickle.loads(pickle.dumps(arrays))._open == {}


def test_portions_make_the_file_that_the_whole_makes(tmp_path, values):
    arrays = ClipArrays(tmp_path)
    arrays.write("whole", values)
    arrays.write_portions("portions", 10, iter([values[:4], values[4:8], values[8:]]))
    assert (tmp_path / "portions.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_portions_that_do_not_fit_leave_nothing(tmp_path, values):
    arrays = ClipArrays(tmp_path)
    with pytest.raises(ValueError, match=r"a\.npy: 8 rows for 10 frames"):
        arrays.write_portions("a", 10, iter([values[:4], values[4:8]]))
    with pytest.raises(ValueError, match=r"a\.npy: after 4 rows of 4 values came \(4, 3\)"):
        arrays.write_portions("a", 10, iter([values[:4], values[4:8, :3]]))
    assert list(tmp_path.iterdir()) == []


def test_other_folders_are_only_read(tmp_path, values):
    ClipArrays(tmp_path / "old").write("a", values)
    arrays = ClipArrays(tmp_path / "new", (tmp_path / "old",))
    assert arrays.has("a")
    assert arrays.place("a") == tmp_path / "old"
    assert torch.equal(arrays.rows("a", np.arange(10)), torch.from_numpy(values).float())
    arrays.write("b", values)
    assert (tmp_path / "new" / "b.npy").is_file()
    assert arrays.place("c") == tmp_path / "new"


def parts_of(folder, frames=10):
    return ClipParts(folder, "a", frames, 4)


@pytest.mark.parametrize("texts", [None, list("abcdefghij")])
def test_parts_are_found_by_who_comes_next(tmp_path, values, texts):
    spans = [(0, 4), (4, 8), (8, 10)]
    assert parts_of(tmp_path).missing() == spans
    for start, stop in (spans[2], spans[0]):
        said = None if texts is None else texts[start:stop]
        parts_of(tmp_path).write((start, stop), Portion(values[start:stop], said))
    assert parts_of(tmp_path).missing() == [spans[1]]
    parts_of(tmp_path).write(spans[1], Portion(values[4:8], None if texts is None else texts[4:8]))
    parts = parts_of(tmp_path)
    assert parts.missing() == []
    assert np.array_equal(np.concatenate(list(parts.values())), values)
    assert [text for portion in parts.texts() for text in portion] == (texts or [])
    assert ClipParts(tmp_path, "a", 10, 5).missing(), "portions of another length are not taken"
    parts.remove()
    assert parts_of(tmp_path).missing() == spans


def test_a_clip_of_one_portion_needs_no_file(tmp_path, values):
    parts = parts_of(tmp_path, frames=4)
    assert parts.missing() == [(0, 4)]
    parts.write((0, 4), Portion(values[:4], None))
    assert parts.missing() == []
    assert np.array_equal(next(parts.values()), values[:4])
    assert list(parts.texts()) == [[]]
    assert list(tmp_path.iterdir()) == []


def test_portions_of_finished_clips_are_removed(tmp_path, values):
    arrays = ClipArrays(tmp_path)
    parts_of(tmp_path).write((0, 4), Portion(values[:4], None))
    remove_finished(arrays)
    assert parts_of(tmp_path).missing() == [(4, 8), (8, 10)], "its clip is not finished"
    arrays.write("a", values)
    remove_finished(arrays)
    assert len(parts_of(tmp_path).missing()) == 3
    remove_finished(ClipArrays(tmp_path / "nothing"))


def change(path, content):
    """Write other content, at another time than the file was written."""
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    return bytes(content)


DAMAGES = {
    "a flipped byte": flipped,
    "empty": lambda _: b"",
    "cut": lambda path: path.read_bytes()[:-20],
    "no array": lambda _: b"\x80\x04N.",
    "another clip's": lambda path: (path.parent / "b.npy").read_bytes(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_array_counts_as_missing_with_a_line(tmp_path, values, damage, caplog):
    arrays = ClipArrays(tmp_path)
    arrays.write("a", values)
    arrays.write_portions("b", 10, iter([values + 1]))
    path = tmp_path / "a.npy"
    change(path, damage(path))
    again = ClipArrays(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert not again.has("a")
        assert not again.has("a")
    (line,) = caplog.messages
    assert str(path) in line
    assert line.endswith("it is made again")
    assert again.has("b")
    again.write("a", values)
    assert again.has("a")
    assert torch.equal(again.rows("a", np.arange(10)), torch.from_numpy(values).float())
    assert ClipArrays(tmp_path).has("a")


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"\x93NUMPY\x01\x00"])
def test_an_array_of_before_that_cannot_be_read_is_missing_too(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    np.save(tmp_path / "b.npy", np.zeros(4))
    assert not ClipArrays(tmp_path).has("a")
    assert not ClipArrays(tmp_path).has("b")


def test_an_array_of_before_is_taken_and_noted(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    assert ClipArrays(tmp_path).has("a")
    change(tmp_path / "a.npy", flipped(tmp_path / "a.npy"))
    assert not ClipArrays(tmp_path).has("a")


def test_damage_in_another_folder_is_made_again_in_the_own(tmp_path, values):
    ClipArrays(tmp_path / "old").write("a", values)
    change(tmp_path / "old" / "a.npy", flipped(tmp_path / "old" / "a.npy"))
    arrays = ClipArrays(tmp_path / "new", (tmp_path / "old",))
    assert not arrays.has("a")
    arrays.write("a", values)
    assert arrays.place("a") == tmp_path / "new"


@pytest.mark.parametrize("content", [b"", b"\x80\x04N."])
def test_an_array_damaged_while_it_is_read_is_named(tmp_path, values, content):
    arrays = ClipArrays(tmp_path)
    arrays.write("a", values)
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npy: damaged.*delete it") as caught:
        arrays.rows("a", np.array([0]))
    assert "allow_pickle" not in str(caught.value)


def test_few_arrays_are_open_at_once(tmp_path, values, monkeypatch):
    monkeypatch.setattr(clip_arrays, "_OPEN_ARRAYS", 16)
    arrays = ClipArrays(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(60):
        arrays.write(f"c{number}", values)
        arrays.rows(f"c{number}", np.array([0]))
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 20


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"\x80\x04N."])
def test_a_damaged_portion_is_made_again(tmp_path, values, content):
    parts = ClipParts(tmp_path, "a", 10, 4)
    for start, stop in parts.missing():
        parts.write((start, stop), Portion(values[start:stop], None))
    assert parts.missing() == []
    path = sorted(parts.folder.iterdir())[1]
    path.write_bytes(content)
    assert ClipParts(tmp_path, "a", 10, 4).missing() == [(4, 8)]
