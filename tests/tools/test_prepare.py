"""The command line of prepare, run as a user runs it."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest
from skimage import data

from adabench.data.prepared import PreparedCorpus

REPOSITORY = Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, str(REPOSITORY / "tools" / "prepare.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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


def test_from_raw_to_prepared_and_on(raw, tmp_path):
    out = tmp_path / "out"
    options = ("--out", out, "--size", 48, "--margin", 0.2, "--detect-every", 2, "--processes", 1)
    done = run("avec2014", "--src", raw, *options)
    assert done.returncode == 0, done.stderr
    assert "2 clips, 6 frames; 2 clips new" in done.stdout
    assert "2/2" in done.stderr
    corpus = PreparedCorpus.open(out)
    assert (corpus.licensed, corpus.size) == (True, 48)
    assert corpus.description.prepare["margin"] == 0.2
    assert corpus.description.prepare["detect_every"] == 2

    (raw / "train/Freeform/203_1_Freeform_video.mp4").write_bytes(b"")
    done = run("avec2014", "--src", raw, *options, "--quiet")
    assert done.returncode == 3
    assert "left out: 1" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("corpus", "told"),
    [("avec2014", "does not exist"), ("avec214", "did you mean")],
)
def test_mistakes_end_with_a_line_not_a_traceback(tmp_path, corpus, told):
    done = run(corpus, "--src", tmp_path / "none", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("prepare: ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
