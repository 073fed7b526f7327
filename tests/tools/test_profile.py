"""tools/profile.py, and that it does not stand in for the standard library's module."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "depmap_r18_avec14.py")


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, cwd=ROOT
    )


def test_step_prints_a_ratio_and_its_parts():
    sizes = ["--clips", "1", "--frames", "2", "--size", "64", "--repeats", "1", "--threads", "1"]
    done = run("tools/profile.py", "step", CONFIG, "--demo", "--json", *sizes)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["ratio"] == found["step"] / found["trunk"]
    assert found["ratio"] > 1
    assert found["frames"] == 2
    assert sum(found["parts"].values()) > 0


def test_a_wrong_size_is_told_in_one_line():
    done = run("tools/profile.py", "step", CONFIG, "--demo", "--clips", "0")
    assert done.returncode == 2
    assert done.stderr.strip().endswith("clips is 1 or more; got 0")


def test_tools_beside_it_find_the_standard_librarys_profile():
    code = (
        "import sys; sys.path.insert(0, 'tools'); import cProfile, profile; print(profile.__file__)"
    )
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert "tools" not in Path(done.stdout.strip()).parts
