import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adabench.synthface import (
    ExpressionParameters,
    SynthfaceParameters,
    generate,
    generate_expressions,
    read_parameters,
)

SMALL = SynthfaceParameters(seed=7, sessions=4, fps=15, seconds=(1.0, 1.2))
CUT_OFF = """
from pathlib import Path
from adabench.synthface import SynthfaceParameters, generate
parameters = SynthfaceParameters.model_validate_json({text!r})
generate(parameters, Path({out!r}), processes=2, progress=False)
"""


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def uncut(tmp_path_factory) -> dict[str, bytes]:
    return contents(generate(SMALL, tmp_path_factory.mktemp("uncut"), processes=1, progress=False))


def test_files_do_not_depend_on_the_number_of_processes(uncut, tmp_path):
    assert contents(generate(SMALL, tmp_path, processes=3, progress=False)) == uncut


def test_another_seed_gives_another_corpus(uncut, tmp_path):
    other = SMALL.model_copy(update={"seed": 8})
    found = contents(generate(other, tmp_path, processes=2, progress=False))
    ours, theirs = (
        {name: content for name, content in files.items() if name.startswith("truth/")}
        for files in (found, uncut)
    )
    assert len(ours) == len(theirs) == 24
    # persons of another seed have other names, and behave otherwise
    assert ours.keys().isdisjoint(theirs)
    assert set(ours.values()).isdisjoint(theirs.values())


def test_a_killed_run_is_taken_up_and_ends_in_the_same_files(uncut, tmp_path):
    script = CUT_OFF.format(text=SMALL.model_dump_json(), out=str(tmp_path))
    run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.mp4"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "synthface.json").exists()
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*_video.mp4")}
    (tmp_path / "truth" / ".70201_1_Freeform.csv.1.tmp").write_text("cut o")
    assert contents(generate(SMALL, tmp_path, processes=1, progress=False)) == uncut
    assert len(finished) >= 4
    assert all(path.stat().st_mtime_ns == written for path, written in finished.items())


def test_a_complete_corpus_is_left_as_it_is(uncut, tmp_path):
    (tmp_path / "synthface.json").write_bytes(uncut["synthface.json"])
    assert generate(SMALL, tmp_path, progress=False) == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["synthface.json"]


def test_other_parameters_are_refused(expressions, corpus):
    with pytest.raises(ValueError, match="other parameters"):
        generate(SMALL, corpus, progress=False)
    with pytest.raises(ValueError, match="other parameters"):
        generate(SMALL, expressions, progress=False)
    with pytest.raises(ValueError, match="other parameters"):
        generate_expressions(ExpressionParameters(seed=1), corpus, progress=False)


def test_a_cut_off_corpus_of_other_parameters_is_refused(corpus, tmp_path):
    (tmp_path / "synthface.unfinished.json").write_bytes((corpus / "synthface.json").read_bytes())
    with pytest.raises(ValueError, match="other parameters"):
        generate(SMALL, tmp_path, progress=False)


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"found \['notes.txt'\]"):
        generate(SMALL, tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_wrong_number_of_processes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="processes"):
        generate(SMALL, tmp_path, processes=0)


def test_the_record_gives_the_parameters_back(corpus, parameters, expressions):
    assert read_parameters(corpus) == parameters
    assert read_parameters(expressions) == ExpressionParameters(seed=5, identities=8, frames=10)


def test_a_missing_or_broken_record_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"synthface\.json"):
        read_parameters(tmp_path)
    (tmp_path / "synthface.json").write_text("{}")
    with pytest.raises(ValueError, match=r"synthface\.json: not a synthface record"):
        read_parameters(tmp_path)
