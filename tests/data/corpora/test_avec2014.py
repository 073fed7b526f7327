"""AVEC 2014's layout: clips and labels found, and everything odd reported."""

import pytest

from adabench.data.corpora import Avec2014Reader, find_reader

SPLITS = {"train": "Training", "dev": "Development", "test": "Testing"}
LABELS = {
    "train": "AVEC2014_DepressionLabels/Training_DepressionLabels",
    "dev": "AVEC2014_DepressionLabels/Development_DepressionLabels",
    "test": "AVEC2014_DepressionLabels/Testing/DepressionLabels",
}


def touch(path, content=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def add_video(root, split_folder, session, task):
    touch(root / split_folder / task / f"{session}_{task}_video.mp4")


def make(root, splits=SPLITS):
    sessions = {
        "train": [("203_1", 0), ("203_2", 63)],
        "dev": [("310_1", 14)],
        "test": [("7_3", 9)],
    }
    for split, rows in sessions.items():
        for session, score in rows:
            for task in ("Freeform", "Northwind"):
                add_video(root, splits[split], session, task)
            touch(root / LABELS[split] / f"{session}_Depression.csv", f"{score}\n")
    return root


@pytest.fixture
def root(tmp_path):
    return make(tmp_path / "avec")


@pytest.fixture
def reader():
    return Avec2014Reader()


def only_problem(scan):
    (problem,) = scan.problems
    return problem


@pytest.mark.parametrize(
    "splits",
    [
        SPLITS,
        {"train": "train", "dev": "dev", "test": "test"},
        {"train": "TRAINING", "dev": "Dev", "test": "testing"},
    ],
)
def test_clips_scores_and_splits(tmp_path, reader, splits):
    scan = reader.scan(make(tmp_path / "avec", splits))
    assert scan.problems == ()
    found = [(c.clip, c.subject, c.session, c.task, c.split, c.score) for c in scan.clips]
    assert found == [
        ("203_1_Freeform", "203", "203_1", "Freeform", "train", 0),
        ("203_1_Northwind", "203", "203_1", "Northwind", "train", 0),
        ("203_2_Freeform", "203", "203_2", "Freeform", "train", 63),
        ("203_2_Northwind", "203", "203_2", "Northwind", "train", 63),
        ("310_1_Freeform", "310", "310_1", "Freeform", "dev", 14),
        ("310_1_Northwind", "310", "310_1", "Northwind", "dev", 14),
        ("7_3_Freeform", "7", "7_3", "Freeform", "test", 9),
        ("7_3_Northwind", "7", "7_3", "Northwind", "test", 9),
    ]
    assert all(clip.video.is_file() and clip.signals is None for clip in scan.clips)


def test_other_folder_names(root):
    (root / "Development").rename(root / "Validation")
    scan = Avec2014Reader(splits={"dev": ["Validation"]}, tasks=["Northwind"]).scan(root)
    assert [(clip.clip, clip.split) for clip in scan.clips] == [("310_1_Northwind", "dev")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("64", "from 0 to 63"),
        ("-1", "from 0 to 63"),
        ("12.5", "12.5"),
        ("high", "high"),
        ("1_2", "1_2"),
        ("", "b''"),
        ("score\n12", "without a header"),
    ],
)
def test_unusable_labels(root, reader, content, told):
    path = root / LABELS["dev"] / "310_1_Depression.csv"
    path.write_text(content)
    scan = reader.scan(root)
    assert [problem.name for problem in scan.problems] == ["310_1_Freeform", "310_1_Northwind"]
    for problem in scan.problems:
        assert problem.status == "no_label"
        assert str(path) in problem.detail
        assert told in problem.detail
        assert problem.left_out
    assert len(scan.clips) == 6


@pytest.mark.parametrize("content", ["14\r\n", "\ufeff14", "  14  "])
def test_harmless_label_spellings(root, reader, content):
    (root / LABELS["dev"] / "310_1_Depression.csv").write_text(content, encoding="utf-8")
    scan = reader.scan(root)
    assert scan.problems == ()
    assert {clip.score for clip in scan.clips if clip.split == "dev"} == {14}


def test_missing_label(root, reader):
    (root / LABELS["test"] / "7_3_Depression.csv").unlink()
    scan = reader.scan(root)
    assert {problem.status for problem in scan.problems} == {"no_label"}
    assert "no file 7_3_Depression.csv" in scan.problems[0].detail
    assert not [clip for clip in scan.clips if clip.split == "test"]


@pytest.mark.parametrize("content", ["5", "none"])
def test_label_without_video(root, reader, content):
    touch(root / LABELS["test"] / "999_1_Depression.csv", content)
    scan = reader.scan(root)
    assert only_problem(scan).name == "999_1_Depression.csv"
    assert len(scan.clips) == 8


def test_the_same_label_twice_is_fine(root, reader):
    touch(root / "copy" / "310_1_Depression.csv", "14")
    assert reader.scan(root).problems == ()


def test_labels_that_disagree_are_named_but_not_told(root, reader):
    touch(root / "copy" / "310_1_Depression.csv", "57")
    scan = reader.scan(root)
    assert {problem.name for problem in scan.problems} == {"310_1_Freeform", "310_1_Northwind"}
    detail = scan.problems[0].detail.replace(str(root), "")
    assert "disagree: /AVEC2014_DepressionLabels/Development_DepressionLabels/310" in detail
    assert "/copy/310_1_Depression.csv" in detail
    assert "57" not in detail
    assert "14," not in detail


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Testing", "203_1_Freeform_video.mp4"), ("Training", "203_1_Freeform_video.avi")],
    ids=["split", "format"],
)
def test_a_clip_found_twice_is_left_out(root, reader, folder, name):
    touch(root / folder / "Freeform" / name)
    scan = reader.scan(root)
    problem = only_problem(scan)
    assert (problem.name, problem.status) == ("203_1_Freeform", "duplicate")
    assert f"{folder}/Freeform/{name}" in problem.detail
    assert "203_1_Freeform" not in {clip.clip for clip in scan.clips}


def test_odd_file_names(root, reader):
    touch(root / "Training" / "Freeform" / "203_1_Northwind_video.mp4")
    touch(root / "Training" / "Freeform" / "notes.txt")
    touch(root / "Training" / "Freeform" / "._203_1_Freeform_video.mp4")
    scan = reader.scan(root)
    assert only_problem(scan).name == "Training/Freeform/203_1_Northwind_video.mp4"
    assert len(scan.clips) == 8


def test_labels_elsewhere(root, tmp_path):
    (root / "AVEC2014_DepressionLabels").rename(tmp_path / "labels")
    assert {p.status for p in Avec2014Reader().scan(root).problems} == {"no_label"}
    reader = Avec2014Reader(labels=tmp_path / "labels")
    assert reader.options == {"labels": tmp_path / "labels"}
    scan = reader.scan(root)
    assert (len(scan.clips), scan.problems) == (8, ())
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; .* with --labels"):
        Avec2014Reader(labels=tmp_path / "nowhere").scan(root)


def test_other_names(tmp_path):
    root = tmp_path / "avec"
    for task in ("ff", "nw"):
        touch(root / "Videos" / "A" / task / f"P07-s2-{task}.mp4")
    touch(root / "scores" / "P07-s2.txt", "21")
    reader = Avec2014Reader(
        splits={"dev": "videos/a"},
        tasks={"Freeform": "ff", "Northwind": ["x", "nw"]},
        video_pattern=r"(?P<subject>P\d+)-s(?P<session>\d)-..",
        label_pattern=r"(?P<subject>P\d+)-s(?P<session>\d)\.txt",
    )
    scan = reader.scan(root)
    assert scan.problems == ()
    assert [(c.clip, c.subject, c.session, c.task, c.split, c.score) for c in scan.clips] == [
        ("P07_2_Freeform", "P07", "P07_2", "Freeform", "dev", 21),
        ("P07_2_Northwind", "P07", "P07_2", "Northwind", "dev", 21),
    ]
    touch(root / "Videos" / "A" / "ff" / "203_1_Freeform_video.mp4")
    problem = only_problem(reader.scan(root))
    assert r"names like (?P<subject>P\d+)-s" in problem.detail
    (root / "scores" / "P07-s2.txt").unlink()
    assert "no label file of P07_2" in reader.scan(root).problems[0].detail


@pytest.mark.parametrize(
    ("videos", "labels"), [(r"\.mp4", r"\.csv"), ("", ""), (r"\.(mp4|avi)", "")]
)
def test_patterns_may_name_the_endings_or_not(tmp_path, videos, labels):
    touch(tmp_path / "train" / "7-2-Freeform.mp4")
    (tmp_path / "7-2.csv").write_text("21")
    person = r"(?P<subject>\d+)-(?P<session>\d)"
    reader = Avec2014Reader(
        video_pattern=rf"{person}-(?P<task>\w+){videos}", label_pattern=person + labels
    )
    scan = reader.scan(tmp_path)
    assert scan.problems == ()
    assert [(clip.clip, clip.score) for clip in scan.clips] == [("7_2_Freeform", 21)]


def test_tasks_in_one_folder(tmp_path):
    for task in ("Freeform", "northwind"):
        touch(tmp_path / "train" / f"203_1_{task}_video.mp4")
    touch(tmp_path / "203_1_Depression.csv", "5")
    scan = Avec2014Reader().scan(tmp_path)
    assert [clip.clip for clip in scan.clips] == ["203_1_Freeform", "203_1_Northwind"]
    assert [clip.source_name for clip in scan.clips] == [
        "train/203_1_Freeform_video.mp4",
        "train/203_1_northwind_video.mp4",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"video_pattern": "("}, "video_pattern: no regular expression"),
        ({"video_pattern": r"(?P<subject>\d+)"}, "'session' is missing"),
        ({"label_pattern": r"(?P<session>\d+)"}, "'subject' is missing"),
        ({"splits": {"train": "a", "test": ["b", "A"]}}, "'a' stands for train and for test"),
        ({"tasks": []}, "tasks: expected names of tasks"),
        ({"tasks": "Freeform"}, "tasks: expected names of tasks"),
    ],
)
def test_wrong_options(options, told):
    with pytest.raises(ValueError, match=told):
        Avec2014Reader(**options)


def test_a_name_that_cannot_be_printed(root, reader):
    touch(root / "Training" / "Freeform" / "203_1_Free\nform_video.mp4")
    problem = only_problem(reader.scan(root))
    assert problem.name == "Training/Freeform/203_1_Free\\nform_video.mp4"
    assert "can be printed: rename" in problem.detail


def test_the_video_that_openface_drew(root, reader):
    folder = root / "Training" / "Freeform"
    touch(folder / "203_1_Freeform_video.avi")
    touch(folder / "203_1_Freeform_video_of_details.txt")
    assert reader.scan(root).problems == ()
    (folder / "203_1_Freeform_video.mp4").unlink()
    problem = only_problem(reader.scan(root))
    assert (problem.status, problem.left_out) == ("openface_video", False)
    assert "--openface" in problem.detail


def test_truth_is_never_read(root, reader):
    touch(root / "truth" / "310_1_Depression.csv", "60")
    (root / LABELS["dev"] / "310_1_Depression.csv").unlink()
    assert {problem.name for problem in reader.scan(root).problems} == {
        "310_1_Freeform",
        "310_1_Northwind",
    }


def test_no_corpus_there(tmp_path, reader):
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "file")
    touch(tmp_path / "other" / "text.txt")
    for name, told in (
        ("none", "does not exist"),
        ("empty", "is empty"),
        ("file", "is a file"),
        ("other", "no video found"),
    ):
        with pytest.raises(FileNotFoundError, match=told) as caught:
            reader.scan(tmp_path / name)
        message = str(caught.value)
        assert str(tmp_path / name) in message
        assert "NNN_M_{Freeform,Northwind}_video.mp4" in message
        assert "--src" in message


def test_synthface_needs_its_record(root):
    reader = find_reader("synthface")
    with pytest.raises(FileNotFoundError, match=r"synthface\.json"):
        reader.parameters(root)
    touch(root / "synthface.json", '{"seed": 1}')
    assert reader.parameters(root) == {"seed": 1}
    assert find_reader("avec2014").parameters(root) == {"seed": 1}


def test_a_calibration_split_is_read_where_there_is_one(root, reader):
    add_video(root, "Calibration", "55_1", "Freeform")
    touch(
        root / "AVEC2014_DepressionLabels/Calibration_DepressionLabels/55_1_Depression.csv", "21\n"
    )
    scan = reader.scan(root)
    assert scan.problems == ()
    found = [(c.session, c.split, c.score) for c in scan.clips if c.session == "55_1"]
    assert found == [("55_1", "calibration", 21)]
    # nobody is told to have one
    assert "Calibration" not in reader.layout


def test_a_folder_of_no_tasks_name(tmp_path):
    for folder, task in (("Freeform_x", "Freeform"), ("Northwind", "Northwind")):
        path = tmp_path / "Training" / folder / f"203_1_{task}_video.mp4"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    (tmp_path / "203_1_Depression.csv").write_text("7")
    scan = Avec2014Reader().scan(tmp_path)
    assert [clip.clip for clip in scan.clips] == ["203_1_Northwind"]
    (problem,) = scan.problems
    assert (problem.name, problem.status) == ("Training/Freeform_x", "bad_split")
    assert "its name is no task's" in problem.detail
