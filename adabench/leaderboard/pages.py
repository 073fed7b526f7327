"""Prints a table for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from adabench.data.files import write_text
from adabench.evaluation.significance import LEVEL
from adabench.leaderboard import by_group
from adabench.leaderboard.by_group import group_legend, group_lines, results_by_group
from adabench.leaderboard.cells import csv_cell, markdown_cell, terminal_cell
from adabench.leaderboard.columns import Columns, columns_beside, csv_beside
from adabench.leaderboard.rows import Row, Table, shared_flags
from adabench.leaderboard.scored import scored_as, scored_cells
from adabench.leaderboard.summary import Summary, full, number, short
from adabench.records.record import METRIC_NAMES, is_demo_track

HEADER = (
    "Method",
    "Config",
    "Origin",
    "Seeds",
    *METRIC_NAMES,
    "RMSE 95 %",
    "Scored",
    "Flags",
    "Note",
)

_NOTE_LENGTH = 110

#: The folder of CSV files by group of persons, below that of the tables.
GROUPS = "groups"

# What a CSV tells of each number, and what stands after the numbers.
_PARTS = ("", "_sd", "_low", "_high")
_LAST_COLUMNS = ("best", "p_best", "contradiction", "scored", "flags", "note")

DEMO_NOTICE = (
    "Demo track: the faces are drawn and their behaviour follows a stated model. These numbers "
    "show whether the software works and whether a method finds sparse key segments; they say "
    "nothing about depression in people."
)

LEGEND = (
    "RMSE and MAE are in {points}. Several seeds are shown as mean ± sample deviation; a "
    "single run has the 95 % bootstrap interval of its RMSE over persons. A reported number is "
    "as its paper prints it."
)

SCORED_LEGEND = (
    "Scored says over what errors were taken. A session's score is the mean over its clips, which can't "
    "raise RMSE and MAE above those over clips; of a reported row it says what its paper prints."
)

TIED = "≈"
CONTRADICTED = "contradicted"

TIED_LEGEND = (
    f"{TIED} can't be told from the best measured row of its corpus: permutation test over persons "
    f"on the absolute errors, corrected over all rows (Holm), p ≥ {LEVEL}."
)

CONTRADICTED_LEGEND = (
    f"A control speaks against the number of a row flagged as {CONTRADICTED}; its note says how."
)

# Columns that a terminal wraps, and those that are left out where no row fills them.
_WIDTHS = {"Method": 36, "Config": 30, "Origin": 28, "Scored": 24, "Flags": 30, "Note": 40}
_OPTIONAL = {"Config", "Origin", "Seeds", "PCC", "CCC", "RMSE 95 %", "Scored", "Flags", "Note"}
_OPTIONAL |= {"Persons", "Bias", "Slope"}


def render_text(table: Table) -> str:
    """The table for a terminal, with its heading; columns that no row fills are left out."""
    shared = shared_flags(table.rows)
    # The CSV and the records have the whole text.
    notes = [
        textwrap.shorten("; ".join(_notes(row)), _NOTE_LENGTH, placeholder=" …")
        for row in table.rows
    ]
    notices = [textwrap.fill(terminal_cell(text), width=100) for text in _notices(table, shared)]
    # A terminal is nobody else's: what lies in private files at hand is shown, too.
    beside = columns_beside(table.rows, private=True)
    measures = [row.measures for row in table.rows]
    text = _for_terminal(*_filled(table, shared, notes, measures, beside))
    lines = group_lines(table, private=True)
    legend = textwrap.fill(terminal_cell(group_legend(table, lines)), width=100)
    groups = ["", legend, "", _for_terminal(*_columns(by_group.HEADER, lines))] if lines else []
    told = ["", textwrap.fill(" ".join(beside.legend), width=100)] if beside.legend else []
    return "\n".join([f"== {table.name} ==", *notices, "", text, *told, *groups])


def _for_terminal(header: list[str], body: list[list[str]]) -> str:
    wrapped = [
        [
            _wrap(terminal_cell(cell), _WIDTHS.get(name))
            for name, cell in zip(header, row, strict=True)
        ]
        for row in body
    ]
    return tabulate(wrapped, headers=header, tablefmt="simple", disable_numparse=True)


def render_markdown(table: Table) -> str:
    """The table as a Markdown page; notes stand below it, each once, and rows name them."""
    shared = shared_flags(table.rows)
    numbers: dict[str, int] = {}
    for note in (note for row in table.rows for note in _notes(row)):
        numbers.setdefault(note, len(numbers) + 1)
    marks = [", ".join(str(numbers[note]) for note in _notes(row)) for row in table.rows]
    measures = [row.public_measures for row in table.rows]
    beside = columns_beside(table.rows)
    body = _for_markdown(*_filled(table, shared, marks, measures, beside))
    notices = [
        f"**{text}**" if text == DEMO_NOTICE else markdown_cell(text)
        for text in _notices(table, shared)
    ]
    notes = "\n".join(f"{number}. {markdown_cell(note)}" for note, number in numbers.items())
    lines = group_lines(table)
    legend = markdown_cell(group_legend(table, lines))
    groups = [legend, _for_markdown(*_columns(by_group.HEADER, lines))] if lines else []
    parts = [f"# {table.name}", *notices, body, " ".join(_legend(table, beside)), notes, *groups]
    return "\n\n".join(part for part in parts if part) + "\n"


def _for_markdown(header: list[str], body: list[list[str]]) -> str:
    cells = [[markdown_cell(cell) for cell in row] for row in body]
    return tabulate(cells, headers=header, tablefmt="github", disable_numparse=True)


def render_csv(table: Table) -> str:
    """The table as CSV, numbers in full precision, an empty cell where there is none.

    ``best`` marks the best measured row of a corpus, ``p_best`` is the corrected p value of a row's
    difference from it.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbers = [f"{name}{part}" for name in METRIC_NAMES for part in _PARTS]
    further = _names([row.public_measures for row in table.rows])
    more = [f"{name}{part}" for name in further for part in _PARTS[:2]]
    beside = csv_beside(table.rows)
    first = ["track", "kind", "method", "config", "origin", "seeds"]
    writer.writerow([*first, *numbers, *beside.header, *more, *_LAST_COLUMNS])
    for row, known in zip(table.rows, beside.cells, strict=True):
        values = [full(row.metrics.get(name)) for name in METRIC_NAMES]
        writer.writerow(
            [csv_cell(t) for t in (table.name, row.kind, row.method, row.config, row.origin)]
            + [" ".join(str(seed) for seed in row.seeds)]
            + [cell for cells in values for cell in cells]
            + known
            + [cell for name in further for cell in full(row.public_measures.get(name))[:2]]
            + ["yes" if row.standing.best else "", number(row.standing.p_value)]
            + [
                csv_cell(text)
                for text in (
                    row.standing.contradiction,
                    scored_as(row),
                    "; ".join(row.flags),
                    "; ".join([*row.notes, *_older(row)]),
                )
            ]
        )
    return buffer.getvalue()


def render_groups_csv(table: Table) -> str:
    """The results by group as CSV, a line for each row and group; empty where no row has any.

    Numbers are in full precision; a group of too few persons has none.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbers = [f"{name}{part}" for name in by_group.NUMBERS for part in _PARTS]
    names = (
        "track",
        "method",
        "config",
        "origin",
        "flags",
        "seeds",
        "group",
        "sessions",
        "persons",
    )
    lines = [
        [
            csv_cell(t)
            for t in (table.name, row.method, row.config, row.origin, "; ".join(row.flags))
        ]
        + [" ".join(str(seed) for seed in row.seeds), csv_cell(name)]
        + [str(found.sessions), str(found.persons or "")]
        + [cell for name in by_group.NUMBERS for cell in full(found.numbers.get(name))]
        for row in table.rows
        for name, found in results_by_group(row).items()
    ]
    if lines:
        writer.writerows([[*names, *numbers], *lines])
    return buffer.getvalue()


def write_pages(tables: Iterable[Table], out: str | os.PathLike[str]) -> list[Path]:
    """Writes ``<name>.md`` and ``<name>.csv`` for every table, ``groups/<name>.csv`` for those with groups.

    Returns:
        The paths.

    Raises:
        OSError: naming the file and the remedy, if one can't be written.
    """
    paths = []
    for table in tables:
        texts = {
            f"{table.name}.md": render_markdown(table),
            f"{table.name}.csv": render_csv(table),
            f"{GROUPS}/{table.name}.csv": render_groups_csv(table),
        }
        for name, text in texts.items():
            if text:
                write_text(Path(out) / name, text)
                paths.append(Path(out) / name)
    return paths


def _notices(table: Table, shared: tuple[str, ...]) -> list[str]:
    notices = [DEMO_NOTICE] if is_demo_track(table.track) else []
    if len(table.corpora) > 1:
        names = ", ".join(checksum[:8] for checksum in table.corpora)
        notices.append(
            f"The measured rows come from {len(table.corpora)} different corpora ({names}); "
            "compare only rows of one corpus."
        )
    if shared:
        notices.append(f"Every measured row: {', '.join(shared)}.")
    return notices


def _legend(table: Table, beside: Columns) -> list[str]:
    legend = [markdown_cell(LEGEND.format(points=table.scale.points)), *beside.legend]
    if any(scored_cells(table.rows)):
        legend.append(SCORED_LEGEND)
    if any(row.standing.is_tied for row in table.rows):
        legend.append(TIED_LEGEND)
    if any(row.standing.contradiction for row in table.rows):
        legend.append(CONTRADICTED_LEGEND)
    return legend


def _names(measures: Iterable[Mapping[str, Summary]]) -> list[str]:
    """Return the names of the rows' measures beside the usual four metrics, sorted."""
    return sorted({name for own in measures for name in own})


def _filled(
    table: Table,
    shared: tuple[str, ...],
    notes: list[str],
    measures: Sequence[Mapping[str, Summary]],
    beside: Columns,
) -> tuple[list[str], list[list[str]]]:
    """Header and cells without the columns that nothing fills; what is beside the metrics behind them."""
    told = zip(table.rows, scored_cells(table.rows), notes, strict=True)
    cells = [_cells(row, shared, scored, note) for row, scored, note in told]
    further = _names(measures)
    at = HEADER.index(METRIC_NAMES[-1]) + 1
    header = (*HEADER[:at], *beside.header, *further, *HEADER[at:])
    body = [
        [*own[:at], *more, *(short(known.get(name)) for name in further), *own[at:]]
        for known, more, own in zip(measures, beside.cells, cells, strict=True)
    ]
    return _columns(header, body)


def _columns(header: Sequence[str], body: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Header and cells without the optional columns that nothing fills."""
    kept = [
        index
        for index, name in enumerate(header)
        if name not in _OPTIONAL or any(row[index] for row in body)
    ]
    return [header[index] for index in kept], [[row[index] for index in kept] for row in body]


def _cells(row: Row, shared: tuple[str, ...], scored: str, note: str) -> list[str]:
    interval = row.metrics["RMSE"].interval
    flags = [flag for flag in row.flags if flag not in shared]
    if row.standing.contradiction:
        flags.append(CONTRADICTED)
    metrics = [short(row.metrics.get(name)) for name in METRIC_NAMES]
    if row.standing.is_tied:
        metrics[0] = f"{TIED} {metrics[0]}"
    return [
        row.method,
        row.config,
        row.origin,
        str(len(row.seeds)) if row.seeds else "",
        *metrics,
        f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
        scored,
        ", ".join(flags),
        note,
    ]


def _notes(row: Row) -> list[str]:
    """Notes of the row: what single runs say of themselves is in the CSV and their records."""
    by_run = [entry.record.notes for entry in row.entries]
    notes = [
        note
        for note in row.notes
        if all(note in notes for notes in by_run) or not any(note in notes for notes in by_run)
    ]
    contradiction = row.standing.contradiction
    said = [f"{CONTRADICTED}: {contradiction}"] if contradiction else []
    return [*said, *notes, *_older(row)]


def _older(row: Row) -> list[str]:
    return [f"older version of its code, {told_version(version)}" for version in row.older]


def told_version(row: Row) -> str:
    """Return what tells a version of a row from others: its code, day, seeds and RMSE."""
    record = row.entries[0].record
    code = [f"{name} {one.sha256[:8]}" for name, one in record.code.items() if one.sha256]
    day = f", {record.created[:10]}" if record.created else ""
    seeds = f", {len(row.seeds)} seeds" if len(row.seeds) > 1 else ""
    named = ", ".join(code) or f"config {(record.config_hash or 'unknown')[:8]}"
    return f"{named}{day}{seeds}: RMSE {short(row.metrics['RMSE'])}"


def _wrap(cell: str, width: int | None) -> str:
    if width is None:
        return cell
    return textwrap.fill(cell, width, break_long_words=False, break_on_hyphens=False)
