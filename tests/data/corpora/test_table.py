"""Corpora of one's own: a CSV of clips."""

import re

import pytest

from adabench.data.corpora import TableReader
from adabench.data.prepare.run import reader_of
from adabench.evaluation import BDI_II, PHQ_8, Scale

HEADER = "clip,video,score,subject,session,task,split"


@pytest.fixture
def corpus(tmp_path):
    """A function that writes a table of the lines, and the videos v1 to v9."""

    def write(*lines, header=HEADER):
        root = tmp_path / "mine"
        (root / "videos").mkdir(parents=True)
        for number in range(1, 10):
            (root / "videos" / f"v{number}.mp4").write_bytes(b"")
        text = "\n".join((header, *lines)).replace("ROOT", str(root))
        (root / "clips.csv").write_text(text, encoding="utf-8")
        return root

    return write


def only_problem(scan):
    (problem,) = scan.problems
    return problem


def row(clip, video, score="5", subject="P1", session="", task="", split="train"):
    return ",".join((clip, video, score, subject, session or clip, task, split))


def test_all_columns(corpus):
    root = corpus(
        "b,videos/v2.mp4,63,P1,P1_1,read,Training",
        "a,videos\\v1.mp4,63,P1,P1_1,speak,train",
        "c,ROOT/videos/../videos/v3.mp4,12.0,P2,P2_1,,VAL",
        'd," videos/v4.mp4",0,P3,P3_1,"read, then speak",test',
    )
    scan = TableReader().scan(root)
    assert scan.problems == ()
    assert [
        (c.clip, c.subject, c.session, c.task, c.split, c.score, c.source_name) for c in scan.clips
    ] == [
        ("a", "P1", "P1_1", "speak", "train", 63, "videos/v1.mp4"),
        ("b", "P1", "P1_1", "read", "train", 63, "videos/v2.mp4"),
        ("c", "P2", "P2_1", "", "dev", 12, "videos/v3.mp4"),
        ("d", "P3", "P3_1", "read, then speak", "test", 0, "videos/v4.mp4"),
    ]
    assert all(clip.video.is_file() for clip in scan.clips)


def test_three_columns_and_what_is_assumed(corpus):
    scan = TableReader().scan(
        corpus("a,videos/v1.mp4,1", "b,videos/v2.mp4,2", header="clip,video,score")
    )
    assert [(c.clip, c.subject, c.session, c.split) for c in scan.clips] == [
        ("a", "a", "a", "train"),
        ("b", "b", "b", "train"),
    ]
    told = {problem.status: problem for problem in scan.problems}
    assert told.keys() == {"no_subject", "no_split"}
    assert not any(problem.left_out for problem in scan.problems)
    assert "no column subject: 2 clips without a person: each clip is taken" in (
        told["no_subject"].detail
    )
    assert "every clip is in train" in told["no_split"].detail


def test_a_person_missing_in_one_row(corpus):
    scan = TableReader().scan(
        corpus(row("a", "videos/v1.mp4"), row("b", "videos/v2.mp4", subject="", session="s2"))
    )
    assert [clip.subject for clip in scan.clips] == ["P1", "s2"]
    assert "row 3: 1 clips without a person: each session" in only_problem(scan).detail


@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        (row("x y", "videos/v1.mp4"), "bad_name", "column clip: expected letters, .* got 'x y'"),
        (row("", "videos/v1.mp4"), "bad_name", "column clip: .* got ''"),
        (row("../x", "videos/v1.mp4"), "bad_name", "column clip"),
        (row("x", "videos/v1.mp4", ""), "no_label", "column score: empty: fill in"),
        (row("x", "videos/v1.mp4", "64"), "bad_label", "from 0 to 63, got '64': correct it"),
        (row("x", "videos/v1.mp4", "-1"), "bad_label", "got '-1'"),
        (row("x", "videos/v1.mp4", "12.5"), "bad_label", "got '12.5'"),
        (row("x", "videos/v1.mp4", "NaN"), "bad_label", "got 'NaN'"),
        (row("x", "videos/v1.mp4", "\u0661\u0662"), "bad_label", "column score"),
        (
            row("x", "videos/v1.mp4", split="all"),
            "bad_split",
            "expected train, dev, test, calibration, got",
        ),
        (row("x", "videos/v1.mp4", split=""), "bad_split", "got ''"),
        (row("x", ""), "no_video", "column video: empty"),
        (row("x", "videos/none.mp4"), "no_video", "no file 'videos/none.mp4' in"),
        (row("x", "videos"), "no_video", "no file 'videos'"),
        (row("x", "v" * 300), "no_video", "no file"),
        (row("x", "a\0b"), "no_video", "no file"),
        (row("x", "../outside.mp4"), "bad_path", "leads out of .*--src"),
        (row("x", "/etc/passwd"), "bad_path", "'/etc/passwd' leads out of"),
    ],
)
def test_wrong_rows(corpus, line, status, told):
    root = corpus(row("good", "videos/v9.mp4"), line)
    (root.parent / "outside.mp4").write_bytes(b"")
    scan = TableReader().scan(root)
    assert [clip.clip for clip in scan.clips] == ["good"]
    problem = only_problem(scan)
    assert (problem.status, problem.left_out) == (status, True)
    assert problem.detail.startswith(f"{root / 'clips.csv'}: row 3: ")
    assert problem.name in (line.split(",")[0], "clips.csv row 3")
    assert re.search(told, problem.detail)


@pytest.mark.parametrize(
    ("lines", "status", "told"),
    [
        (
            (row("a", "videos/v1.mp4"), row("A", "videos/v2.mp4")),
            "duplicate",
            "column clip: the name comes more than once: give each its own (rows 2, 3)",
        ),
        (
            (row("a", "videos/v1.mp4"), row("b", "./videos/v1.mp4", split="test")),
            "duplicate",
            "column video: the video comes more than once: keep one row (rows 2, 3)",
        ),
        (
            (
                row("a", "videos/v1.mp4", session="1"),
                row("b", "videos/v2.mp4", session="1", subject="P2"),
            ),
            "bad_session",
            "column subject: session '1' has several persons: give each session a name of its own",
        ),
        (
            (
                row("a", "videos/v1.mp4", session="1"),
                row("b", "videos/v2.mp4", session="1", split="dev"),
            ),
            "bad_session",
            "column split: session '1' is in several splits: choose one (rows 2, 3)",
        ),
        (
            (
                row("a", "videos/v1.mp4", "41", session="1"),
                row("b", "videos/v2.mp4", "42", session="1"),
            ),
            "bad_session",
            "column score: session '1' has several scores: keep the right one (rows 2, 3)",
        ),
    ],
    ids=["clip", "video", "person", "split", "score"],
)
def test_rows_that_contradict_each_other(corpus, lines, status, told):
    root = corpus(*lines, row("good", "videos/v9.mp4"))
    scan = TableReader().scan(root)
    assert [clip.clip for clip in scan.clips] == ["good"]
    assert [problem.status for problem in scan.problems] == [status] * 2
    for problem in scan.problems:
        assert told in problem.detail
        assert "41" not in problem.detail.replace(str(root), "")


def test_where_the_table_is(corpus, tmp_path):
    root = corpus(row("a", "videos/v1.mp4"))
    assert len(TableReader().scan(root / "clips.csv").clips) == 1
    (root / "more.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match=r"2 CSVs in .*: clips\.csv, more\.csv: .* with --labels"):
        TableReader().scan(root)
    assert len(TableReader(labels=root / "clips.csv").scan(root).clips) == 1
    (tmp_path / "tables").mkdir()
    elsewhere = (root / "clips.csv").rename(tmp_path / "tables" / "clips.csv")
    for labels in (elsewhere, elsewhere.parent):
        (clip,) = TableReader(labels=labels).scan(root).clips
        assert clip.source_name == "videos/v1.mp4"


def test_a_table_in_a_folder_beside_the_videos(corpus):
    root = corpus(row("a", "../videos/v1.mp4"))
    (root / "meta").mkdir()
    table = (root / "clips.csv").rename(root / "meta" / "clips.csv")
    (clip,) = TableReader(labels=table).scan(root).clips
    assert clip.source_name == "videos/v1.mp4"


def test_a_path_of_two_meanings(corpus, tmp_path):
    root = corpus(row("a", "videos/v1.mp4"))
    other = tmp_path / "other" / "videos"
    other.mkdir(parents=True)
    (other / "v1.mp4").write_bytes(b"")
    scan = TableReader(labels=root / "clips.csv").scan(other.parent)
    problem = only_problem(scan)
    assert problem.status == "duplicate"
    assert str(root / "videos" / "v1.mp4") in problem.detail
    assert str(other / "v1.mp4") in problem.detail
    (other / "v1.mp4").unlink()
    (other / "v1.mp4").symlink_to(root / "videos" / "v1.mp4")
    assert TableReader(labels=root / "clips.csv").scan(other.parent).problems == ()


def test_no_table(corpus, tmp_path):
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        TableReader().scan(tmp_path / "none")
    root = corpus()
    with pytest.raises(ValueError, match="no rows below the header: add a row"):
        TableReader().scan(root)
    (root / "clips.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"no CSV in .*; expected a CSV with the columns"):
        TableReader().scan(root)
    (root / "clips.csv").write_text("clip,score\n")
    with pytest.raises(ValueError, match="no column 'video'"):
        TableReader().scan(root)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("labels.xlsx", "there is labels.xlsx: save its table as CSV in UTF-8"),
        ("labels.ods", "there is labels.ods: save its table as CSV in UTF-8"),
        ("labels.tsv", "there is labels.tsv: if that is the table, name the file itself"),
    ],
)
def test_a_table_of_another_sort(corpus, name, remedy):
    root = corpus()
    (root / "clips.csv").rename(root / name)
    with pytest.raises(FileNotFoundError, match=remedy):
        TableReader().scan(root)


def test_openface_with_and_without_videos(corpus, tmp_path):
    root = corpus(row("a", ""), row("b", "videos/v2.mp4"), row("c", "videos/v3.mp4"))
    faces = tmp_path / "faces"
    for stem in ("a", "v2"):
        (faces / f"{stem}_aligned").mkdir(parents=True)
        (faces / f"{stem}_aligned" / "1.png").write_bytes(b"")
        (faces / f"{stem}.csv").write_text("frame\n")
    (root / "videos" / "v2.mp4").unlink()
    scan = TableReader(openface=faces).scan(root)
    assert [(clip.clip, clip.video, clip.source_name) for clip in scan.clips] == [
        ("a", None, "a.csv"),
        ("b", None, "v2.csv"),
    ]
    problem = only_problem(scan)
    assert (problem.name, problem.status) == ("c", "no_openface")
    assert "row 4: no file v3.csv or c.csv below" in problem.detail


def test_own_names_of_splits(corpus):
    root = corpus(row("a", "videos/v1.mp4", split="fold A"), row("b", "videos/v2.mp4"))
    scan = TableReader(splits={"dev": "Fold a"}).scan(root)
    assert [(clip.clip, clip.split) for clip in scan.clips] == [("a", "dev")]
    assert "expected dev, got 'train'" in only_problem(scan).detail


def test_rights():
    assert TableReader().licensed
    assert not TableReader(licensed=False).licensed
    assert TableReader("mine").options == {}


def test_scores_are_of_the_scale_that_is_named(corpus):
    root = corpus(row("a", "videos/v1.mp4", "24"), row("b", "videos/v2.mp4", "25", "P2"))
    assert TableReader().scale == BDI_II
    reader = reader_of("table", scale="PHQ-8")
    assert reader.scale == PHQ_8
    scan = reader.scan(root)
    assert [clip.score for clip in scan.clips] == [24]
    assert "expected an integer from 0 to 24, got '25'" in only_problem(scan).detail


def test_a_scale_of_one_s_own_comes_from_a_file(corpus, tmp_path):
    root = corpus(row("a", "videos/v1.mp4", '"1,25"'), row("b", "videos/v2.mp4", "0.5", "P2"))
    (tmp_path / "half.toml").write_text(
        'name = "Half"\nlow = 0\nhigh = 1.5\nwhole = false\n'
        'levels = [{name = "low", low = 0}, {name = "high", low = 1}]\n'
    )
    (tmp_path / "layout.toml").write_text('scale = "half.toml"\n')
    for options in ({"scale": tmp_path / "half.toml"}, {"layout": tmp_path / "layout.toml"}):
        reader = reader_of("table", **options)
        assert [clip.score for clip in reader.scan(root).clips] == [1.25, 0.5]
    (tmp_path / "layout.toml").write_text('[scale]\nname = "ill"\nclasses = ["no", "yes"]\n')
    found = reader_of("table", layout=tmp_path / "layout.toml").scale
    assert found == Scale.of_classes("ill", ("no", "yes"))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (
            "phq-9",
            r"no scale is called 'phq-9' \(did you mean 'phq-8'\?\); there are: bdi-ii, phq-8",
        ),
        ("none.toml", r"none.toml: no such file; correct --scale"),
        ("odd.json", r"odd.json: scale: unknown key 'nmae' \(did you mean 'name'\?\)"),
        ("list.json", r"list.json: scale: expected keys and values, got list"),
    ],
)
def test_a_wrong_scale_is_told_by_its_file_and_key(tmp_path, monkeypatch, named, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.json").write_text('{"nmae": "x"}')
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        TableReader(scale=named)


def test_traits_are_read_by_session(corpus):
    root = corpus(
        "a,videos/v1.mp4,5,P1,f,44,north",
        "b,videos/v2.mp4,5,P2,,4x,",
        "c,videos/v3.mp4,5,P3,,,",
        header="clip,video,score,subject,sex,age,group_site",
    )
    scan = TableReader().scan(root)
    assert [clip.traits for clip in scan.clips] == [
        (("age", "44"), ("group_site", "north"), ("sex", "f")),
        (),
    ]
    told = {problem.status: problem.detail for problem in scan.problems}
    assert "field age: expected whole years, at most 130, got '4x': correct it" in told["bad_trait"]


def test_a_session_has_its_traits_once(corpus):
    root = corpus(
        "a,videos/v1.mp4,5,P1,P1_1,f",
        "b,videos/v2.mp4,5,P1,P1_1,m",
        header="clip,video,score,subject,session,sex",
    )
    scan = TableReader().scan(root)
    assert scan.clips == ()
    assert "has several values of sex, age or a group" in scan.problems[0].detail
