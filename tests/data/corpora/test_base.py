"""What the readers share."""

import pytest

from adabench.data.corpora.base import files_below, read_record, split_aliases, subfolders


def test_subfolders_match_in_any_case(tmp_path):
    for name in ("TRAINING", "train", "testing"):
        (tmp_path / name).mkdir()
    (tmp_path / "Train.txt").write_bytes(b"")
    found = subfolders(tmp_path, ("Training", "train"))
    assert [path.name for path in found] == ["TRAINING", "train"]


def test_files_below_skips_truth(tmp_path):
    for folder in ("b/c", "truth/deep", "a/Truth"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["b/c/file"]


def test_record(tmp_path):
    with pytest.raises(FileNotFoundError, match="unfinished: generate it again"):
        read_record(tmp_path, "record.json")
    path = tmp_path / "record.json"
    path.write_text('{"seed": 3}')
    assert read_record(tmp_path, "record.json") == {"seed": 3}
    for wrong in ('{"seed": ', "[1]"):
        path.write_text(wrong)
        with pytest.raises(ValueError, match="generate the corpus again") as caught:
            read_record(tmp_path, "record.json")
        assert str(path) in str(caught.value)


def test_split_aliases_refuse_unknown_splits():
    assert split_aliases({"dev": ["Validation"]}) == {"dev": ("Validation",)}
    with pytest.raises(ValueError, match="expected the keys train, dev, test, got 'val'"):
        split_aliases({"train": ["a"], "val": ["b"]})
