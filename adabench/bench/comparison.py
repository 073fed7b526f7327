"""A paper's table with what was measured beside what it prints."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from adabench.bench.suites import Suite, SuiteRow
from adabench.bench.tasks import Cell, Key
from adabench.evaluation.ranking import FEWEST_ROWS, RankAgreement, rank_agreement
from adabench.leaderboard.pages import DEMO_NOTICE
from adabench.leaderboard.summary import Summary
from adabench.records.record import METRIC_NAMES, Metrics, Record, Reported, is_demo_track

#: The metric whose order is compared with the paper's.
RANKED_BY = "RMSE"


@dataclass(frozen=True)
class Measurement:
    """What the runs of one row on one track found.

    Attributes:
        seeds: of the runs that are there.
        planned: how many there should be.
        metrics: mean and, from two seeds on, sample deviation.
        wall_seconds: mean of what a run took.
        alone_seconds: mean of what it would have taken without shared stages and caches.
    """

    seeds: tuple[int, ...]
    planned: int
    metrics: dict[str, Summary]
    wall_seconds: float | None
    alone_seconds: float | None


@dataclass(frozen=True)
class Pair:
    """One row on one track: what the paper prints, and what was measured.

    Attributes:
        runs: the suite runs the row on this track, so that without a measurement one is missing.
    """

    reported: Metrics | None = None
    measured: Measurement | None = None
    runs: bool = False
    config_hash: str = ""
    note: str = ""


@dataclass(frozen=True)
class ComparedRow:
    """A row; ``name`` is None for one that the paper prints and no suite row covers.

    Attributes:
        start: what its weights were learnt on; empty for a row that runs nowhere here.
    """

    name: str | None
    label: str
    group: str | None
    pairs: dict[str, Pair]
    start: str = ""


@dataclass(frozen=True)
class Order:
    """How far measured and printed order agree on a track, or why that can't be said.

    Attributes:
        start: what the rows' weights were learnt on, where the suite's rows differ in that.
    """

    track: str
    rows: int = 0
    seeds: tuple[int, ...] = ()
    agreement: RankAgreement | None = None
    reason: str = ""
    start: str = ""


@dataclass(frozen=True)
class Spent:
    """Seconds of distinct runs, of those whose record holds both times: taken, and alone."""

    runs: int
    took: float
    counted: int
    alone: float
    took_of_counted: float


@dataclass(frozen=True)
class Comparison:
    """A suite's table.

    Attributes:
        tracks: the column blocks; each with the track that was scored, or None if no row could run.
        metrics: which of the four each block shows.
        rows: in the paper's order.
        orders: one a track that the paper's table prints.
        spent: time of the runs.
        notices: what a reader must know first.
    """

    suite: str
    title: str
    paper: str | None
    table: str | None
    tracks: dict[str, str | None]
    metrics: dict[str, tuple[str, ...]]
    rows: tuple[ComparedRow, ...]
    orders: tuple[Order, ...]
    spent: Spent
    notices: tuple[str, ...]


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
    tracks = list(dict.fromkeys(t for row in suite.rows for t in suite.tracks_of(row)))
    tracks.sort(key=lambda t: suite.tracks.index(t) if t in suite.tracks else len(suite.tracks))
    scored = {t: next((c.scored for c in own.values() if c.track == t), None) for t in tracks}
    rows = _by_start(
        _compared(suite, row, name, tracks, own, records, printed)
        for row, name in _in_order(suite, list(printed))
    )
    found = {key: records[key] for c in own.values() for key in c.keys if key in records}
    return Comparison(
        suite=suite.name,
        title=suite.title,
        paper=suite.paper,
        table=suite.table,
        tracks=scored,
        metrics={track: _shown(suite, rows, track) for track in tracks},
        rows=tuple(rows),
        orders=tuple(
            replace(_order(track, alike, own, records), start=start)
            for track in tracks
            if printed
            for start, alike in _apart(rows).items()
        ),
        spent=_spent(list(found.values())),
        notices=tuple(_notices(scored, list(found.values()), rows)),
    )


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
) -> ComparedRow:
    pairs = {}
    for track in tracks:
        paper = printed.get(name or "", {}).get(track)
        cell = own.get((row.name, track)) if row else None
        pairs[track] = Pair(
            reported=paper.metrics if paper else None,
            measured=_measured(cell, records) if cell else None,
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


def _measured(cell: Cell, records: Mapping[Key, Record]) -> Measurement | None:
    found = [records[key] for key in cell.keys if key in records]
    if not found:
        return None
    metrics = {}
    for name in METRIC_NAMES:
        values = [value for r in found if (value := getattr(r.metrics, name)) is not None]
        if len(values) == len(found):
            metrics[name] = Summary(
                statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None
            )
    return Measurement(
        seeds=tuple(
            seed for seed, key in zip(cell.seeds, cell.keys, strict=True) if key in records
        ),
        planned=len(cell.seeds),
        metrics=metrics,
        wall_seconds=_mean([r.cost.wall_seconds for r in found]),
        alone_seconds=_mean([r.cost.alone_seconds for r in found]),
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


def _order(
    track: str,
    rows: Sequence[ComparedRow],
    own: Mapping[tuple[str, str], Cell],
    records: Mapping[Key, Record],
) -> Order:
    ranked = [
        (pair.reported.RMSE, own[row.name, track], pair.measured)
        for row in rows
        if row.name and (pair := row.pairs[track]).reported and pair.measured
    ]
    if len(ranked) < FEWEST_ROWS:
        few = f"printed rows that are measured: {len(ranked)}; an order needs {FEWEST_ROWS}"
        return Order(track, len(ranked), reason=few)
    seeds = sorted(set.intersection(*(set(measured.seeds) for _, _, measured in ranked)))
    if not seeds:
        return Order(track, len(ranked), reason="the rows have no seed in common")
    runs = [
        [records[cell.key(turn)] for turn in cell.turns if turn.seed in seeds]
        for _, cell, _ in ranked
    ]
    try:
        sessions, labels = _sessions([record for row in runs for record in row])
        agreement = rank_agreement(
            [value for value, _, _ in ranked],
            [[_predicted(record, sessions) for record in row] for row in runs],
            labels,
            _subjects(runs[0][0], sessions),
            metric=RANKED_BY,
        )
    except ValueError as error:
        return Order(track, len(ranked), tuple(seeds), reason=str(error))
    return Order(track, len(ranked), tuple(seeds), agreement)


def _sessions(records: Sequence[Record]) -> tuple[list[str], list[float]]:
    labels = {entry.session: entry.label for entry in records[0].entries}
    known = {session: label for session, label in labels.items() if label is not None}
    if not known or len(known) < len(labels):
        raise ValueError("the records hold no labels, since their corpus is licensed")
    for record in records[1:]:
        if {entry.session: entry.label for entry in record.predictions} != labels:
            raise ValueError("the rows were tested on different sessions; run them again")
    sessions = sorted(known)
    return sessions, [known[session] for session in sessions]


def _predicted(record: Record, sessions: Sequence[str]) -> list[float]:
    predicted = {entry.session: entry.prediction for entry in record.predictions}
    return [predicted[session] for session in sessions]


def _subjects(record: Record, sessions: Sequence[str]) -> list[str]:
    """Return whose session each is."""
    subjects = {entry.session: entry.subject for entry in record.predictions}
    return [subjects[session] for session in sessions]


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


def _notices(
    scored: Mapping[str, str | None], records: Sequence[Record], rows: Sequence[ComparedRow]
) -> list[str]:
    notices = []
    starts = [*dict.fromkeys(row.start for row in rows if row.start)]
    if len(starts) > 1:
        notices.append(
            f"Rows stand apart by what their weights were learnt on ({'; '.join(starts)}): compare a "
            "row with those of its own group only."
        )
    elif starts:
        notices.append(f"Every row starts from {starts[0]}.")
    if any(name is not None and is_demo_track(name) for name in scored.values()):
        notices.append(DEMO_NOTICE)
    for name in dict.fromkeys(scored.values()):
        same = [track for track, at in scored.items() if at == name]
        if name is not None and len(same) > 1:
            notices.append(
                f"{' and '.join(same)} are measured on one track, {name}: the same runs stand in each."
            )
    corpora = sorted({(r.track, r.corpus_checksum or "") for r in records})
    for track in dict.fromkeys(track for track, _ in corpora):
        sums = [checksum[:8] for at, checksum in corpora if at == track]
        if len(sums) > 1:
            notices.append(
                f"The rows measured on {track} come from {len(sums)} different corpora "
                f"({', '.join(sums)}); compare only rows of one corpus."
            )
    return notices
