"""200 damaged inputs of every sort beside good clips: all are named, none does harm."""

import csv
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from adabench.data.prepare import check, prepare
from adabench.data.prepare.judge import LEFT_OUT, SUSPICIOUS
from adabench.data.prepared import PreparedCorpus

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def damages():
    """The module that makes them."""
    path = Path(__file__).with_name("damages.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clips(tmp_path_factory, damages):
    return damages.good_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def raw(tmp_path_factory, damages, clips):
    return damages.build(tmp_path_factory.mktemp("raw corpus"), clips, 200)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, damages, clips):
    """What is stored of each clip without damage."""
    root = tmp_path_factory.mktemp("expected")
    made = damages.Raw(root / "raw", clips)
    names = {}
    for key, content in clips.items():
        clip, path = made.video(Path(key[1]).suffix)
        path.write_bytes(content)
        names[key] = clip
    prepare("synthface", root / "raw", root / "out", processes=0, progress=False)
    return {
        key: (root / "out" / "faces" / f"{clip}.jpegs").read_bytes() for key, clip in names.items()
    }


@pytest.fixture(scope="module")
def done(raw, tmp_path_factory):
    """The command line, run as a user runs it: the prepared corpus, its report and what it said."""
    out = tmp_path_factory.mktemp("prepared") / "out"
    tool = REPOSITORY / "tools" / "prepare.py"
    words = ["synthface", "--src", raw.root, "--out", out, "--size", "64", "--processes", "2"]
    run = subprocess.run(
        [sys.executable, str(tool), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    )
    with (out / "report.csv").open(newline="", encoding="utf-8") as file:
        report = {row["clip"]: row for row in csv.DictReader(file)}
    return out, report, run


def test_there_are_200(raw):
    assert len(raw) == 200
    assert len(raw.good) == 12


def test_the_user_meets_no_traceback(done):
    _, _, run = done
    assert run.returncode == 3, run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    assert "left out: " in run.stdout
    assert "kept, but suspicious: " in run.stdout


def test_every_good_clip_is_prepared(raw, done, expected):
    out, _, _ = done
    corpus = PreparedCorpus.open(out)
    for clip, key in raw.good.items():
        assert corpus[clip].score == 7
        assert (out / "faces" / f"{clip}.jpegs").read_bytes() == expected[key]


def test_every_bad_input_is_named(raw, done):
    _, report, _ = done
    unnamed = {what for what, names in raw.sure.items() if not names & set(report)}
    assert not unnamed


def complaints(path):
    """What FFmpeg's libraries say of a video when they decode it."""
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as said, av.open(str(path)) as container:
            frames = sum(1 for _ in container.decode(video=0))
            stated = container.streams.video[0].frames
    finally:
        av.logging.set_level(None)
    return [*said, *([] if frames == stated or not stated else [f"{frames} of {stated}"])]


def test_what_is_not_named_came_through_whole(raw, done, expected):
    out, report, _ = done
    unnamed = [clip for clip in raw.perhaps if clip not in report]
    assert len(unnamed) < len(raw.perhaps) / 3
    for clip in unnamed:
        stored = (out / "faces" / f"{clip}.jpegs").read_bytes()
        # other bytes may make another video, in which no decoder finds anything wrong
        assert stored == expected[raw.perhaps[clip]] or not complaints(raw.places[clip])


def test_the_report_and_the_manifest_agree(done):
    out, report, _ = done
    kept = {record.clip for record in PreparedCorpus.open(out).clips}
    for clip, row in report.items():
        known = SUSPICIOUS if row["left_out"] == "no" else LEFT_OUT
        assert row["status"] in known, row
        assert (clip in kept) == (row["left_out"] == "no")
        assert row["detail"]
    assert check(out).same


def test_each_sort_has_a_word_of_its_own(done):
    _, report, _ = done
    words = {row["status"] for row in report.values()}
    assert "timeout" not in words
    assert words >= {
        "empty",
        "not_a_video",
        "audio_only",
        "truncated",
        "damaged",
        "unreadable",
        "variable_rate",
        "rotated",
        "wrong_suffix",
        "bad_name",
        "no_label",
        "no_video",
        "duplicate",
    }


def test_a_second_run_changes_nothing(raw, done):
    out, report, _ = done
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = prepare("synthface", raw.root, out, processes=0, progress=False)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert {problem.name for problem in again.problems} == set(report)
