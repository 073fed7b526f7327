"""A paper's table with what was measured beside what it prints."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adabench.bench.suites import Suite, SuiteRow
from adabench.bench.tasks import Cell, Key
from adabench.evaluation.ranking import FEWEST_ROWS, RankAgreement, rank_agreement
from adabench.leaderboard.errors import Constants, constants_in, shares_by_draw
from adabench.leaderboard.peers import Peers
from adabench.leaderboard.standing import Standing
from adabench.leaderboard.statistics import Reach, told_from_peers
from adabench.leaderboard.summary import Summary, summary_of
from adabench.records.drawn import DEVELOPMENT, drawn_notice, drawn_words, is_development, worlds_of
from adabench.records.record import METRIC_NAMES, Metrics, Record, Reported, is_demo_track

#: The metric whose order is compared with the paper's.
RANKED_BY = "RMSE"

#: On drawn faces, the error as a share of the constant's on the same draw.
SHARE = "Of constant"


@dataclass(frozen=True)
class Measurement:
    """What the runs of one row on one track found.

    Attributes:
        seeds: of the runs that are there.
        planned: how many there should be.
        metrics: mean and sample deviation, over draws or, on one corpus, over seeds; on draws `SHARE` too.
        draws: of a family, that the runs were on; none of other corpora.
        wall_seconds: mean of what a run took.
        alone_seconds: mean of what it would have taken without shared stages and caches.
    """

    seeds: tuple[int, ...]
    planned: int
    metrics: dict[str, Summary]
    wall_seconds: float | None
    alone_seconds: float | None
    draws: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pair:
    """One row on one track: what the paper prints, and what was measured.

    Attributes:
        runs: the suite runs the row on this track, so that without a measurement one is missing.
        standing: of the measured row beside the others of the table.
    """

    reported: Metrics | None = None
    measured: Measurement | None = None
    runs: bool = False
    config_hash: str = ""
    note: str = ""
    standing: Standing = field(default_factory=Standing)


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
        worlds: of drawn faces; None of other corpora.
        family: of the draws, where a suite's rows are of several, each with a table.
        reach: track → of each group of peers, what its measured rows can tell apart.
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
    worlds: tuple[str | None, ...] | None = None
    family: str | None = None
    reach: Mapping[str, Mapping[Peers, Reach]] = field(default_factory=dict)

    @property
    def drawn(self) -> str:
        """What is said of drawn faces; empty of others."""
        return "" if self.worlds is None else drawn_words(self.worlds)


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
    tracks = list(dict.fromkeys(t for row in suite.rows for t in suite.tracks_of(row)))
    tracks.sort(key=lambda t: suite.tracks.index(t) if t in suite.tracks else len(suite.tracks))
    scored = {t: next((c.scored for c in own.values() if c.track == t), None) for t in tracks}
    rows = _by_start(
        _compared(suite, row, name, tracks, own, records, printed)
        for row, name in _in_order(suite, list(printed))
    )
    found = {key: records[key] for c in own.values() for key in c.keys if key in records}
    standings, reach = _standings(tracks, own, records)
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
        orders=tuple(
            replace(_order(track, alike, own, records), start=start)
            for track in tracks
            if printed and not _is_drawn(track, own)
            for start, alike in _apart(rows).items()
        ),
        spent=_spent(list(found.values())),
        notices=tuple(_notices(scored, list(found.values()), rows)),
        worlds=_worlds(scored, list(found.values())),
        reach=reach,
    )


def _worlds(
    scored: Mapping[str, str | None], records: Sequence[Record]
) -> tuple[str | None, ...] | None:
    """The worlds of drawn faces; without a run yet, that they are drawn."""
    is_drawn = any(name is not None and is_demo_track(name) for name in scored.values())
    return worlds_of(records) or ((None,) if is_drawn else None)


def _standings(
    tracks: Sequence[str], own: Mapping[tuple[str, str], Cell], records: Mapping[Key, Record]
) -> tuple[dict[tuple[str, str], Standing], dict[str, Mapping[Peers, Reach]]]:
    """Return (row, track) → its standing among its peers, and track → what each group tells apart."""
    standings: dict[tuple[str, str], Standing] = {}
    reach: dict[str, Mapping[Peers, Reach]] = {}
    constants = constants_in([[*records.values()]])
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
) -> ComparedRow:
    pairs = {}
    constants = constants_in([[*records.values()]])
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
    shares = shares_by_draw(found, constants)
    if draws and shares.keys() == set(draws):
        metrics[SHARE] = summary_of([*shares.values()])
    for name in METRIC_NAMES:
        values = [(r, v) for r in found if (v := getattr(r.metrics, name)) is not None]
        if len(values) == len(found):
            metrics[name] = summary_of(_by_draw(values) if draws else [v for _, v in values])
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


def _by_draw(values: Sequence[tuple[Record, float]]) -> list[float]:
    """One value a draw, the mean of its runs; of a single draw those of the runs."""
    draws: dict[int | None, list[float]] = {}
    for record, value in values:
        draws.setdefault(record.draw, []).append(value)
    if len(draws) == 1:
        return [value for _, value in values]
    return [statistics.fmean(own) for own in draws.values()]


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
    worlds = _worlds(scored, records)
    if worlds is not None:
        notices.append(drawn_notice(drawn_words(worlds)))
    if any(is_development(record) for record in records):
        notices.append(f"{DEVELOPMENT.capitalize()} draws: looked at as often as one liked.")
    for name in dict.fromkeys(scored.values()):
        same = [track for track, at in scored.items() if at == name]
        if name is not None and len(same) > 1:
            notices.append(
                f"{' and '.join(same)} are measured on one track, {name}: the same runs stand in each."
            )
    corpora = sorted({(r.track, r.corpus_checksum or "") for r in records if not r.family})
    for track in dict.fromkeys(track for track, _ in corpora):
        sums = [checksum[:8] for at, checksum in corpora if at == track]
        if len(sums) > 1:
            notices.append(
                f"The rows measured on {track} come from {len(sums)} different corpora "
                f"({', '.join(sums)}); compare only rows of one corpus."
            )
    return notices
