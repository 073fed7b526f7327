"""tools/profile.py, and that it does not stand in for the standard library's module."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.synthface import SynthfaceParameters, generate

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "depmap_r18_avec14.py")


@pytest.fixture
def run(forks):
    """Runs a tool in the repository."""
    return lambda *words: forks.run(words, ROOT)


def test_step_prints_a_ratio_and_its_parts(run):
    sizes = ["--clips", "1", "--frames", "2", "--size", "64", "--repeats", "1", "--threads", "1"]
    done = run("tools/profile.py", "step", CONFIG, "--demo", "--json", *sizes)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["ratio"] == found["step"] / found["trunk"]
    assert found["ratio"] > 1
    assert found["frames"] == 2
    assert sum(found["parts"].values()) > 0


def test_step_of_an_estimator_prints_its_parts(run):
    config = str(ROOT / "configs" / "baselines" / "svr_trunk_avec14.py")
    sizes = ["--clips", "10", "--frames", "2", "--size", "32", "--repeats", "1", "--threads", "1"]
    done = run("tools/profile.py", "step", config, "--demo", *sizes)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^extract a clip .*\nfit on 10 clips +[\d.]+ ms\n", done.stdout, re.M)


def test_an_estimator_waits_for_no_data(run):
    done = run("tools/profile.py", "data", str(ROOT / "configs" / "constant_avec14.py"), "--demo")
    assert done.returncode == 2
    assert "`tools/profile.py step` measures what it takes" in done.stderr


def test_a_network_over_segments_gets_whole_ones(run):
    config = str(ROOT / "configs" / "expada_avec14_freeform.py")
    sizes = ["--clips", "1", "--frames", "3", "--size", "64", "--repeats", "1", "--threads", "1"]
    done = run("tools/profile.py", "step", config, "--demo", "--json", *sizes)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["frames"] == 10


def test_prepare_prints_a_ratio(run, tmp_path):
    raw = tmp_path / "raw"
    parameters = SynthfaceParameters(seed=3, sessions=4, seconds=(1.0, 1.0), fps=5)
    generate(parameters, raw, processes=1, progress=False)
    counts = ["--clips", "2", "--processes", "1", "--json"]
    done = run("tools/profile.py", "prepare", "synthface", "--src", str(raw), *counts)
    assert done.returncode == 0, done.stderr[-2000:]
    (speed,) = json.loads(done.stdout)["speeds"]
    assert 0 < speed["ratio"] < 1


def test_a_wrong_size_is_told_in_one_line(run):
    done = run("tools/profile.py", "step", CONFIG, "--demo", "--clips", "0")
    assert done.returncode == 2
    assert "--clips: expected a whole number, at least 1; got '0'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_tools_beside_it_find_the_standard_librarys_profile():
    code = (
        "import sys; sys.path.insert(0, 'tools'); import adabench.cli; "
        "import cProfile, profile; print(profile.__file__)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "tools" not in Path(done.stdout.strip()).parts


def test_a_copy_of_the_tools_does_not_stand_in_for_it_either(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("profile.py", "train.py"):
        (tools / name).write_bytes((ROOT / "tools" / name).read_bytes())
    with (tools / "train.py").open("a") as file:
        file.write("\nimport cProfile\n")
    code = (tools / "train.py").read_text().replace("    main()", "    pass")
    (tools / "train.py").write_text(code)
    done = subprocess.run([sys.executable, tools / "train.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
