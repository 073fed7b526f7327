"""Layout files, and the options in them."""

import json
from pathlib import Path

import pytest

from adabench.data.corpora import find_reader, read_layout
from adabench.data.corpora.layout import near, split_aliases, task_folders

OPTIONS = {
    "labels": "labels",
    "openface": "/abs/faces",
    "splits": {"train": ["a", "b"], "dev": "c"},
    "tasks": ["Freeform"],
    "video_pattern": r"(?P<subject>\d+)-(?P<session>\d+)",
}
TOML = r"""
labels = "labels"
openface = "/abs/faces"
tasks = ["Freeform"]
video_pattern = '(?P<subject>\d+)-(?P<session>\d+)'
[splits]
train = ["a", "b"]
dev = "c"
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [("x.toml", TOML), ("x.JSON", json.dumps(OPTIONS)), ("x.json", "\ufeff" + json.dumps(OPTIONS))],
)
def test_options_of_a_reader(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    options = read_layout(path)
    assert options == {**OPTIONS, "labels": tmp_path / "labels", "openface": Path("/abs/faces")}
    reader = find_reader("avec2014", **options)
    assert reader.splits == {"train": ("a", "b"), "dev": ("c",)}
    assert reader.options.keys() == OPTIONS.keys()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'label = "x"',
            r"unknown key 'label' \(did you mean 'labels'\?\); there are: label_pattern",
        ),
        ("labels = 3", "key 'labels': expected a path, got 3"),
        ('labels = ""', "key 'labels': expected a path"),
        ("splits = ['train']", "key 'splits': expected a folder name or a list"),
        ("splits = {train = [1]}", "key 'splits': expected a folder name or a list"),
        ('tasks = "Freeform"', "key 'tasks': expected a list of tasks"),
        ("tasks = []", "key 'tasks': expected a list of tasks"),
        ('licensed = "no"', "key 'licensed': expected true or false, got 'no'"),
        ("video_pattern = ['a']", "key 'video_pattern': expected a text"),
        ("labels =", r"can't be read \(.*\): correct the file"),
    ],
)
def test_mistakes_name_file_key_and_remedy(tmp_path, text, told):
    path = tmp_path / "layout.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=told) as caught:
        read_layout(path)
    assert str(path) in str(caught.value)


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="correct --layout, or leave it away"):
        read_layout(tmp_path / "none.toml")
    with pytest.raises(ValueError, match=r"expected a \.toml or \.json file"):
        read_layout(tmp_path / "layout.yaml")
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match="expected keys and values, got list"):
        read_layout(tmp_path / "x.json")
    (tmp_path / "x.toml").write_bytes(b"labels = '\xff'")
    with pytest.raises(ValueError, match="can't be read"):
        read_layout(tmp_path / "x.toml")


def test_split_aliases():
    assert split_aliases({"dev": ["Validation"], "test": "t"}) == {
        "dev": ("Validation",),
        "test": ("t",),
    }
    with pytest.raises(
        ValueError, match="expected the keys train, dev, test, calibration, got 'val'"
    ):
        split_aliases({"train": ["a"], "val": ["b"]})


def test_task_folders():
    assert task_folders(["A"]) == {"A": ("A", ".")}
    assert task_folders({"A": "x", "B": ["y", "z"]}) == {"A": ("x",), "B": ("y", "z")}


def test_near():
    assert near("split", ["subject", "splits"]) == (
        " (did you mean 'splits'?); there are: splits, subject"
    )
    assert near("zzz", []) == "; there are: none"
