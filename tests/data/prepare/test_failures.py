"""What goes wrong in a run: one bad input costs itself only, and a full disk ends it cleanly."""

import dataclasses
import errno
import os
import subprocess
import sys
from pathlib import Path, PosixPath

import numpy as np
import pytest
from prepared_files import content, reported, run

from adabench.data.corpora import Avec2014Reader, Scan, SourceClip
from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.prepare import StoppedError, check, prepare
from adabench.data.prepare.clip import prepare_clip
from adabench.data.prepare.run import prepare_one
from adabench.data.prepared import PreparedCorpus

SPLITS = {"Training": "201_1", "Development": "202_1", "Testing": "201_2"}


@pytest.fixture(scope="session")
def template(tmp_path_factory, face_clip, write_video):
    """A raw corpus of six clips."""
    root = tmp_path_factory.mktemp("raw")
    for seed, (split, session) in enumerate(SPLITS.items()):
        for length, task in ((8, "Freeform"), (11, "Northwind")):
            path = root / split / task / f"{session}_{task}_video.mp4"
            write_video(path, face_clip(length, 240, 180, seed=seed).frames)
        (root / f"{session}_Depression.csv").write_text(f"{seed}\n")
    (root / "synthface.json").write_text("{}")
    return root


@pytest.fixture
def raw(template, tmp_path):
    """A copy of the template to change; the files keep their times."""
    subprocess.run(["cp", "-a", str(template), str(tmp_path / "raw")], check=True)
    return tmp_path / "raw"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def saboteur(monkeypatch):
    """The module of the deeds; other processes find it by the path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import saboteur

    return saboteur


def test_bad_videos_are_reported_and_the_rest_prepared(raw, out, expected, write_video):
    (raw / "Training/Freeform/201_1_Freeform_video.mp4").write_bytes(b"")
    path = raw / "Testing/Freeform/201_2_Freeform_video.mp4"
    path.write_bytes(path.read_bytes()[:-3000])
    plain = np.full((9, 120, 160, 3), 99, np.uint8)
    write_video(raw / "Testing/Northwind/201_2_Northwind_video.mp4", plain)
    next(raw.rglob("202_1_Depression.csv")).write_text("64")
    report = run(raw, out, processes=2)
    assert {problem.name: problem.status for problem in report.left_out} == {
        "201_1_Freeform": "empty",
        "201_2_Freeform": "truncated",
        "201_2_Northwind": "no_face",
        "202_1_Freeform": "no_label",
        "202_1_Northwind": "no_label",
    }
    assert reported(out) == {problem.name: problem.status for problem in report.problems}
    assert "left out: 5" in report.summary()
    assert [row.clip for row in PreparedCorpus.open(out).clips] == ["201_1_Northwind"]
    name = "faces/201_1_Northwind.jpegs"
    assert content(out)[name] == expected[name]
    assert run(raw, out).new == 0


class FirstClip(Avec2014Reader):
    """Gives its first clip other fields than the corpus has."""

    def __init__(self, **fields):
        super().__init__()
        self.fields = fields

    def scan(self, src):
        first, *others = super().scan(src).clips
        return Scan((SourceClip(**{**vars(first), **self.fields}), *others), ())


class Sabotage(PosixPath):
    """A path that does harm in the process that it is sent to."""

    def __reduce__(self):
        return self.harm

    @classmethod
    def of(cls, path, *harm):
        made = cls(path)
        made.harm = harm
        return made

    __slots__ = ("harm",)


def first_video(raw):
    return raw / "Training/Freeform/201_1_Freeform_video.mp4"


def test_a_video_that_kills_its_process(raw, out):
    reader = FirstClip(video=Sabotage.of(first_video(raw), os._exit, (1,)))
    report = prepare(reader, raw, out, processes=2, progress=False)
    assert [(problem.name, problem.status) for problem in report.problems] == [
        ("201_1_Freeform", "crashed")
    ]
    assert "exit code 1" in report.problems[0].detail
    assert report.clips == 5


def test_a_video_that_hangs_its_decoder(raw, out, saboteur):
    path = first_video(raw)
    reader = FirstClip(video=Sabotage.of(path, saboteur.hung_after, (str(path), 3)))
    report = prepare(reader, raw, out, processes=2, progress=False, patience=2)
    assert [(problem.name, problem.status) for problem in report.problems] == [
        ("201_1_Freeform", "timeout")
    ]
    assert f"{path}: no new frame for 2 s" in report.problems[0].detail
    assert report.clips == 5
    # nothing is noted of it: once it can be decoded, it is prepared
    assert prepare(Avec2014Reader(), raw, out, processes=0, progress=False).clips == 6


def test_full_disk_stops_with_a_remedy(raw, out, expected, monkeypatch):
    clips, flush = [], os.fsync

    def full(handle):
        if len(clips) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    def counted(job):
        clips.append(job)
        return prepare_one(job)

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr("adabench.data.prepare.run.prepare_one", counted)
    with pytest.raises(StoppedError, match="disk is full: free some space") as caught:
        run(raw, out)
    assert f"{clips[2].clip.clip}.jpegs" in str(caught.value)
    assert "2 of 6 clips are finished and stay" in str(caught.value)
    assert caught.value.errno == errno.ENOSPC
    assert not list(out.rglob(f"{TEMPORARY_PREFIX}*"))
    assert not (out / "corpus.json").exists()
    monkeypatch.undo()
    assert run(raw, out).new == 4
    assert content(out) == expected


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(raw, small_disk, tmp_path, expected):
    with pytest.raises(StoppedError, match="the disk is full: free some space"):
        run(raw, small_disk / "out", processes=2)
    finished = set(content(small_disk / "out"))
    assert finished < set(expected)
    assert all(name.startswith("faces/") for name in finished)
    subprocess.run(["cp", "-a", str(small_disk / "out"), str(tmp_path / "larger")], check=True)
    # Of two that were under way, one may be stored when the other's failure stops the run.
    assert 6 - len(finished) <= run(raw, tmp_path / "larger").new <= 6
    assert content(tmp_path / "larger") == expected


def limited(raw, out):
    """Prepares with a limit on the size of files, in a process of its own."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "from adabench.cli.prepare import command; sys.exit(command(sys.argv[1:]))"
    )
    words = ["synthface", "--src", raw, "--out", out, "--size", "64", "--quiet", "--processes", "0"]
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_file_that_may_not_grow_ends_the_run_cleanly(raw, out, expected):
    sizes = {name: len(data) for name, data in expected.items() if name.startswith("faces/")}
    assert max(sizes.values()) > 20_000
    done = limited(raw, out)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert "ulimit" in done.stderr
    assert not list(out.rglob(f"{TEMPORARY_PREFIX}*"))
    run(raw, out)
    assert content(out) == expected


@pytest.mark.parametrize(
    "odd",
    [
        {"clip": "-rf"},
        {"clip": "../elsewhere"},
        {"clip": "a" * 240},
        {"clip": "a\udcff"},
        {"subject": ""},
        {"split": "all"},
    ],
    ids=str,
)
def test_names_that_do_not_go_into_a_manifest_cost_their_clip_only(raw, out, odd):
    report = prepare(FirstClip(**odd), raw, out, processes=0, progress=False)
    assert [problem.status for problem in report.left_out] == ["bad_name"]
    assert "201_1_Freeform_video.mp4" in report.left_out[0].detail
    assert report.clips == 5
    assert len(PreparedCorpus.open(out)) == 5


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling", "own folder"])
def test_what_has_a_videos_name_but_is_no_file(raw, out, kind):
    path = raw / "Training/Freeform/201_1_Freeform_video.mp4"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere.mp4" if kind == "dangling" else ".")
    report = run(raw, out)
    assert [(problem.name, problem.left_out) for problem in report.problems][:1] == [
        ("201_1_Freeform", True)
    ]
    assert report.clips == 5


def test_frames_of_a_source_that_is_bad_now_do_not_stay(raw, out):
    run(raw, out)
    (raw / "Training/Freeform/201_1_Freeform_video.mp4").write_bytes(b"")
    assert run(raw, out).clips == 5
    assert not (out / "faces" / "201_1_Freeform.jpegs").exists()
    assert check(out).same


def test_facts_that_do_not_go_into_a_manifest_cost_their_clip_only(raw, out, monkeypatch):
    def odd(job):
        note = prepare_clip(job)
        first = job.clip.clip == "201_1_Freeform"
        return dataclasses.replace(note, fps=0.0) if first else note

    monkeypatch.setattr("adabench.data.prepare.run.prepare_clip", odd)
    report = run(raw, out)
    assert [(problem.name, problem.status) for problem in report.left_out] == [
        ("201_1_Freeform", "failed")
    ]
    assert "field fps" in report.problems[0].detail
    assert report.clips == 5


def test_an_error_over_one_clips_source_does_not_end_the_run(raw, out, monkeypatch):
    def failing(job):
        if job.clip.clip == "201_1_Freeform":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(job.clip.video))
        return prepare_clip(job)

    monkeypatch.setattr("adabench.data.prepare.run.prepare_clip", failing)
    report = run(raw, out)
    assert [(problem.name, problem.status) for problem in report.problems] == [
        ("201_1_Freeform", "failed")
    ]
    assert "Input/output error" in report.problems[0].detail
