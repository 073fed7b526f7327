"""Prints a table for the terminal and as Markdown, and writes its files."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from adabench.data.files import write_text
from adabench.leaderboard.pages import by_group
from adabench.leaderboard.pages.by_group import group_legend, group_lines
from adabench.leaderboard.pages.cells import markdown_cell, terminal_cell
from adabench.leaderboard.pages.columns import Columns, columns_beside
from adabench.leaderboard.pages.csv_text import GROUPS, render_csv, render_groups_csv
from adabench.leaderboard.pages.scored import scored_cells
from adabench.leaderboard.pages.versions import older_told
from adabench.leaderboard.rows.row import OTHER_CORPORA, Row, Table, shared_flags
from adabench.leaderboard.rows.side_by_side import LEGEND as DISJOINT_LEGEND
from adabench.leaderboard.rows.side_by_side import (
    SHOWN,
    disjoint_metrics,
    has_both,
    official_metrics,
)
from adabench.leaderboard.rows.summary import Summary, measure_names, short
from adabench.leaderboard.statistics.peers import starts_of, titles
from adabench.leaderboard.statistics.wording import (
    BEHIND_LEGEND,
    NOTHING_TOLD,
    PEERS_LEGEND,
    TIED_BEYOND_LEGEND,
    TIED_LEGEND,
    mark_of,
    reach_lines,
)
from adabench.records.drawn import drawn_notice, is_development
from adabench.records.schema.record import Record
from adabench.records.schema.values import METRIC_NAMES

HEADER = (
    "Method",
    "Config",
    "Origin",
    "Draws",
    "Seeds",
    "Of constant",
    "Behind the best",
    *METRIC_NAMES,
    "RMSE 95 %",
    *SHOWN.values(),
    "Scored",
    "Flags",
    "Note",
)

_NOTE_LENGTH = 110

LEGEND = (
    "RMSE and MAE are in {points}. Several draws, or seeds on one corpus, are shown as mean ± sample "
    "deviation. The 95 % bootstrap interval of an RMSE on one corpus is over persons, of five seeds or "
    "more over persons and seeds. A reported number is as its paper prints it."
)

SHARE_LEGEND = (
    "Of constant: RMSE as a share of the constant's on the same draw, mean ± sample deviation over draws; "
    "the table is sorted by it."
)

SCORED_LEGEND = (
    "Scored says over what errors were taken. A session's score is the mean over its clips, which can't "
    "raise RMSE and MAE above those over clips; of a reported row it says what its paper prints."
)

CONTRADICTED = "contradicted"

CONTRADICTED_LEGEND = (
    f"A control speaks against the number of a row flagged as {CONTRADICTED}; its note says how."
)

# Columns that a terminal wraps, and those that are left out where no row fills them.
_WIDTHS = {"Method": 36, "Config": 30, "Origin": 28, "Scored": 24, "Flags": 30, "Note": 40}
_OPTIONAL = {"Config", "Origin", "Draws", "Seeds", "Of constant", "Behind the best"}
_OPTIONAL |= {"PCC", "CCC", "RMSE 95 %", "Scored", "Flags", "Note", "Persons", "Bias", "Slope"}


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
    told = [
        textwrap.fill(terminal_cell(line), width=100)
        for line in [*below(table), " ".join(beside.legend)]
        if line
    ]
    return "\n".join([f"== {table.heading} ==", *notices, "", text, "", *told, *groups])


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
        f"**{markdown_cell(text)}**" if number == 0 and table.drawn else markdown_cell(text)
        for number, text in enumerate(_notices(table, shared))
    ]
    notes = "\n".join(f"{number}. {markdown_cell(note)}" for note, number in numbers.items())
    lines = group_lines(table)
    legend = markdown_cell(group_legend(table, lines))
    groups = [legend, _for_markdown(*_columns(by_group.HEADER, lines))] if lines else []
    told = "\n\n".join(map(markdown_cell, below(table)))
    legend_of_rows = " ".join(_legend(table, beside))
    heading = f"# {markdown_cell(table.heading)}"
    parts = [heading, *notices, body, told, legend_of_rows, notes, *groups]
    return "\n\n".join(part for part in parts if part) + "\n"


def _for_markdown(header: list[str], body: list[list[str]]) -> str:
    cells = [[markdown_cell(cell) for cell in row] for row in body]
    return tabulate(cells, headers=header, tablefmt="github", disable_numparse=True)


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
    notices = [drawn_notice(table.drawn)] if table.drawn else []
    if table.draws:
        notices.append(draws_notice(table))
    elif len(table.corpora) > 1:
        names = ", ".join(checksum[:8] for checksum in table.corpora)
        notices.append(
            f"The measured rows come from {len(table.corpora)} different corpora ({names}); "
            "compare only rows of one corpus."
        )
    if shared:
        notices.append(f"Every measured row: {', '.join(shared)}.")
    return notices


def draws_notice(table: Table) -> str:
    """What is said of the draws that a table's rows were run on."""
    records = [entry.record for row in table.rows for entry in row.entries]
    corpora = {(record.draw, record.corpus_checksum) for record in records}
    more = len(corpora) - len({draw for draw, _ in corpora})
    twice = (
        " A draw's number stands for several corpora: rows say which, each is measured against its own "
        f"constant, and rows flagged as {OTHER_CORPORA} are not compared with it."
        if more
        else ""
    )
    developed = _developed(records)
    return f"Draws {' '.join(map(str, table.draws))} of family {(table.family or '')[:8]}.{twice}{developed}"


def _developed(records: Sequence[Record]) -> str:
    """What is said of development draws, where all records or some are of them."""
    of_draws = [record for record in records if record.family is not None]
    if not any(map(is_development, of_draws)):
        return ""
    which = "Development" if all(map(is_development, of_draws)) else "Some rows are of development"
    return f" {which} draws: looked at as often as one liked."


def below(table: Table) -> list[str]:
    """What is said under a table of its differences: what they can be told from, and the marks."""
    if not table.reach:
        return [NOTHING_TOLD]
    named = titles(row.peers for row in table.rows)
    starts = starts_of(named)
    lines = [PEERS_LEGEND.format(starts="; ".join(starts))] if len(starts) > 1 else []
    lines += reach_lines(
        {named[group]: own for group, own in table.reach.items()}, table.scale.points
    )
    if any(row.standing.is_tied for row in _with_beside(table)):
        lines.append(TIED_LEGEND)
    if any(row.standing.is_tied_beyond for row in _with_beside(table)):
        lines.append(TIED_BEYOND_LEGEND)
    if any(row.standing.behind for row in table.rows):
        lines.append(BEHIND_LEGEND)
    return lines


def _with_beside(table: Table) -> list[Row]:
    return [one for row in table.rows for one in (row, row.beside) if one is not None]


def _legend(table: Table, beside: Columns) -> list[str]:
    legend = [markdown_cell(LEGEND.format(points=table.scale.points)), *beside.legend]
    if any(scored_cells(table.rows)):
        legend.append(SCORED_LEGEND)
    if any(row.share for row in table.rows):
        legend.append(SHARE_LEGEND)
    if has_both(table.track):
        legend.append(markdown_cell(DISJOINT_LEGEND))
    if any(row.standing.contradiction for row in table.rows):
        legend.append(CONTRADICTED_LEGEND)
    return legend


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
    further = measure_names(measures)
    at = HEADER.index(METRIC_NAMES[-1]) + 1
    header = (*HEADER[:at], *beside.header, *further, *HEADER[at:])
    body = [
        [*own[:at], *more, *(short(known.get(name)) for name in further), *own[at:]]
        for known, more, own in zip(measures, beside.cells, cells, strict=True)
    ]
    # Of AVEC both protocols are shown, whether or not anybody ran the second.
    return _columns(header, body, () if has_both(table.track) else tuple(SHOWN.values()))


def _columns(
    header: Sequence[str], body: list[list[str]], without: Sequence[str] = ()
) -> tuple[list[str], list[list[str]]]:
    """Header and cells without some columns, nor the optional ones that nothing fills."""
    kept = [
        index
        for index, name in enumerate(header)
        if name not in without and (name not in _OPTIONAL or any(row[index] for row in body))
    ]
    return [header[index] for index in kept], [[row[index] for index in kept] for row in body]


def _cells(row: Row, shared: tuple[str, ...], scored: str, note: str) -> list[str]:
    official, disjoint = official_metrics(row), disjoint_metrics(row)
    interval = official["RMSE"].interval if "RMSE" in official else None
    flags = [flag for flag in row.flags if flag not in shared]
    if row.standing.contradiction:
        flags.append(CONTRADICTED)
    share, metrics = short(row.share), [short(official.get(name)) for name in METRIC_NAMES]
    kept_apart = [short(disjoint.get(name)) for name in SHOWN]
    # The mark stands at the number by which the table is sorted.
    if row.share is not None:
        share = f"{mark_of(row.standing)}{share}"
    elif official:
        metrics[0] = f"{mark_of(row.standing)}{metrics[0]}"
    twin = row if not official else row.beside
    if twin is not None and has_both(row.entries[0].record.track):
        kept_apart[0] = f"{mark_of(twin.standing)}{kept_apart[0]}"
    return [
        row.method,
        row.config,
        row.origin,
        str(len(row.draws)) if row.draws else "",
        str(len(row.seeds)) if row.seeds else "",
        share,
        _behind(row),
        *metrics,
        f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
        *kept_apart,
        scored,
        ", ".join(flags),
        note,
    ]


def _behind(row: Row) -> str:
    behind = row.standing.behind
    if behind is None:
        return ""
    digits = 3 if row.share is not None else 2
    told = f"{behind.difference:+.{digits}f}"
    if behind.interval is None:
        return told
    low, high = behind.interval
    return f"{told} ({low:+.{digits}f} to {high:+.{digits}f})"


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
    return [*said, *notes, *older_told(row)]


def _wrap(cell: str, width: int | None) -> str:
    if width is None:
        return cell
    return textwrap.fill(cell, width, break_long_words=False, break_on_hyphens=False)
