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
