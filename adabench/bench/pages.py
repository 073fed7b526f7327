"""Prints a table for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import os
import textwrap
from collections.abc import Iterable
from pathlib import Path

from tabulate import tabulate

from adabench.bench.record import METRIC_NAMES, is_demo_track
from adabench.bench.rows import Row, Summary, Table
from adabench.data.files import write_text

HEADER = (
    "Method",
    "Config",
    "Origin",
    "Seeds",
    *METRIC_NAMES,
    "RMSE 95 %",
    "Flags",
    "Note",
)

_NOTE_LENGTH = 110

DEMO_NOTICE = (
    "Demo track: the faces are drawn and their behaviour follows a stated model. These numbers "
    "show whether the software works and whether a method finds sparse key segments; they say "
    "nothing about depression in people."
)

LEGEND = (
    "RMSE and MAE are in BDI-II points. Several seeds are shown as mean ± sample deviation; a "
    "single run has the 95 % bootstrap interval of its RMSE over persons. A reported number is "
    "as its paper prints it."
)

# Columns that a terminal wraps, and those it leaves out where no row fills them.
_WIDTHS = {"Method": 36, "Config": 30, "Origin": 28, "Flags": 30, "Note": 40}
_OPTIONAL = {"Config", "Seeds", "PCC", "CCC", "RMSE 95 %", "Flags", "Note"}


def render_text(table: Table) -> str:
    """The table for a terminal, with its heading; columns that no row fills are left out."""
    columns = zip(HEADER, *(_cells(row) for row in table.rows), strict=True)
    kept = [column for column in columns if any(column[1:]) or column[0] not in _OPTIONAL]
    header, *body = zip(*kept, strict=True)
    wrapped = [
        [_wrap(cell, _WIDTHS.get(name)) for name, cell in zip(header, row, strict=True)]
        for row in body
    ]
    text = tabulate(wrapped, headers=header, tablefmt="simple", disable_numparse=True)
    notices = [textwrap.fill(notice, width=100) for notice in _notices(table)]
    return "\n".join([f"== {table.track} ==", *notices, "", text])


def render_markdown(table: Table) -> str:
    """The table as a Markdown page."""
    body = tabulate(
        [[_escape(cell) for cell in _cells(row)] for row in table.rows],
        headers=HEADER,
        tablefmt="github",
        disable_numparse=True,
    )
    notices = [f"**{text}**" if text == DEMO_NOTICE else text for text in _notices(table)]
    return "\n\n".join([f"# {table.track}", *notices, body, LEGEND]) + "\n"


def render_csv(table: Table) -> str:
    """The table as CSV, numbers in full precision, an empty cell where there is none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    parts = ("", "_sd", "_low", "_high")
    numbers = [f"{name}{part}" for name in METRIC_NAMES for part in parts]
    writer.writerow(
        ["track", "kind", "method", "config", "origin", "seeds", *numbers, "flags", "note"]
    )
    for row in table.rows:
        values = [_full(row.metrics.get(name)) for name in METRIC_NAMES]
        writer.writerow(
            [table.track, row.kind, row.method, row.config, row.origin]
            + [" ".join(str(seed) for seed in row.seeds)]
            + [cell for cells in values for cell in cells]
            + ["; ".join(row.flags), "; ".join(row.notes)]
        )
    return buffer.getvalue()


def write_pages(tables: Iterable[Table], out: str | os.PathLike[str]) -> list[Path]:
    """Writes ``<track>.md`` and ``<track>.csv`` for every table; returns the paths.

    Raises:
        OSError: naming the file and the remedy, if one can't be written.
    """
    paths = []
    for table in tables:
        for ending, render in (("md", render_markdown), ("csv", render_csv)):
            path = Path(out) / f"{table.track}.{ending}"
            write_text(path, render(table))
            paths.append(path)
    return paths


def _notices(table: Table) -> list[str]:
    notices = [DEMO_NOTICE] if is_demo_track(table.track) else []
    if len(table.corpora) > 1:
        names = ", ".join(checksum[:8] for checksum in table.corpora)
        notices.append(
            f"The measured rows come from {len(table.corpora)} different corpora ({names}); "
            "compare only rows of one corpus."
        )
    return notices


def _cells(row: Row) -> list[str]:
    interval = row.metrics["RMSE"].interval
    return [
        row.method,
        row.config,
        row.origin,
        str(len(row.seeds)) if row.seeds else "",
        *(_short(row.metrics.get(name)) for name in METRIC_NAMES),
        f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
        ", ".join(row.flags),
        # The CSV and the records have the whole text.
        textwrap.shorten("; ".join(row.notes), _NOTE_LENGTH, placeholder=" …"),
    ]


def _wrap(cell: str, width: int | None) -> str:
    if width is None:
        return cell
    return textwrap.fill(cell, width, break_long_words=False, break_on_hyphens=False)


def _short(summary: Summary | None) -> str:
    if summary is None:
        return ""
    if summary.deviation is None:
        return f"{summary.value:.2f}"
    return f"{summary.value:.2f} ± {summary.deviation:.2f}"


def _full(summary: Summary | None) -> list[str]:
    if summary is None:
        return ["", "", "", ""]
    low, high = summary.interval or (None, None)
    return [
        "" if value is None else repr(value)
        for value in (summary.value, summary.deviation, low, high)
    ]


def _escape(cell: str) -> str:
    return " ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
