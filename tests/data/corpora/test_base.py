"""What the readers share."""

from pathlib import Path

import pytest

from adabench.data.corpora.base import (
    OpenFaceFiles,
    Problem,
    SourceClip,
    check_found,
    read_record,
)
from adabench.data.corpora.folders import files_below, subfolders, walk


def test_subfolders_match_in_any_case(tmp_path):
    for name in ("TRAINING", "train", "testing"):
        (tmp_path / name).mkdir()
    (tmp_path / "Train.txt").write_bytes(b"")
    found = subfolders(tmp_path, ("Training", "train"))
    assert [path.name for path in found] == ["TRAINING", "train"]


def test_subfolders_of_several_parts_and_the_folder_itself(tmp_path):
    (tmp_path / "Videos" / "Training").mkdir(parents=True)
    assert list(subfolders(tmp_path, ["videos/training"])) == [tmp_path / "Videos" / "Training"]
    assert list(subfolders(tmp_path, ["."])) == [tmp_path]
    assert list(subfolders(tmp_path, ["Videos/../Videos", "none/Training"])) == []


def test_files_below_skips_truth_and_aligned_faces(tmp_path):
    for folder in ("b/c", "truth/deep", "a/Truth", "b/x_aligned", "b/Y_ALIGNED"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["b/c/file"]
    b = tmp_path / "b"
    assert [faces for folder, faces, _ in walk(tmp_path) if folder == b] == [
        [b / "Y_ALIGNED", b / "x_aligned"]
    ]


def test_links_are_followed_once(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "root")
    assert [path.name for path in files_below(tmp_path / "root")] == ["file"]


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


def test_the_source_is_the_video_or_what_stands_for_it():
    names = ("203_1", "203", "203_1", "", "train")
    video = Path("raw/Training/203_1.mp4")
    files = OpenFaceFiles(Path("faces/a/203_1.csv"), Path("faces/a/203_1_aligned"))
    clip = SourceClip(*names, video, root=Path("raw"))
    assert (clip.source, clip.source_name) == (video, "Training/203_1.mp4")
    assert SourceClip(*names, video).source_name == "203_1.mp4"
    both = SourceClip(*names, video, openface=files, root=Path("faces"))
    assert (both.source, both.source_name) == (files.table, "a/203_1.csv")
    with pytest.raises(ValueError, match="clip 203_1: expected a video or OpenFace's output"):
        SourceClip(*names, None)


def test_odd_names_can_be_printed_and_written():
    problem = Problem("a\nb\udcff.mp4", "wie schön\u2028", "bad_name")
    assert problem.name == "a\\nb\\udcff.mp4"
    assert problem.detail == "wie schön\\u2028"
    (problem.name + problem.detail).encode("utf-8")


def test_nothing_found_says_what_is_there_instead(tmp_path):
    (tmp_path / "deep" / "x_aligned").mkdir(parents=True)
    (tmp_path / "deep" / "b.avi").write_bytes(b"")
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(FileNotFoundError) as caught:
        check_found([], tmp_path, "LAYOUT")
    message = str(caught.value)
    assert "there are 2 videos of other names or places, the first a.mp4" in message
    assert "1 folders of OpenFace's: name their root with --openface" in message
    assert "expected LAYOUT; give the folder that holds those with --src" in message
    check_found([1], tmp_path, "LAYOUT")
