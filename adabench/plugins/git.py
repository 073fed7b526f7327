"""Asking git, where there is one: what a folder's repository tracks, and what a commit holds."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# What git tells its hooks of the repository at hand, and settings of what it shows.
_OVERRULED = frozenset(
    f"GIT_{name}"
    for name in (
        *("DIR", "WORK_TREE", "IMPLICIT_WORK_TREE", "INDEX_FILE", "PREFIX", "COMMON_DIR"),
        *("OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES", "GRAFT_FILE", "SHALLOW_FILE"),
        *("CONFIG", "CONFIG_COUNT", "CONFIG_PARAMETERS", "DIFF_OPTS", "EXTERNAL_DIFF", "PAGER"),
    )
)
#: A folder may be another user's (a container's mount); no program of its settings is run in it.
ANYBODYS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")


def surroundings() -> dict[str, str]:
    """Return the environment without what would have git look at another repository."""
    return {name: value for name, value in os.environ.items() if name not in _OVERRULED}


def git(at: Path, *arguments: str, ends: tuple[int, ...] = (0,)) -> str | None:
    """Return what ``git ARGUMENTS`` prints in a folder; None where it fails or there is none.

    Args:
        at: the folder.
        arguments: of git.
        ends: exit statuses that are no failure.
    """
    try:
        run = subprocess.run(
            ["git", "-C", str(at), *ANYBODYS, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            env=surroundings(),
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout if run.returncode in ends else None


def tracked_files(folder: Path) -> frozenset[str]:
    """Return the real paths of the files below ``folder`` that its repository tracks; none without one."""
    listed = git(folder, "ls-files", "-z")
    top = os.path.realpath(folder)
    names = [name for name in (listed or "").split("\0") if name]
    return frozenset(os.path.normpath(f"{top}/{name}") for name in names)


def committed(files: Mapping[Path, bytes]) -> tuple[str | None, bool]:
    """Return the commit of the repository that files lie in, and whether it holds these very bytes.

    Args:
        files: real path → content.

    Returns:
        The commit is None where the repository knows none of them.
    """
    at = min((path.parent for path in files), key=lambda folder: len(folder.parts))
    head, top = git(at, "rev-parse", "HEAD"), git(at, "rev-parse", "--show-toplevel")
    if head is None or top is None:
        return None, False
    root = Path(top.rstrip("\n"))
    listed = git(root, "ls-tree", "-r", "-z", "HEAD") or ""
    blobs: dict[str, str] = {}
    for line in filter(None, listed.split("\0")):
        about, _, name = line.partition("\t")
        blobs[name] = about.split(" ")[-1]
    clean = all(
        blobs.get(os.path.relpath(path, root)) in _blob_names(content)
        for path, content in files.items()
    )
    known = any(os.path.relpath(path, root) in blobs for path in files)
    return (head.strip() if known else None), clean


def _blob_names(content: bytes) -> set[str]:
    """Return git's names of a file's content, in repositories of either hash."""
    whole = b"blob %d\0" % len(content) + content
    return {hashlib.sha1(whole).hexdigest(), hashlib.sha256(whole).hexdigest()}
