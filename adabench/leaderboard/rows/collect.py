"""Collects records from folders."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adabench.leaderboard.places import LOCAL, MEASURED, REPORTED, ROOT
from adabench.leaderboard.rows.row import Entry
from adabench.records.files.reported import read_reported
from adabench.records.files.results import Problem, read_each, record_files
from adabench.records.schema.record import Record


def collect(
    root: str | os.PathLike[str] = ROOT, results: Sequence[str | os.PathLike[str]] = ()
) -> tuple[list[Entry], list[Problem]]:
    """Reads the reported rows below ``root`` and the measured records.

    Args:
        root: the leaderboard folder; its ``reported/``, ``measured/`` and ``local/`` are read
            where they exist.
        results: read these folders in place of ``measured/`` and ``local/``.

    Returns:
        The entries, and a problem for each file that could not be read.

    Raises:
        FileNotFoundError: if ``root`` or a folder of ``results`` does not exist.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"leaderboard folder {root} does not exist; name it with --root")
    folders = [Path(folder) for folder in results]
    if not folders:
        folders = [folder for folder in (root / MEASURED, root / LOCAL) if folder.is_dir()]
    return collect_from(root, folders)


def collect_from(root: Path, folders: Sequence[Path]) -> tuple[list[Entry], list[Problem]]:
    """Read the reported rows below ``root``, and the measured records of these folders.

    Returns:
        As `collect` does.

    Raises:
        FileNotFoundError: a folder does not exist.
        NotADirectoryError: one is a file.
    """
    entries, problems = collect_reported(root / REPORTED)
    for folder in folders:
        found, damaged = _collect_measured(folder, _place(folder, root))
        entries += found
        problems += damaged
    return entries, problems


def _collect_measured(folder: Path, place: str) -> tuple[list[Entry], list[Problem]]:
    if not folder.exists():
        raise FileNotFoundError(f"results folder {folder} does not exist; name one with records")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; expected a folder with result records")
    entries: list[Entry] = []
    problems: list[Problem] = []
    with _uncollected():
        for path, found in read_each(record_files(folder)):
            if isinstance(found, Record):
                entries.append(Entry(found, place, path))
            else:
                problems.append(_problem(path, found))
    return entries, problems


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps Python from looking for cycles, of which records have none: a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _place(folder: Path, root: Path) -> str:
    for name in (MEASURED, LOCAL):
        if folder.resolve() == (root / name).resolve():
            return name
    return str(folder)


def collect_reported(folder: Path) -> tuple[list[Entry], list[Problem]]:
    """Read the tables of reported rows in a folder, and name those that can't be read."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.csv")):
        try:
            entries += [Entry(record, REPORTED, path) for record in read_reported(path)]
        except (OSError, ValueError) as error:
            problems.append(_problem(path, error))
    return entries, problems


def _problem(path: Path, error: Exception) -> Problem:
    return Problem(path, str(error).removeprefix(str(path)).lstrip(":, "))
