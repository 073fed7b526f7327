"""Local files in a config: by name and content in hash, overrides and what others see."""

import hashlib
from pathlib import Path

import pytest

from adabench.config.local_files import by_content
from adabench.config.reading.files import parse_options
from adabench.config.reading.load import load_config

PLAIN = Path(__file__).parents[2] / "configs" / "depmap_r18_avec14.py"
SHA = hashlib.sha256(b"weights").hexdigest()
NAMED = f"w.pth@sha256:{SHA}"
FIELD = "method.backbone.trunk.weights"


@pytest.fixture
def file(tmp_path):
    def write(place, content=b"weights"):
        path = tmp_path / place / "w.pth"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def run(*overrides):
    return load_config(PLAIN, demo=True, overrides=overrides)


def test_the_same_file_in_two_places_is_one_config(file):
    first, second = (run(f"{FIELD}={file(place)}") for place in ("alice", "bob/deep"))
    assert first.hash() == second.hash()
    assert first.overrides == second.overrides == (f"{FIELD}={NAMED}",)
    other = run(f"{FIELD}={file('carol', b'others')}")
    assert other.hash() != first.hash() != run().hash()


def test_what_others_see_names_no_folder_and_has_the_same_hash(file):
    mine = run(f"{FIELD}={file('alice')}", "data.root=/home/alice/data")
    told = mine.told()
    assert "alice" not in str(told)
    assert told["method"]["backbone"]["trunk"]["weights"] == NAMED
    assert type(mine).model_validate(told).hash() == mine.hash()


def test_a_file_that_changes_makes_another_config(file):
    path = file("a")
    before = run(f"{FIELD}={path}").hash()
    path.write_bytes(b"changed")
    assert run(f"{FIELD}={path}").hash() != before


def test_files_of_any_field_and_depth(file, tmp_path, monkeypatch):
    path = str(file("a"))
    value = {"prompts": [path, {"deep": (path, 3)}], "type": "X"}
    assert by_content(value) == {"prompts": [NAMED, {"deep": (NAMED, 3)}], "type": "X"}
    link = tmp_path / "link.pth"
    link.symlink_to(path)
    assert by_content({"weights": str(link)}) == {"weights": f"link.pth@sha256:{SHA}"}
    monkeypatch.chdir(tmp_path / "a")
    assert by_content({"weights": "w.pth"}) == {"weights": NAMED}


def test_what_is_no_file_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("timm", "hub", "resnet18"):
        (tmp_path / name).write_bytes(b"")
    value = {
        "weights": ["timm", "hub", "stage:trunk", None, "missing.pth", "a\0b/c", "x/" * 3000],
        "name": "resnet18",
        "folder": str(tmp_path),
    }
    assert by_content(value) == value


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_comma_in_a_quoted_path(quote):
    for path in ("/data/a,b/w.pth", "a, b", "C:/x,(y)/[z].pth", "/data/it s,here"):
        assert parse_options([f"k={quote}{path}{quote}"]) == {"k": path}


def test_a_comma_in_the_path_of_a_file_needs_no_quotes(file):
    path = file("a,b")
    assert parse_options([f"k={path}"]) == {"k": str(path)}
    assert run(f"{FIELD}={path}").overrides == (f"{FIELD}={NAMED}",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['/a,b/c', 'd']", ["/a,b/c", "d"]),
        ("('/a,b', 1)", ("/a,b", 1)),
        ("'a','b'", ["a", "b"]),
        ("[1,2.5,True]", [1, 2.5, True]),
        ("[a,b]", ["a", "b"]),
        ("1,2", [1, 2]),
        ("a,b", ["a", "b"]),
        ("'12'", 12),
        ("'none'", None),
    ],
)
def test_lists_stay_lists(text, value):
    assert parse_options([f"k={text}"]) == {"k": value}


def test_a_list_that_nobody_can_read_is_told_with_the_remedy():
    with pytest.raises(ValueError, match=r"'type': 'Name', 'option': 1"):
        parse_options(["views.augment=[dict(type='ClipAugment',flip=1)]"])
    assert parse_options(["k=[{'type': 'A', 'x': 1}]"]) == {"k": [{"type": "A", "x": 1}]}


def test_a_path_with_a_comma_that_became_a_list_is_told_with_the_remedy():
    from adabench.engine.building import preflight
    from adabench.plugins import load_plugins

    load_plugins()
    with pytest.raises(
        ValueError, match=r"trunk\.weights: expected a text or None; got \['/data/a', .*quoted"
    ):
        preflight(run(f"{FIELD}=/data/a,b/missing.pth"))
