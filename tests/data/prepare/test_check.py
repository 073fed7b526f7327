"""A prepared corpus is held to what was noted of it."""

import json
import shutil

import pytest

from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.prepare import check, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, face_clip, write_video):
    """A prepared corpus of three clips, and the raw one."""
    root = tmp_path_factory.mktemp("check")
    for seed, split in enumerate(("Training", "Development", "Testing")):
        path = root / "raw" / split / "Freeform" / f"20{seed}_1_Freeform_video.mp4"
        write_video(path, face_clip(5, 240, 180, seed=seed).frames)
        (root / "raw" / f"20{seed}_1_Depression.csv").write_text(f"{seed}\n")
    (root / "raw" / "synthface.json").write_text("{}")
    prepare("synthface", root / "raw", root / "out", processes=0, progress=False)
    return root


@pytest.fixture
def root(prepared, tmp_path):
    """A copy to change."""
    shutil.copytree(prepared, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def out(root):
    return root / "out"


def mended(root):
    """Whether the remedy that is told mends it."""
    prepare("synthface", root / "raw", root / "out", processes=0, progress=False)
    return check(root / "out").same


def test_as_it_was_written(out):
    report = check(out)
    assert report.same
    assert (report.name, report.files, report.unproven) == ("synthface", 5, ())
    assert report.summary().splitlines() == [
        f"{out}: 5 files compared with what was noted of them",
        "nothing differs",
    ]


def test_one_changed_bit(root, out):
    path = out / "faces" / "201_1_Freeform.jpegs"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    report = check(out)
    assert report.changed == ("faces/201_1_Freeform.jpegs: other content than was written",)
    assert not report.same
    assert "delete the changed files; then run `python tools/prepare.py synthface" in (
        report.summary()
    )
    path.unlink()
    assert mended(root)


def test_missing_and_short(root, out):
    (out / "faces" / "200_1_Freeform.jpegs").unlink()
    path = out / "faces" / "202_1_Freeform.jpegs"
    path.write_bytes(path.read_bytes()[:-1])
    report = check(out)
    assert report.missing == ("faces/200_1_Freeform.jpegs",)
    assert len(report.changed) == 1
    assert "bytes instead of" in report.changed[0]
    path.unlink()
    assert mended(root)


def test_foreign(out):
    (out / "faces" / "thesis.txt").write_text("all my work")
    (out / "faces" / f"{TEMPORARY_PREFIX}0-half.jpegs").write_bytes(b"half")
    (out / "signals").mkdir()
    (out / "signals" / "999_1_Freeform.csv").write_text("frame\n")
    report = check(out)
    assert report.foreign == (
        f"faces/{TEMPORARY_PREFIX}0-half.jpegs: left by a run that was killed; the next one "
        "removes it",
        "faces/thesis.txt",
        "signals/999_1_Freeform.csv",
    )
    assert "unless you put it there for a purpose" in report.summary()


def test_a_clip_that_left_the_corpus(root, out):
    (root / "raw" / "201_1_Depression.csv").write_text("none")
    prepare("synthface", root / "raw", out, processes=0, progress=False)
    (foreign,) = check(out).foreign
    assert foreign == (
        "faces/201_1_Freeform.jpegs: of a clip that was prepared once, and is not in the manifest "
        "now"
    )
    (root / "raw" / "201_1_Depression.csv").write_text("1")
    assert mended(root)


def test_a_changed_manifest(root, out):
    path = out / "manifest.csv"
    path.write_text(path.read_text().replace("201,201_1", "299,201_1"))
    report = check(out)
    assert report.changed == ("manifest.csv: it does not belong to corpus.json beside it",)
    path.unlink()
    assert mended(root)


@pytest.mark.parametrize("content", [None, b"clip,video\n", b"\xff\xfe"])
def test_a_manifest_that_can_not_be_read(root, out, content):
    path = out / "manifest.csv"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    report = check(out)
    assert not report.same
    assert report.changed[0].startswith(str(path))
    assert mended(root)


def test_a_damaged_description(root, out):
    (out / "corpus.json").write_text("{}")
    report = check(out)
    assert report.changed[0].startswith("corpus.json: damaged")
    (out / "corpus.json").unlink()
    assert mended(root)


def without_digests(out, clips):
    for clip in clips:
        path = out / ".clips" / f"{clip}.json"
        note = json.loads(path.read_text())
        del note["digests"]
        path.write_text(json.dumps(note))


def test_notes_of_an_earlier_version_are_accepted_and_told(root, out):
    without_digests(out, ["200_1_Freeform", "201_1_Freeform"])
    report = check(out)
    assert report.same
    assert report.unproven == ("200_1_Freeform", "201_1_Freeform")
    assert "only sizes could be compared for 2 clips" in report.summary()
    new = prepare("synthface", root / "raw", out, processes=0, progress=False).new
    assert new == 0
    path = out / "faces" / "200_1_Freeform.jpegs"
    path.write_bytes(path.read_bytes()[:-1])
    assert len(check(out).changed) == 1


def test_without_notes_only_presence_is_told(out):
    shutil.rmtree(out / ".clips")
    (out / "faces" / "200_1_Freeform.jpegs").unlink()
    report = check(out)
    assert report.missing == ("faces/200_1_Freeform.jpegs",)
    assert len(report.unproven) == 3


@pytest.mark.parametrize("name", ["none", "unfinished"])
def test_no_prepared_corpus(tmp_path, name):
    if name == "unfinished":
        (tmp_path / name / ".clips").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no prepared corpus.*tools/prepare\.py"):
        check(tmp_path / name)


def test_it_says_how_far_it_is(out, capsys):
    check(out, progress=True)
    assert "3/3 clips" in capsys.readouterr().err
