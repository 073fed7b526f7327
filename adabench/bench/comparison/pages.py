"""Prints a comparison for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tabulate import tabulate

from adabench.bench.comparison.compared import RANKED_BY, SHARE, Comparison, Order, Pair, Spent
from adabench.bench.runner import duration
from adabench.data.files import write_text
from adabench.leaderboard.pages.cells import csv_cell, markdown_cell, terminal_cell
from adabench.leaderboard.rows.summary import short
from adabench.leaderboard.statistics.peers import titles
from adabench.leaderboard.statistics.wording import (
    TIED_BEYOND_LEGEND,
    TIED_LEGEND,
    mark_of,
    reach_lines,
)
from adabench.records.drawn import drawn_slug
from adabench.records.schema.tracks import is_demo_track
from adabench.records.schema.values import METRIC_NAMES

MISSING = "missing"

LEGEND = (
    "RMSE and MAE are in points of the corpus's scale. Reported is what the paper prints. Measured "
    "is the mean ± sample deviation over the seeds whose number stands beside it; `missing` is what "
    "was not run or failed; a row without either was not run here and is only quoted."
)

DRAWN_LEGEND = (
    "Of constant is the RMSE as a share of the constant's on the same draw; RMSE and MAE are in points of "
    "the drawn score. Numbers are the mean ± sample deviation over draws, each the mean of its runs; on one "
    "draw points are over its runs. `missing` is what was not run or failed. No paper reports anything on "
    "drawn faces."
)

_CSV_HEADER = (
    *("suite", "group", "row", "label", "start", "track", "scored_track", "status", "demo"),
    *("drawn", "family", "draws", "of_constant", "of_constant_sd"),
    *(f"{kind}_{name}" for kind in ("reported", "measured", "sd") for name in METRIC_NAMES),
    *("seeds", "wall_seconds", "alone_seconds", "config_hash", "note"),
)

_LABEL_WIDTH = 36


def render_text(comparison: Comparison) -> str:
    """The table for a terminal, a track below the other, with what must be read beside it."""
    body = "\n\n".join(_grid(comparison, track) for track in comparison.tracks)
    notices = [textwrap.fill(notice, width=100) for notice in comparison.notices]
    after = [textwrap.fill(line, width=100) for line in _after(comparison)]
    return "\n".join([f"== {_heading(comparison)} ==", *notices, "", body, "", *after]).rstrip()


def render_markdown(comparison: Comparison) -> str:
    """The table as a Markdown page."""
    header = ["Row"]
    for track in comparison.tracks:
        place = _place(comparison, track)
        header += [f"{place} {name} {what}" for name, what in _columns(comparison, track)]
        header.append(f"{place} seeds")
    rows = [
        [markdown_cell(cell) for cell in line] for line in _lines(comparison, [*comparison.tracks])
    ]
    body = tabulate(rows, headers=header, tablefmt="github", disable_numparse=True)
    notices = [
        f"**{text}**" if number == 0 and comparison.drawn else text
        for number, text in enumerate(comparison.notices)
    ]
    notes = [
        f"{markdown_cell(row.label)}, {track}: {markdown_cell(pair.note)}"
        for row in comparison.rows
        for track, pair in row.pairs.items()
        if pair.note
    ]
    legend = DRAWN_LEGEND if comparison.drawn else LEGEND
    after = [f"- {line}" for line in (*map(markdown_cell, _after(comparison)), *notes)]
    parts = [f"# {markdown_cell(_heading(comparison))}", *notices, body, "\n".join(after), legend]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_csv(comparison: Comparison) -> str:
    """The table as CSV, one line a row and track, numbers in full precision."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_CSV_HEADER])
    for row in comparison.rows:
        for track, pair in row.pairs.items():
            scored = comparison.tracks[track] or ""
            told = [comparison.suite, row.group or "", row.name or "", row.label, row.start]
            named = [*told, track, scored]
            place = [csv_cell(text) for text in named]
            demo = str(is_demo_track(scored)).lower()
            drawn = [comparison.drawn, comparison.family or "", *_share(pair)]
            writer.writerow([*place, _status(pair), demo, *drawn, *_numbers(pair)])
    return buffer.getvalue()


def write_comparison(comparison: Comparison, out: str | os.PathLike[str]) -> list[Path]:
    """Writes ``<suite>.md`` and ``<suite>.csv``; returns the paths.

    The names of files on drawn faces say so: ``<suite>-drawn-faces-world-sparse.md``. Those of before there
    was a run, which know no world, go.

    Raises:
        OSError: naming the file and the remedy, if one can't be written.
    """
    paths = []
    bare = _file(replace(comparison, worlds=comparison.worlds and (None,), family=None))
    for ending, render in (("md", render_markdown), ("csv", render_csv)):
        path = Path(out) / f"{_file(comparison)}.{ending}"
        write_text(path, render(comparison))
        if path.stem != bare:
            path.with_name(f"{bare}.{ending}").unlink(missing_ok=True)
        paths.append(path)
    return paths


def _file(comparison: Comparison) -> str:
    name = comparison.suite
    if comparison.worlds is not None:
        name += f"-{drawn_slug(comparison.worlds)}"
    return name + (f"-{comparison.family[:8]}" if comparison.family else "")


def _heading(comparison: Comparison) -> str:
    if comparison.drawn:
        family = f", family {comparison.family[:8]}" if comparison.family else ""
        return f"{comparison.suite}: {comparison.title} ({comparison.drawn}{family})"
    source = f"{comparison.paper}, table {comparison.table}" if comparison.table else ""
    return f"{comparison.suite}: {comparison.title}" + (f" ({source})" if source else "")


def _place(comparison: Comparison, track: str) -> str:
    scored = comparison.tracks[track]
    return track if scored in (None, track) else f"{track} on {scored}"


def _columns(comparison: Comparison, track: str) -> Iterator[tuple[str, str]]:
    for name in comparison.metrics[track]:
        if comparison.table is not None and SHARE not in comparison.metrics[track]:
            yield name, "reported"
        yield name, "measured"


def _grid(comparison: Comparison, track: str) -> str:
    header = ["", *(f"{name}\n{what}" for name, what in _columns(comparison, track)), "\nseeds"]
    lines = [
        [textwrap.fill(terminal_cell(label), _LABEL_WIDTH), *cells]
        for label, *cells in _lines(comparison, [track])
    ]
    table = tabulate(lines, headers=header, tablefmt="simple", disable_numparse=True)
    return f"{_place(comparison, track)}\n{table}"


def _lines(comparison: Comparison, tracks: Sequence[str]) -> Iterator[list[str]]:
    """Yield the rows' cells, a line for each group's heading among them."""
    group: str | None = None
    for row in comparison.rows:
        if not any(row.pairs[track].reported or row.pairs[track].runs for track in tracks):
            continue
        if row.group is not None and row.group != group:
            width = sum(1 + len([*_columns(comparison, track)]) for track in tracks)
            yield [f"{row.group}:", *[""] * width]
        group = row.group
        cells = [row.label]
        for track in tracks:
            pair = row.pairs[track]
            cells += [_cell(pair, name, what) for name, what in _columns(comparison, track)]
            cells.append(_seeds(pair))
        yield cells


def _cell(pair: Pair, name: str, what: str) -> str:
    if what == "reported":
        return _printed(getattr(pair.reported, name)) if pair.reported else ""
    if pair.measured is None:
        return MISSING if pair.runs and name == RANKED_BY else ""
    found = short(pair.measured.metrics.get(name))
    sorted_by = SHARE if SHARE in pair.measured.metrics else RANKED_BY
    return f"{mark_of(pair.standing)}{found}" if name == sorted_by else found


def _printed(value: float | None) -> str:
    """A number as papers print it: with two digits, or with the more that it has."""
    if value is None:
        return ""
    rounded = f"{value:.2f}"
    return rounded if float(rounded) == value else repr(value)


def _seeds(pair: Pair) -> str:
    if pair.measured is None:
        return ""
    there, planned = len(pair.measured.seeds), pair.measured.planned
    told = str(there) if there == planned else f"{there} of {planned}"
    draws = len(pair.measured.draws)
    return f"{told} ({'one draw' if draws == 1 else f'{draws} draws'})" if draws else told


def _after(comparison: Comparison) -> Iterator[str]:
    for order in comparison.orders:
        start = f", starting from {order.start}" if order.start else ""
        yield f"{_place(comparison, order.track)}{start}: {_agreement(order)}"
    for track, groups in comparison.reach.items():
        named = titles(groups)
        for line in reach_lines({named[group]: own for group, own in groups.items()}, "points"):
            yield f"{_place(comparison, track)}: {line}"
    found = [pair.standing for row in comparison.rows for pair in row.pairs.values()]
    if any(standing.is_tied for standing in found):
        yield TIED_LEGEND
    if any(standing.is_tied_beyond for standing in found):
        yield TIED_BEYOND_LEGEND
    yield _cost(comparison.spent)


def _agreement(order: Order) -> str:
    if order.agreement is None:
        return f"the order of rows is not compared: {order.reason}."
    found = order.agreement
    seeds = " ".join(str(seed) for seed in order.seeds)
    return (
        f"Kendall's tau of the measured order against the paper's, by {RANKED_BY}: {found.tau:.2f}, "
        f"95 % interval over persons {found.low:.2f} to {found.high:.2f} "
        f"({order.rows} rows, seed{'s' if len(order.seeds) > 1 else ''} {seeds})."
    )


def _cost(spent: Spent) -> str:
    if not spent.runs:
        return "Time: no run has recorded its time."
    told = f"Time: {spent.runs} runs took {duration(spent.took)}"
    if not spent.counted:
        return f"{told}; what each would take alone is not recorded."
    if spent.counted < spent.runs:
        told += f", for {spent.counted} of them {duration(spent.took_of_counted)}"
    share = f" ({spent.took_of_counted / spent.alone:.2f} of it)" if spent.alone else ""
    return f"{told} where each alone, from nothing, would take {duration(spent.alone)}{share}."


def _status(pair: Pair) -> str:
    if pair.measured is not None:
        return "measured"
    if pair.runs:
        return MISSING
    return "reported only" if pair.reported else ""


def _numbers(pair: Pair) -> list[str]:
    """Return the cells of a CSV line from the reported metrics on."""
    found = pair.measured
    summaries = found.metrics if found else {}
    values = [getattr(pair.reported, name, None) for name in METRIC_NAMES]
    values += [s.value if (s := summaries.get(name)) else None for name in METRIC_NAMES]
    values += [s.deviation if (s := summaries.get(name)) else None for name in METRIC_NAMES]
    seeds = " ".join(str(seed) for seed in found.seeds) if found else ""
    times = [found.wall_seconds, found.alone_seconds] if found else [None, None]
    return [*map(_full, values), seeds, *map(_full, times), pair.config_hash, csv_cell(pair.note)]


def _share(pair: Pair) -> list[str]:
    if pair.measured is None:
        return ["", "", ""]
    found = pair.measured.metrics.get(SHARE)
    values = (None, None) if found is None else (found.value, found.deviation)
    return [" ".join(map(str, pair.measured.draws)), *map(_full, values)]


def _full(value: float | None) -> str:
    return "" if value is None else repr(value)
