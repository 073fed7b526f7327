"""Turns records into the rows of one table a track: reported beside measured, seeds merged."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from adabench.bench.record import CONSTANT, METRIC_NAMES, Record, Reported

REPORTED, MEASURED, LOCAL = "reported", "measured", "local"


@dataclass(frozen=True)
class Entry:
    """A record and the folder it was found in, as a reader of the table should see it named."""

    record: Record
    place: str


@dataclass(frozen=True)
class Summary:
    """One metric of one row: a value, or the mean and sample deviation over several seeds."""

    value: float
    deviation: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Row:
    """One line of a table: a reported row, or the runs of one method and config over seeds."""

    kind: str
    method: str
    config: str
    origin: str
    seeds: tuple[int, ...]
    metrics: dict[str, Summary]
    flags: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """All rows of one track in the order they are shown, and the checksums of their corpora."""

    track: str
    rows: tuple[Row, ...]
    corpora: tuple[str, ...]


def build_tables(entries: Iterable[Entry], track: str | None = None) -> list[Table]:
    """One table a track, sorted by track; numbers of different tracks never share one.

    Rows stand in this order: the constant predictor, the generator's bounds, then everything else
    by RMSE. Of several runs with one seed the newest counts. Where a track's records come from
    several corpora (two generated ones, say), each measured row names its own.

    Raises:
        ValueError: if ``track`` has no record, with the tracks that have one.
    """
    by_track: dict[str, list[Entry]] = {}
    for entry in entries:
        by_track.setdefault(entry.record.track, []).append(entry)
    if track is not None and track not in by_track:
        close = get_close_matches(track, by_track, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(sorted(by_track)) or "none"
        raise ValueError(f"no record of track {track!r}; {hint}tracks with records: {known}")
    wanted = sorted(by_track) if track is None else [track]
    return [_table(name, by_track[name]) for name in wanted]


def _table(track: str, entries: list[Entry]) -> Table:
    corpora = sorted({entry.record.corpus_checksum or "" for entry in entries} - {""})
    groups: dict[Hashable, list[Entry]] = {}
    for index, entry in enumerate(entries):
        groups.setdefault(_group(entry, index), []).append(entry)
    rows = [_row(group, name_corpus=len(corpora) > 1) for group in groups.values()]
    rows = _told_apart(rows, list(groups.values()))
    rows.sort(key=lambda row: (_rank(row), row.metrics["RMSE"].value, row.method, row.config))
    return Table(track, tuple(rows), tuple(corpora))


def _rank(row: Row) -> int:
    if row.method == CONSTANT:
        return 0
    return 1 if row.kind == "bound" else 2


def _group(entry: Entry, index: int) -> Hashable:
    """What must agree before two runs count as seeds of one row; a reported row stands alone."""
    record = entry.record
    if isinstance(record.origin, Reported):
        return index
    data = (entry.place, record.corpus_checksum, record.protocol, record.fusion)
    if record.method == CONSTANT:
        # It has no seed and no parts, whichever config's run happened to write it.
        return (CONSTANT, *data)
    return (
        record.kind,
        record.method,
        record.config,
        record.config_hash,
        tuple(record.overrides),
        tuple(record.flags.model_dump().values()),
        *data,
    )


def _row(group: list[Entry], *, name_corpus: bool) -> Row:
    newest = sorted(group, key=_age)
    by_seed: dict[int | None, Record] = {}
    for entry in newest:
        seed = None if entry.record.method == CONSTANT else entry.record.seed
        by_seed.setdefault(seed, entry.record)
    records = list(by_seed.values())
    first = records[0]
    notes = list(dict.fromkeys(note for record in records for note in record.notes))
    older = len(group) - len(records)
    if older:
        notes.append(f"{older} older run{'s' if older > 1 else ''} of the same seed left out")
    return Row(
        kind=first.kind,
        method=first.method,
        config="" if first.config == first.method else first.config,
        origin=_origin(group[0]),
        seeds=tuple(sorted(record.seed for record in records if record.seed is not None)),
        metrics=_summaries(records),
        flags=tuple(_flags(first, name_corpus=name_corpus)),
        notes=tuple(notes),
    )


def _age(entry: Entry) -> float:
    created = entry.record.created
    # A reported row has no time, and stands alone in its group anyway.
    return 0.0 if created is None else -datetime.fromisoformat(created).timestamp()


def _origin(entry: Entry) -> str:
    origin = entry.record.origin
    if isinstance(origin, Reported):
        return f"reported ({origin.paper}, table {origin.table})"
    return MEASURED if entry.place == MEASURED else f"measured ({entry.place})"


def _summaries(records: list[Record]) -> dict[str, Summary]:
    summaries = {}
    intervals = {str(name): interval for name, interval in records[0].intervals.items()}
    for name in METRIC_NAMES:
        found = [getattr(record.metrics, name) for record in records]
        values = [value for value in found if value is not None]
        if len(values) < len(records):
            continue
        if len(values) == 1:
            summaries[name] = Summary(values[0], interval=intervals.get(name))
        else:
            summaries[name] = Summary(statistics.fmean(values), statistics.stdev(values))
    return summaries


def _flags(record: Record, *, name_corpus: bool) -> list[str]:
    flags: list[str] = [] if record.kind == "method" else [record.kind]
    if isinstance(record.origin, Reported):
        return flags
    if record.fusion in ("joint", "fused"):
        flags.append(record.fusion)
    if record.protocol:
        flags.append(f"protocol {record.protocol}")
    if record.flags.paper_compat:
        flags.append("paper_compat")
    if record.flags.pretrained:
        flags.append(f"pretrained {record.flags.pretrained}")
    if record.flags.semantics:
        flags.append(f"semantics {record.flags.semantics}")
    if record.overrides:
        flags.append(f"with {' '.join(record.overrides)}")
    if name_corpus and record.corpus_checksum:
        flags.append(f"corpus {record.corpus_checksum[:8]}")
    return flags


def _told_apart(rows: list[Row], groups: list[list[Entry]]) -> list[Row]:
    """Adds the hash of config and weights to rows that otherwise look alike but were not merged."""
    looks = [(row.method, row.config, row.origin, row.flags) for row in rows]
    told = []
    for row, look, group in zip(rows, looks, groups, strict=True):
        record = group[0].record
        if looks.count(look) > 1 and not isinstance(record.origin, Reported):
            hashes = {"config": record.config_hash, "weights": record.flags.pretrained_checksum}
            extra = tuple(f"{name} {value[:8]}" for name, value in hashes.items() if value)
            row = replace(row, flags=row.flags + extra)
        told.append(row)
    return told
