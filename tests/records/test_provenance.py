"""Where a number comes from."""

import os
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


SETTINGS = {
    "prefixes": ("diff.noprefix=true",),
    "mnemonic prefixes": ("diff.mnemonicPrefix=true",),
    "colours": ("color.ui=always", "color.diff=always"),
    "an external tool": ("diff.external=echo",),
    "a tool of a kind of file": ("core.attributesFile={}/attributes", "diff.mine.command=echo"),
    "text of a kind of file": ("core.attributesFile={}/attributes", "diff.mine.textconv=wc"),
    "no context": ("diff.context=0", "diff.interHunkContext=9"),
    "names as they are": ("core.quotePath=false",),
    "an order": ("diff.orderFile={}/order",),
    "a folder": ("diff.relative=true",),
    "blank lines": ("diff.suppressBlankEmpty=true", "diff.wsErrorHighlight=all"),
    "nothing new": ("status.showUntrackedFiles=no",),
    "renames": ("diff.renames=copies", "diff.algorithm=patience"),
}


@pytest.fixture
def mine(checkout, tmp_path_factory, monkeypatch):
    """A function that sets a user's git settings."""
    home = tmp_path_factory.mktemp("home")
    (home / "attributes").write_text("*.py diff=mine\n")
    (home / "order").write_text("*new*\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    (home / "gitconfig").write_text("")

    def put(*settings):
        for setting in settings:
            name, _, value = setting.format(home).partition("=")
            git(checkout, "config", "--global", name, value)

    return put


def assert_applies(checkout, changed):
    """The patch of what was changed gives it again, on a clean tree and plain settings."""
    patch = provenance.changes()
    for name in changed:
        (checkout / name).unlink()
    git(checkout, "reset", "-q", "--hard")
    (checkout.parent / "changes.patch").write_bytes(patch.encode())
    subprocess.run(
        ["git", "-C", str(checkout), "apply", str(checkout.parent / "changes.patch")],
        check=True,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull},
    )
    assert {name: (checkout / name).read_bytes() for name in changed} == changed


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_patch_applies_whatever_a_user_s_git_is_set_to(checkout, mine, settings):
    before = "".join(f"line {n}\n\n" for n in range(40)).encode()
    (checkout / "package" / "old.py").write_bytes(before)
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "first")
    changed = {
        "package/old.py": before.replace(b"line 3\n", b"third\n").replace(b"line 30\n", b"\n"),
        "package/new.py": "x = 'Zoë'\n".encode(),
        "package/zo\u00eb new.py": b"y = 2\n",
        "package/provenance.py": b"# windows\r\nx = 1\r\n",
    }
    for name, content in changed.items():
        (checkout / name).write_bytes(content)
    mine(*settings)
    assert provenance.commit()[1] is False
    assert_applies(checkout, changed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_EXTERNAL_DIFF", "echo"),
        ("GIT_DIFF_OPTS", "-u0"),
        ("GIT_DIR", "/nowhere"),
        ("GIT_INDEX_FILE", "/nowhere"),
        ("LC_ALL", "C"),
    ],
)
def test_nor_does_the_environment_change_it(checkout, monkeypatch, name, value):
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "first")
    changed = {"package/provenance.py": "# Zoë\r\n".encode()}
    (checkout / "package" / "provenance.py").write_bytes(changed["package/provenance.py"])
    monkeypatch.setenv(name, value)
    patch = provenance.changes()
    monkeypatch.undo()
    monkeypatch.setattr(provenance, "__file__", str(checkout / "package" / "provenance.py"))
    assert patch == provenance.changes()
    assert_applies(checkout, changed)
