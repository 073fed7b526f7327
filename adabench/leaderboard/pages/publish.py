"""Everything that a leaderboard shows, written at once: tables and pages; or one track's table alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adabench.data.files import remove_leftovers
from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.write import render_page, write_pages_apart
from adabench.leaderboard.pages.text import render_markdown, render_text, write_pages
from adabench.leaderboard.places import MEASURED, ROOT
from adabench.leaderboard.rows.collect import collect, collect_from
from adabench.leaderboard.rows.row import Entry, Table
from adabench.leaderboard.rows.tables import build_tables
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.results import Problem

# Seconds after which a file that is being written is one that a killed process left.
_LEFT = 3600.0


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes:
        root: the leaderboard folder.
        tables: one a track.
        folder: of the tables' files.
        files: how many these are.
        pages: of the real corpora, and of each world of drawn faces; none for a single track or without
            any record.
        problems: files that could not be read.
    """

    root: Path
    tables: tuple[Table, ...]
    folder: Path
    files: int
    pages: tuple[Path, ...]
    problems: tuple[Problem, ...]

    def lines(self) -> Iterator[str]:
        """Yield the tables as text, then where everything lies."""
        for table in self.tables:
            yield render_text(table) + "\n"
        yield from self.places()

    def places(self) -> Iterator[str]:
        """Yield where everything lies."""
        yield (
            f"{self.files} pages in {self.folder}"
            if self.files
            else f"no record found below {self.root}"
        )
        for page in self.pages:
            yield f"all of them to sort and filter in {page}"


def publish(
    root: str | os.PathLike[str] = ROOT,
    results: Sequence[str | os.PathLike[str]] = (),
    out: str | os.PathLike[str] | None = None,
    *,
    track: str | None = None,
    corpora: Mapping[str, CorpusLabels] | None = None,
) -> Published:
    """Build the leaderboard from files.

    Args:
        root, results: as `collect` reads them.
        out: folder for all; by default tables go to ``root/local/tables``, the page to ``root``.
        track: this one only, without the page.
        corpora: checksum to labels, for records that hold none.

    Raises:
        FileNotFoundError: a folder does not exist.
        ValueError: ``track`` has no record.
        OSError: a file can't be written.
    """
    root = Path(root)
    entries, problems = collect(root, results)
    folder = Path(out) if out is not None else root / "local" / "tables"
    page = (Path(out) if out is not None else root) / "index.html" if track is None else None
    for place in {folder, folder if page is None else page.parent}:
        remove_leftovers(place, older_than=_LEFT)

    def write(entries: Sequence[Entry], problems: Sequence[Problem]) -> Published:
        tables = tuple(build_tables(entries, track, corpora))
        files = write_pages(tables, folder)
        at = write_pages_apart(tables, page) if page is not None else []
        return Published(root, tables, folder, len(files), tuple(at), tuple(problems))

    try:
        return write(entries, problems)
    except (ArithmeticError, ValueError):
        sound, left_out = _computable(entries)
        if not left_out:
            raise
    return write(sound, [*problems, *left_out])


def _computable(entries: Sequence[Entry]) -> tuple[list[Entry], list[Problem]]:
    """Return the entries that a table can be made of, and a problem for each of the others."""
    sound: list[Entry] = []
    problems: list[Problem] = []
    for entry in entries:
        try:
            # Twice, as two seeds of a row: a mean and a deviation fail where a single value does not.
            other = entry.record.model_copy(update={"seed": (entry.record.seed or 0) + 1})
            (table,) = build_tables([entry, replace(entry, record=other)])
            for render in (render_text, render_markdown, render_csv):
                render(table)
            render_page([table])
        except (ArithmeticError, ValueError) as error:
            reason = f"its numbers can't be shown ({error})"
            problems.append(Problem(entry.path or Path(entry.place), reason))
        else:
            sound.append(entry)
    return sound, problems


def publish_results(results: Path, root: Path = ROOT) -> Iterator[str]:
    """Put a folder of results on the leaderboard, and yield where to look and what is damaged.

    Results below ``root`` join its own tables and page; others get theirs beside them, in
    ``results/tables``, with what papers reported.
    """
    if not root.is_dir() or not results.is_dir():
        return
    if results.resolve().is_relative_to(root.resolve()):
        published = publish(root)
    else:
        published = publish(root, [results], results / "tables")
    yield from published.places()
    yield from (f"left out: {problem}" for problem in published.problems)


def show_track(
    track: str,
    results: Sequence[str | os.PathLike[str]],
    root: str | os.PathLike[str] = ROOT,
) -> str:
    """One track's table as text: the records in ``results`` beside reported and accepted ones.

    Args:
        track: the track's name.
        results: folders of records, as `write_record` fills them.
        root: the leaderboard folder; where there is none, ``results`` stands alone.

    Returns:
        The table, and below it a line for each file that could not be read.

    Raises:
        FileNotFoundError: if a folder of ``results`` does not exist.
        ValueError: if the track has no record.
    """
    root = Path(root)
    accepted = root / MEASURED
    folders = [Path(folder) for folder in results]
    if accepted.is_dir() and accepted.resolve() not in [folder.resolve() for folder in folders]:
        folders.insert(0, accepted)
    entries, problems = collect_from(root, folders)
    tables = [render_text(table) for table in build_tables(entries, track)]
    return "\n".join([*tables, *(f"left out: {problem}" for problem in problems)])
