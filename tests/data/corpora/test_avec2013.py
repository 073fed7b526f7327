"""AVEC 2013's layout: one clip and one label a session, in whatever folders of a split."""

import pytest

from adabench.data.corpora import Avec2013Reader, find_reader


def touch(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


SESSIONS = {"203_1": ("train", 0), "203_2": ("train", 63), "310_1": ("dev", 14), "7_3": ("test", 9)}
ROWS = [
    ("203_1", "203", "203_1", "", "train", 0),
    ("203_2", "203", "203_2", "", "train", 63),
    ("310_1", "310", "310_1", "", "dev", 14),
    ("7_3", "7", "7_3", "", "test", 9),
]


def make(root, folders, name="{session}_cut_combined.mp4"):
    for session, (split, score) in SESSIONS.items():
        touch(root / folders[split] / name.format(session=session))
        touch(root / "labels" / f"{session}_Depression.csv", f"{score}\n")
    return root


def rows(scan):
    return [(c.clip, c.subject, c.session, c.task, c.split, c.score) for c in scan.clips]


@pytest.mark.parametrize(
    ("folders", "name"),
    [
        (
            {"train": "Training", "dev": "Development", "test": "Testing"},
            "{session}_cut_combined.mp4",
        ),
        ({"train": "train", "dev": "VAL", "test": "test"}, "{session}_cut_combined_video.AVI"),
        (
            {"train": "Training/Video", "dev": "Development/Video/a", "test": "Testing"},
            "{session}_cut_combined.mp4",
        ),
    ],
    ids=["flat", "other names", "deeper"],
)
def test_layouts(tmp_path, folders, name):
    scan = Avec2013Reader().scan(make(tmp_path, folders, name))
    assert rows(scan) == ROWS
    assert scan.problems == ()


def test_own_split_folders_and_patterns(tmp_path):
    folders = {"train": "AVEC_train/v", "dev": "AVEC_dev/v", "test": "AVEC_test/v"}
    root = make(tmp_path, folders, "session {session}.mp4")
    reader = Avec2013Reader(
        splits={split: folder.lower() for split, folder in folders.items()},
        video_pattern=r"session (?P<subject>\d+)_(?P<session>\d+)",
    )
    assert rows(reader.scan(root)) == ROWS
    assert "AVEC_train" not in Avec2013Reader().layout
    with pytest.raises(FileNotFoundError, match="there are 4 videos of other names or places"):
        Avec2013Reader().scan(root)


def test_problems(tmp_path):
    root = make(tmp_path, {"train": "train", "dev": "dev", "test": "test"})
    touch(root / "train" / "more" / "203_1_cut_combined_2.mp4")
    touch(root / "dev" / "310_1_Freeform_video.mp4")
    touch(root / "dev" / "310_1_cut_audio.wav")
    touch(root / "labels" / "999_1_Depression.csv", "3")
    (root / "labels" / "7_3_Depression.csv").unlink()
    scan = Avec2013Reader().scan(root)
    assert [clip.clip for clip in scan.clips] == ["203_2", "310_1"]
    assert [(problem.name, problem.status) for problem in scan.problems] == [
        ("203_1", "duplicate"),
        ("7_3", "no_label"),
        ("999_1_Depression.csv", "no_video"),
        ("dev/310_1_Freeform_video.mp4", "bad_name"),
    ]
    assert "train/203_1_cut_combined.mp4, train/more/203_1_cut_combined_2.mp4" in (
        scan.problems[0].detail
    )
    assert "NNN_M_cut_combined*.mp4" in scan.problems[3].detail
    assert all(problem.left_out for problem in scan.problems)


def test_a_session_in_two_splits_is_left_out(tmp_path):
    root = make(tmp_path, {"train": "train", "dev": "dev", "test": "test"})
    touch(root / "test" / "203_1_cut_combined.mp4")
    (problem,) = Avec2013Reader().scan(root).problems
    assert (problem.name, problem.status) == ("203_1", "duplicate")


def test_rights():
    assert Avec2013Reader().licensed
    with pytest.raises(ValueError, match="no option 'tasks'"):
        find_reader("avec2013", tasks=["Freeform"])


USUAL = {"train": "Training", "dev": "Development", "test": "Testing"}


@pytest.mark.parametrize("name", ["Devel", "valid", "VALIDATION", "Devel_face", "val_aligned"])
def test_names_of_the_second_split(tmp_path, name):
    scan = Avec2013Reader().scan(make(tmp_path, USUAL | {"dev": name}))
    assert (rows(scan), scan.problems) == (ROWS, ())


def test_a_folder_of_no_splits_name_is_told_in_one_line(tmp_path):
    root = make(tmp_path, {"train": "Train", "dev": "Zwei/a", "test": "Test"})
    touch(root / "Zwei" / "311_1_cut_combined.mp4")
    touch(root / "labels" / "311_1_Depression.csv", "3")
    scan = Avec2013Reader().scan(root)
    assert {clip.split for clip in scan.clips} == {"train", "test"}
    (problem,) = scan.problems
    assert (problem.name, problem.status) == ("Zwei", "bad_split")
    assert "2 clips in this folder, the first Zwei/311_1_cut_combined.mp4" in problem.detail
    assert 'splits = {train = "Train", dev = "Zwei", test = "Test"} if it is dev' in problem.detail
    assert "no clip of dev was found" in problem.detail
    splits = {"train": "Train", "dev": "Zwei", "test": "Test"}
    assert Avec2013Reader(splits=splits).scan(root).problems == ()
    left = Avec2013Reader(splits={"train": "Train", "test": "Test"}).scan(root)
    assert [problem.name for problem in left.problems] == ["Zwei"]
    for session in ("310_1", "311_1"):
        (root / "labels" / f"{session}_Depression.csv").unlink()
    assert [problem.name for problem in Avec2013Reader().scan(root).problems] == ["Zwei"]
    assert Avec2013Reader(splits={"train": "Train", "test": "Test"}).scan(root).problems == ()


def test_a_part_of_a_split_and_a_copy(tmp_path):
    root = make(tmp_path, USUAL)
    make(root / "old", USUAL)
    touch(root / "Training_2" / "204_1_cut_combined.mp4")
    (problem,) = Avec2013Reader().scan(root).problems
    assert problem.name == "Training_2"
    assert 'train = ["Training", "Training_2"], dev = "Development"' in problem.detail
    assert "was found" not in problem.detail


def test_loose_videos_and_videos_of_other_names(tmp_path):
    loose = Avec2013Reader().scan(make(tmp_path / "loose", USUAL | {"dev": "."}))
    ((problem,), found) = loose.problems, rows(loose)
    assert len(found) == 3
    assert (problem.name, "move them into" in problem.detail) == (".", True)
    root = make(tmp_path / "odd", USUAL)
    (root / "Development").rename(root / "Zwei")
    (root / "Zwei" / "310_1_cut_combined.mp4").rename(root / "Zwei" / "310.mp4")
    touch(root / "labels" / "311_1_Depression.csv", "3")
    (problem,) = Avec2013Reader().scan(root).problems
    assert (problem.name, problem.status) == ("dev", "no_video")
    assert "2 labels without a video, the first 310_1_Depression.csv" in problem.detail
    assert "videos or faces of other names in Zwei" in problem.detail


def test_folders_of_splits_a_folder_deeper(tmp_path):
    make(tmp_path / "AVEC2013", USUAL)
    with pytest.raises(FileNotFoundError, match=r"stand in \S+/AVEC2013: name that instead"):
        Avec2013Reader().scan(tmp_path)


def test_a_folder_of_videos_may_be_called_aligned(tmp_path):
    folders = {split: f"{name}/Video_aligned" for split, name in USUAL.items()}
    assert rows(Avec2013Reader().scan(make(tmp_path, folders))) == ROWS
