"""Whole corpora: complete, resumable, and never stopped by one bad video."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time

import pytest
from prepared_files import content, reported, run

from adabench.data.corpora import Avec2014Reader
from adabench.data.prepare import prepare
from adabench.data.prepared import PreparedCorpus

SESSIONS = {"Training": ("201_1", 5), "Development": ("202_1", 30), "Testing": ("201_2", 44)}


@pytest.fixture(scope="session")
def template(tmp_path_factory, face_clip, write_video):
    """A raw corpus of six clips."""
    root = tmp_path_factory.mktemp("raw")
    for seed, (split, (session, score)) in enumerate(SESSIONS.items()):
        for length, task in ((8, "Freeform"), (11, "Northwind")):
            path = root / split / task / f"{session}_{task}_video.mp4"
            write_video(path, face_clip(length, 240, 180, seed=seed).frames)
        label = root / "AVEC2014_DepressionLabels" / split / f"{session}_Depression.csv"
        label.parent.mkdir(parents=True)
        label.write_text(f"{score}\n")
    (root / "truth").mkdir()
    (root / "synthface.json").write_text(json.dumps({"version": 1, "seed": 3}))
    return root


@pytest.fixture
def raw(template, tmp_path):
    """A copy of the template to change; the files keep their times."""
    subprocess.run(["cp", "-a", str(template), str(tmp_path / "raw")], check=True)
    return tmp_path / "raw"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_corpus_that_opens(raw, out):
    report = run(raw, out)
    assert (report.clips, report.frames, report.new, report.problems) == (6, 57, 6, ())
    assert "6 clips, 57 frames" in report.summary()
    corpus = PreparedCorpus.open(out)
    assert (corpus.name, corpus.kind, corpus.licensed) == ("synthface", "avec2014", False)
    assert (corpus.size, corpus.parameters) == (64, {"version": 1, "seed": 3})
    rows = [(row.clip, row.split, row.score, row.frames) for row in corpus.clips]
    assert rows == [
        ("201_1_Freeform", "train", 5, 8),
        ("201_1_Northwind", "train", 5, 11),
        ("201_2_Freeform", "test", 44, 8),
        ("201_2_Northwind", "test", 44, 11),
        ("202_1_Freeform", "dev", 30, 8),
        ("202_1_Northwind", "dev", 30, 11),
    ]
    assert corpus["201_2_Freeform"].subject == "201"
    frames = corpus.frames("202_1_Northwind", [10, 3])
    assert frames.shape == (2, 64, 64, 3)
    assert frames.std() > 20
    assert reported(out) == {}


def test_several_processes_give_the_same_bytes(raw, out, expected):
    report = run(raw, out, processes=2)
    assert report.new == 6
    assert content(out) == expected


def test_a_second_run_does_nothing(raw, out):
    run(raw, out)
    times = {path: path.stat().st_mtime_ns for path in (out / "faces").iterdir()}
    times |= {path: path.stat().st_mtime_ns for path in (out / "manifest.csv", out / "corpus.json")}
    report = run(raw, out)
    assert (report.new, report.clips) == (0, 6)
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_new_score_changes_the_manifest_only(raw, out):
    run(raw, out)
    checksum = PreparedCorpus.open(out).checksum
    next(raw.rglob("202_1_Depression.csv")).write_text("31")
    assert run(raw, out).new == 0
    corpus = PreparedCorpus.open(out)
    assert corpus["202_1_Freeform"].score == 31
    assert corpus.checksum != checksum


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def test_a_run_waits_for_another_one(raw, out, expected, caplog):
    run(raw, out)
    (out / "faces" / "201_1_Freeform.jpegs").unlink()
    with (out / ".clips" / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=run, args=(raw, out))
        second.start()
        wait_until(lambda: "waiting for another process" in caplog.text)
        assert not (out / "faces" / "201_1_Freeform.jpegs").exists()
    second.join(30)
    assert content(out) == expected


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 96}, "prepare.size: 64, asked for 96"),
        ({"margin": 0.3}, "prepare.margin: 0.1, asked for 0.3"),
        ({"detect_every": 4}, "prepare.detect_every: 5, asked for 4"),
    ],
)
def test_other_settings_are_refused(raw, out, options, told):
    run(raw, out)
    with pytest.raises(ValueError, match=told) as caught:
        run(raw, out, **options)
    assert str(out) in str(caught.value)
    PreparedCorpus.open(out)


def test_another_corpus_is_refused(raw, out):
    run(raw, out)
    (raw / "synthface.json").write_text(json.dumps({"version": 1, "seed": 4}))
    with pytest.raises(ValueError, match=r"parameters\.seed: 3, asked for 4"):
        run(raw, out)
    with pytest.raises(ValueError, match="name: 'synthface', asked for 'avec2014'"):
        prepare("avec2014", raw, out, processes=0, progress=False)


def test_a_folder_with_something_else_is_left_alone(raw, out):
    out.mkdir()
    (out / "thesis.txt").write_text("all my work")
    with pytest.raises(ValueError, match="no prepared corpus"):
        run(raw, out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_out_below_a_file(raw, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="choose another folder"):
        run(raw, tmp_path / "file" / "out")


def test_nothing_usable(raw, out):
    for path in raw.rglob("*.mp4"):
        path.write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"no clip of .* could be prepared; the first problems: 201"
    ):
        run(raw, out)
    assert len(reported(out)) == 6


def test_no_source(tmp_path, out):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        run(tmp_path / "none", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"processes": -1}, "processes: expected an integer from 0, got -1"),
        ({"patience": 0}, "patience: expected seconds, at least 1, got 0"),
        ({"lables": "/labels"}, "no option 'lables'.*did you mean 'labels'"),
    ],
)
def test_wrong_options(raw, out, options, told):
    with pytest.raises(ValueError, match=told):
        run(raw, out, **options)
    assert not out.exists()


def test_options_are_for_a_corpus_by_name(raw, out):
    with pytest.raises(ValueError, match="labels: a reader was given"):
        prepare(Avec2014Reader(), raw, out, labels=raw)


def test_labels_elsewhere(raw, out, tmp_path, expected):
    (raw / "AVEC2014_DepressionLabels").rename(tmp_path / "labels")
    run(raw, out, labels=tmp_path / "labels")
    assert content(out) == expected


def test_options_from_a_file(raw, out, tmp_path, expected):
    (raw / "Training").rename(raw / "Part1")
    layout = tmp_path / "layout.json"
    splits = {"train": ["Part1"], "dev": ["Development"], "test": ["Testing"]}
    layout.write_text(json.dumps({"splits": splits}))
    run(raw, out, layout=layout)
    named = expected["manifest.csv"].replace(b"Training/", b"Part1/")
    assert content(out)["manifest.csv"] == named


def test_expressions(tmp_path, out, face_clip, write_video):
    raw = tmp_path / "expressions"
    (raw / "labels").mkdir(parents=True)
    for split, number in (("train", "0001"), ("dev", "0002")):
        write_video(raw / split / f"{number}_expression.mp4", face_clip(6, 240, 180).frames)
        rows = "".join(f"{i},{i / 10}\n" for i in range(6))
        (raw / "labels" / f"{number}_expression.csv").write_text("frame,AU01\n" + rows)
    (raw / "synthface.json").write_text('{"version": 1}')
    prepare("expressions", raw, out, processes=0, progress=False)
    corpus = PreparedCorpus.open(out)
    assert corpus.kind == "expressions"
    assert [(row.clip, row.split, row.score) for row in corpus.clips] == [
        ("0001_expression", "train", None),
        ("0002_expression", "dev", None),
    ]
    assert corpus.signals("0002_expression")["AU01"].tolist() == [i / 10 for i in range(6)]


def test_workers_start_without_torch():
    code = "import sys, adabench.data.prepare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_store_that_was_exchanged_is_named_on_opening_and_made_again(raw, out):
    run(raw, out)
    clips = PreparedCorpus.open(out).clips
    first, second = (out / "faces" / f"{clip.clip}.jpegs" for clip in clips[:2])
    before = first.read_bytes()
    first.write_bytes(second.read_bytes())
    os.utime(first, ns=(1, second.stat().st_mtime_ns + 10**9))
    with pytest.raises(ValueError, match=f"{first.name}: damaged or exchanged"):
        PreparedCorpus.open(out)
    first.unlink()
    assert run(raw, out).new == 1
    assert first.read_bytes() == before
    assert len(PreparedCorpus.open(out)) == len(clips)
