"""Where a number comes from."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from adabench.records import provenance


def git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    run = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with a copy of the module, which is told that it lies there."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    module = tmp_path / "package" / "provenance.py"
    module.parent.mkdir()
    module.write_text("# a copy\n")
    git(tmp_path, "init", "-q")
    monkeypatch.setattr(provenance, "__file__", str(module))
    return tmp_path


def test_the_commit_of_a_clean_and_of_a_changed_tree(checkout):
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "first")
    head = git(checkout, "rev-parse", "HEAD")
    assert provenance.commit() == (head, True)
    (checkout / "package" / "provenance.py").write_text("# changed\n")
    assert provenance.commit() == (head, False)


def test_changes_hold_new_and_changed_code_and_apply(checkout):
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "first")
    assert provenance.changes() is None
    (checkout / "package" / "provenance.py").write_text("# changed  \n\n")
    (checkout / "package" / "new.py").write_text("x = 1\n")
    (checkout / "labels.csv").write_text("203_1,17\n")
    patch = provenance.changes()
    assert "labels.csv" in patch
    assert "203_1" not in patch
    (checkout / "labels.csv").unlink()
    (checkout / "package" / "new.py").unlink()
    git(checkout, "checkout", "-q", ".")
    (checkout.parent / "changes.patch").write_text(patch)
    git(checkout, "apply", str(checkout.parent / "changes.patch"))
    assert (checkout / "package" / "provenance.py").read_text() == "# changed  \n\n"
    assert (checkout / "package" / "new.py").read_text() == "x = 1\n"


def test_the_environment_lists_every_distribution():
    lines = provenance.environment().splitlines()
    assert lines[0].startswith("python==3.")
    assert f"numpy=={np.__version__}" in lines
    assert lines[1:] == sorted(lines[1:], key=str.lower)


def test_an_installed_copy_does_not_take_the_commit_around_it(checkout):
    (checkout / ".gitignore").write_text("package\n")
    git(checkout, "add", ".gitignore")
    git(checkout, "commit", "-q", "-m", "a user's own project")
    assert provenance.commit() == (None, None)
    assert provenance.changes() is None


def test_no_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() == (None, None)


def test_no_git(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(provenance.subprocess, "run", absent)
    assert provenance.commit() == (None, None)


def test_packages_that_are_installed():
    found = provenance.packages()
    assert found["numpy"] == np.__version__
    assert set(found) <= set(provenance.PACKAGES)
    assert {"adabench", "mmengine", "numpy"} <= set(found)


def test_a_package_that_is_absent_is_left_out(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-anywhere"))
    assert list(provenance.packages()) == ["numpy"]


def test_hardware_is_plain_and_complete():
    found = provenance.hardware(threads=2, gpu="H")
    assert {"processor", "cores", "threads", "system", "python"} <= set(found)
    assert (found["threads"], found["gpu"]) == (2, "H")
    assert found["cores"] >= 1
    assert found["processor"]
    assert "gpu" not in provenance.hardware(threads=2, gpu=None)


def test_without_a_cpuinfo_file(monkeypatch):
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    assert provenance.hardware(threads=2, gpu=None)["processor"]
