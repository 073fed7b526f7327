"""Arrays of clips: whole or by portions, in one folder or several."""

import pickle

import numpy as np
import pytest
import torch

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
