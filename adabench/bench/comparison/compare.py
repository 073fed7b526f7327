"""A paper's table with what was measured beside what it prints."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from adabench.bench.comparison.compared import (
    SHARE,
    ComparedRow,
    Comparison,
    Measurement,
    Order,
    Pair,
    Spent,
)
from adabench.bench.comparison.notices import notices, worlds_of_suite
from adabench.bench.comparison.order import order_of
from adabench.bench.suites import Suite, SuiteRow
from adabench.bench.tasks import Cell, Key
from adabench.leaderboard.rows.summary import summary_of
from adabench.leaderboard.statistics.errors import Constants, constants_in, over_draws, shares_of
from adabench.leaderboard.statistics.peers import Peers
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.told import Reach, told_from_peers
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported
from adabench.records.schema.tracks import is_demo_track
from adabench.records.schema.values import METRIC_NAMES


def compare_apart(
    suite: Suite,
    cells: Iterable[Cell],
    records: Mapping[Key, Record],
    reported: Sequence[Record],
) -> list[Comparison]:
    """Set a suite's rows beside what its paper prints, a table for each family of draws.

    Arguments as of `compare`. A row that was run on no family yet is missing in each.
    """
    own = [cell for cell in cells if cell.suite == suite.name]
    found = {
        cell: {r.family for key in cell.keys if (r := records.get(key)) is not None} for cell in own
    }
    families = sorted({family for known in found.values() for family in known if family})
    if len(families) < 2:
        return [compare(suite, own, records, reported)]
    return [
        replace(
            compare(
                suite,
                [cell for cell in own if not found[cell] or family in found[cell]],
                {key: record for key, record in records.items() if record.family == family},
                reported,
            ),
            family=family,
        )
        for family in families
    ]


def compare(
    suite: Suite,
    cells: Iterable[Cell],
    records: Mapping[Key, Record],
    reported: Sequence[Record],
) -> Comparison:
    """Set a suite's measured rows beside those that its paper's table prints.

    Args:
        suite: the rows.
        cells: of a plan; those of other suites are passed over.
        records: measured runs, as `measured_records` reads them.
        reported: what papers print.
    """
    own = {(cell.row, cell.track): cell for cell in cells if cell.suite == suite.name}
    printed = _printed(suite, reported)
    tracks = _tracks(suite)
    scored = {t: next((c.scored for c in own.values() if c.track == t), None) for t in tracks}
    constants = constants_in([[*records.values()]])
    rows = _by_start(
        _compared(suite, row, name, tracks, own, records, printed, constants)
        for row, name in _in_order(suite, list(printed))
    )
    found = {key: records[key] for c in own.values() for key in c.keys if key in records}
    standings, reach = _standings(tracks, own, records, constants)
    rows = [_with_standing(row, standings) for row in rows]
    return Comparison(
        suite=suite.name,
        title=suite.title,
        paper=suite.paper,
        table=suite.table,
        tracks=scored,
        metrics={
            track: (SHARE, *METRIC_NAMES) if _is_drawn(track, own) else _shown(suite, rows, track)
            for track in tracks
        },
        rows=tuple(rows),
        orders=tuple(_orders(tracks, rows, own, records)) if printed else (),
        spent=_spent(list(found.values())),
        notices=tuple(notices(scored, list(found.values()), rows)),
        worlds=worlds_of_suite(scored, list(found.values())),
        reach=reach,
    )


def _tracks(suite: Suite) -> list[str]:
    """The tracks of a suite's rows, its own first."""
    tracks = list(dict.fromkeys(t for row in suite.rows for t in suite.tracks_of(row)))
    return sorted(
        tracks, key=lambda t: suite.tracks.index(t) if t in suite.tracks else len(suite.tracks)
    )


def _orders(
    tracks: Sequence[str],
    rows: Sequence[ComparedRow],
    own: Mapping[tuple[str, str], Cell],
    records: Mapping[Key, Record],
) -> Iterator[Order]:
    """Yield the order of each track that papers print numbers of, and of the rows that start alike."""
    for track in tracks:
        if not _is_drawn(track, own):
            for start, alike in _apart(rows).items():
                yield replace(order_of(track, alike, own, records), start=start)


def _standings(
    tracks: Sequence[str],
    own: Mapping[tuple[str, str], Cell],
    records: Mapping[Key, Record],
    constants: Constants,
) -> tuple[dict[tuple[str, str], Standing], dict[str, Mapping[Peers, Reach]]]:
    """Return (row, track) → its standing among its peers, and track → what each group tells apart."""
    standings: dict[tuple[str, str], Standing] = {}
    reach: dict[str, Mapping[Peers, Reach]] = {}
    for track in tracks:
        rows = {row: _found(cell, records) for (row, at), cell in own.items() if at == track}
        drawn = any(is_demo_track(cell.scored) for (_, at), cell in own.items() if at == track)
        told, reached = told_from_peers(rows, None, constants if drawn else {})
        for row, against in told.items():
            standings[row, track] = Standing(best=True) if against is None else Standing.of(against)
        if reached:
            reach[track] = reached
    return standings, reach


def _with_standing(row: ComparedRow, standings: Mapping[tuple[str, str], Standing]) -> ComparedRow:
    pairs = {
        track: replace(pair, standing=standings.get((row.name or "", track), pair.standing))
        for track, pair in row.pairs.items()
    }
    return replace(row, pairs=pairs)


def _printed(suite: Suite, reported: Sequence[Record]) -> dict[str, dict[str, Record]]:
    """Return the table's rows in its order: row → track → what it prints."""
    found: dict[str, dict[str, Record]] = {}
    for record in reported:
        origin = record.origin
        if isinstance(origin, Reported) and (origin.paper, origin.table) == (
            suite.paper,
            suite.table,
        ):
            found.setdefault(origin.row, {})[record.track] = record
    return found


def _in_order(suite: Suite, printed: list[str]) -> list[tuple[SuiteRow | None, str | None]]:
    """Merge the suite's rows with the printed ones that none covers, which keep their places."""
    covered = {row.reported for row in suite.rows}
    left = [name for name in printed if name not in covered]
    merged: list[tuple[SuiteRow | None, str | None]] = []
    for row in suite.rows:
        if row.reported in printed:
            before = printed.index(row.reported)
            merged += [(None, name) for name in left if printed.index(name) < before]
            left = [name for name in left if printed.index(name) > before]
        merged.append((row, row.reported))
    return merged + [(None, name) for name in left]


def _compared(
    suite: Suite,
    row: SuiteRow | None,
    name: str | None,
    tracks: Sequence[str],
    own: Mapping[tuple[str, str], Cell],
    records: Mapping[Key, Record],
    printed: Mapping[str, Mapping[str, Record]],
    constants: Constants,
) -> ComparedRow:
    pairs = {}
    for track in tracks:
        paper = printed.get(name or "", {}).get(track)
        cell = own.get((row.name, track)) if row else None
        if _is_drawn(track, own):
            # What a paper prints of people stands beside no number on drawn faces.
            paper = None
        pairs[track] = Pair(
            reported=paper.metrics if paper else None,
            measured=_measured(cell, records, constants) if cell else None,
            runs=row is not None and track in suite.tracks_of(row),
            config_hash=cell.config_hash if cell else "",
            note="; ".join(paper.notes) if paper else "",
        )
    if row is None:
        return ComparedRow(None, name or "", None, pairs)
    starts = [own[row.name, track].start for track in tracks if (row.name, track) in own]
    return ComparedRow(row.name, row.label, row.group, pairs, next(iter(starts), ""))


def _by_start(rows: Iterable[ComparedRow]) -> list[ComparedRow]:
    """Put rows that start from one thing together, under it, where a suite's rows start from several.

    Starts keep the order in which they first come; what is only quoted stands before all.
    """
    listed = list(rows)
    starts = [*dict.fromkeys(["", *(row.start for row in listed)])]
    if len(starts) <= 2:
        return listed
    told = [
        replace(row, group=f"starts from {row.start}" + (f", {row.group}" if row.group else ""))
        if row.start
        else row
        for row in listed
    ]
    return sorted(told, key=lambda row: starts.index(row.start))


def _apart(rows: Sequence[ComparedRow]) -> dict[str, list[ComparedRow]]:
    """Return the rows by what they start from; all under an empty name where that is one thing."""
    starts = [*dict.fromkeys(row.start for row in rows if row.start)]
    if len(starts) < 2:
        return {"": list(rows)}
    return {start: [row for row in rows if row.start == start] for start in starts}


def _is_drawn(track: str, own: Mapping[tuple[str, str], Cell]) -> bool:
    """Whether a suite's track is scored on drawn faces."""
    return any(at == track and is_demo_track(cell.scored) for (_, at), cell in own.items())


def _found(cell: Cell, records: Mapping[Key, Record]) -> list[Record]:
    return [records[key] for key in cell.keys if key in records]


def _measured(
    cell: Cell, records: Mapping[Key, Record], constants: Constants
) -> Measurement | None:
    found = _found(cell, records)
    if not found:
        return None
    draws = tuple(sorted({r.draw for r in found if r.family and r.draw is not None}))
    metrics = {}
    shares = shares_of(found, constants) if draws else []
    if shares:
        metrics[SHARE] = summary_of(shares)
    for name in METRIC_NAMES:
        values = [v for r in found if (v := getattr(r.metrics, name)) is not None]
        if len(values) == len(found):
            metrics[name] = summary_of(over_draws(found, values))
    return Measurement(
        seeds=tuple(
            seed for seed, key in zip(cell.seeds, cell.keys, strict=True) if key in records
        ),
        planned=len(cell.seeds),
        metrics=metrics,
        wall_seconds=_mean([r.cost.wall_seconds for r in found]),
        alone_seconds=_mean([r.cost.alone_seconds for r in found]),
        draws=draws,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _shown(suite: Suite, rows: Sequence[ComparedRow], track: str) -> tuple[str, ...]:
    """Return the metrics of a block: all where no table is printed, else those that it prints."""
    if suite.table is None:
        return METRIC_NAMES
    reported = [pair for row in rows if (pair := row.pairs[track].reported)]
    return tuple(
        name
        for name in METRIC_NAMES
        if name in ("RMSE", "MAE") or any(getattr(m, name) is not None for m in reported)
    )


def _spent(records: Sequence[Record]) -> Spent:
    timed = [
        (r.cost.wall_seconds, r.cost.alone_seconds)
        for r in records
        if r.cost.wall_seconds is not None
    ]
    both = [(took, alone) for took, alone in timed if alone is not None]
    return Spent(
        runs=len(timed),
        took=sum(took for took, _ in timed),
        counted=len(both),
        alone=sum(alone for _, alone in both),
        took_of_counted=sum(took for took, _ in both),
    )
