"""The command line of prepare, run as a user runs it."""

import csv
import errno
import os
from fractions import Fraction
from pathlib import Path

import av
import pytest
from skimage import data

from adabench.cli import prepare as tool
from adabench.data.prepared import PreparedCorpus
from adabench.synthface import SynthfaceParameters, generate, write_openface

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def run(forks):
    """Runs the tool."""
    return lambda *words: forks.run([REPOSITORY / "tools" / "prepare.py", *words], REPOSITORY)


@pytest.fixture
def raw(tmp_path):
    """A corpus of one session."""
    root = tmp_path / "raw"
    (root / "labels").mkdir(parents=True)
    (root / "labels" / "203_1_Depression.csv").write_text("12")
    for task in ("Freeform", "Northwind"):
        path = root / "train" / task / f"203_1_{task}_video.mp4"
        path.parent.mkdir(parents=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(15))
            stream.width = stream.height = 256
            for _ in range(3):
                picture = data.astronaut()[::2, ::2].copy()
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return root


def test_from_raw_to_prepared_and_on(run, raw, tmp_path):
    out = tmp_path / "out"
    options = ("--out", out, "--size", 48, "--margin", 0.2, "--detect-every", 2, "--processes", 1)
    options = (*options, "--cut", "aligned")
    done = run("avec2014", "--src", raw, *options)
    assert done.returncode == 0, done.stderr
    assert "2 clips, 6 frames; 2 clips new" in done.stdout
    assert "2/2" in done.stderr
    corpus = PreparedCorpus.open(out)
    assert (corpus.licensed, corpus.size) == (True, 48)
    assert corpus.description.prepare["margin"] == 0.2
    assert corpus.description.prepare["detect_every"] == 2
    assert corpus.description.prepare["cut"] == "aligned"
    assert corpus.description.prepare["detector"] == "mtcnn"
    assert "report-faces.csv" in done.stdout
    with (out / "report-faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["sure"]) > 0.8 for row in rows] == [True, True]

    (raw / "train/Freeform/203_1_Freeform_video.mp4").write_bytes(b"")
    done = run("avec2014", "--src", raw, *options, "--quiet")
    assert done.returncode == 3
    assert "left out: 1" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("corpus", "told"),
    [("avec2014", "does not exist"), ("avec214", "did you mean")],
)
def test_mistakes_end_with_a_line_not_a_traceback(run, tmp_path, corpus, told):
    done = run(corpus, "--src", tmp_path / "none", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("prepare: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--src is missing: name the folder of the raw corpus"),
        (["--scan"], "--src is missing"),
        (["--scan", "--check"], "not allowed with argument"),
        (["--src", ".", "--against", "x"], "--against is for --audit"),
        (["--check", "--size", "64"], "--size is for preparing: leave it out with --check"),
        (["--audit", "--detect-every", "3"], "--detect-every is for preparing"),
        (["--src", ".", "--openface", "of", "--margin", "0.2"], "--margin is for finding faces"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_options_that_do_not_go_together(capsys, words, told):
    with pytest.raises(SystemExit) as ended:
        tool.command(["avec2014", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--check"], "no prepared corpus"),
        (["--audit"], "no prepared corpus"),
        (["--src", "."], "no video found"),
        (["--src", ".", "--detector", "yunet"], "needs its ONNX file"),
        (["--src", ".", "--model", "x.onnx"], "the detector 'mtcnn' needs none"),
        (["--src", ".", "--detector", "harr"], "did you mean 'haar'"),
        (["--src", ".", "--layout", "none.toml"], "none.toml"),
        (["--src", ".", "--labels", "none"], "none"),
        (["--src", ".", "--scale", "phq-8"], "'avec2014' has no option 'scale'"),
        (["--src", ".", "--processes", "-1"], "processes: expected an integer from 0"),
        (["--src", ".", "--patience", "0"], "patience: expected seconds, at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_can_not_be_done_is_told_in_a_line(capsys, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").write_text("else")
    assert tool.command(["avec2014", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("prepare: ")
    assert told in said
    assert said.count("\n") == 1


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A generated corpus, and what OpenFace would leave of it."""
    root = tmp_path_factory.mktemp("generated")
    parameters = SynthfaceParameters(
        seed=3, sessions=4, every_level=True, fps=15, seconds=(1.0, 1.0)
    )
    generate(parameters, root / "raw", processes=1)
    write_openface(root / "raw", root / "openface")
    return root


def test_scan_prepare_check_audit(generated, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["synthface", "--src", str(generated / "raw"), "--out", str(out)]
    assert tool.command([*words, "--scan"]) == 0
    assert "tools/prepare.py synthface" in capsys.readouterr().out
    assert not out.exists()

    assert tool.command([*words, "--processes", "0", "--quiet"]) == 0
    assert "24 clips, 360 frames; 24 clips new" in capsys.readouterr().out

    looked_at = ["synthface", "--out", str(out)]
    assert tool.command([*looked_at, "--check", "--quiet"]) == 0
    assert "nothing differs" in capsys.readouterr().out
    assert tool.command([*looked_at, "--audit"]) == 0
    alone = capsys.readouterr().out
    assert "== synthface ==" in alone
    assert tool.command([*looked_at, "--audit", "--against", str(out)]) == 0
    assert len(capsys.readouterr().out) > 2 * len(alone)

    stored = next((out / "faces").iterdir())
    stored.write_bytes(stored.read_bytes()[:-1])
    assert tool.command([*looked_at, "--check", "--quiet"]) == 1
    assert f"faces/{stored.name}: " in capsys.readouterr().out


def test_openfaces_output_instead_of_finding_faces(generated, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["synthface", "--src", str(generated / "raw"), "--out", str(out), "--quiet"]
    words += ["--openface", str(generated / "openface"), "--size", "48", "--processes", "0"]
    assert tool.command(words) == 0
    corpus = PreparedCorpus.open(out)
    assert corpus.size == 48
    assert corpus.description.prepare["source"] == "openface"
    assert "AU12_r" in corpus.signals(corpus.clips[0].clip)


def test_openfaces_tables_beside_faces_that_are_found(generated, tmp_path, capsys):
    words = ["synthface", "--src", str(generated / "raw"), "--processes", "0", "--quiet"]
    tables = ["--openface-tables", str(generated / "openface"), "--margin", "0.2"]
    assert tool.command([*words, *tables, "--scan"]) == 0
    said = capsys.readouterr().out
    assert "find faces with mtcnn" in said
    assert "with the columns of OpenFace's tables as signals" in said
    beside = f"--openface-tables {generated / 'openface'}\n"
    assert said.endswith(f"--margin 0.2 {beside}")
    assert tool.command([*words, *tables, "--out", str(tmp_path / "out")]) == 0
    corpus = PreparedCorpus.open(tmp_path / "out")
    assert (corpus.description.prepare["margin"], corpus.clips[0].source[-4:]) == (0.2, ".mp4")
    assert "AU12_r" in corpus.signals(corpus.clips[0].clip)
    both = [*tables[:2], "--openface", str(generated / "openface")]
    assert tool.command([*words, *both]) == 2
    assert "leave one out" in capsys.readouterr().err


def test_a_full_disk_has_a_status_of_its_own(generated, tmp_path, capsys, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    words = ["synthface", "--src", str(generated / "raw"), "--out", str(tmp_path / "out")]
    words += ["--processes", "0", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr("adabench.data.prepare.clip.JpegPack.write_images", lambda *_: full(_))
        assert tool.command(words) == 4
    said = capsys.readouterr().err
    assert said.startswith("prepare: stopped: ")
    assert "No space left on device" in said
    assert "0 of 24 clips are finished and stay; the same command goes on" in said
    assert tool.command(words) == 0


def test_ctrl_c(generated, tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(tool, "prepare", interrupt)
    assert (
        tool.command(["synthface", "--src", str(generated / "raw"), "--out", str(tmp_path)]) == 130
    )
    assert "the same command goes on from here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scale", "told"),
    [("phq-8", "from 0 to 24"), ("phq8", "(did you mean 'phq-8'?); there are: bdi-ii")],
)
def test_a_table_s_scale_by_name(capsys, tmp_path, scale, told):
    (tmp_path / "clips.csv").write_text("clip,video,score\na,a.mp4,30\n")
    status = tool.command(["table", "--src", str(tmp_path), "--scan", "--scale", scale])
    said = capsys.readouterr()
    # there is no video: nothing to prepare
    assert (status, bool(said.out)) == (2, scale == "phq-8")
    assert told in said.out + said.err
    assert "go on with" not in said.out
