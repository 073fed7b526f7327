"""Merges the records of a table into rows: runs of one method and config over draws and seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adabench.evaluation import SessionMetric
from adabench.evaluation.controls import CONSTANT
from adabench.leaderboard.checks.claims import experiment_beside, hash_without_code
from adabench.leaderboard.places import MEASURED
from adabench.leaderboard.rows.corpora import age, one_corpus_a_draw, told_by_corpus
from adabench.leaderboard.rows.measures import metrics_of, values_of
from adabench.leaderboard.rows.row import Entry, Row
from adabench.leaderboard.rows.summary import Summary, summary_of
from adabench.leaderboard.statistics.errors import (
    Constants,
    constants_in,
    draw_of,
    over_draws,
    shares_of,
)
from adabench.leaderboard.statistics.peers import start_of
from adabench.records.drawn import DEVELOPMENT, is_development
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.reported import impossible
from adabench.records.protocols import shared_protocol
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported
from adabench.records.schema.values import METRIC_NAMES

ONE_DRAW = "one draw"


def merged(entries: Sequence[Entry], labels: Mapping[str, CorpusLabels]) -> list[Row]:
    """Return the rows of some entries, in no order.

    Of several runs with one corpus and seed the newest counts, and of several versions of a method's code
    the newest. Runs on several corpora of one draw, of another base or prepared anew, are several rows.
    """
    named = told_by_corpus(entries)
    constants = constants_in([[entry.record for entry in entries]])
    groups: dict[Hashable, list[Entry]] = {}
    for index, entry in enumerate(entries):
        groups.setdefault(_group(entry, index), []).append(entry)
    rows = [_row(group, constants, named) for group in one_corpus_a_draw([*groups.values()])]
    return _told_apart(_folded(_measured(rows, labels)))


def _group(entry: Entry, index: int) -> Hashable:
    """What must agree before two runs count as of one row; a reported row stands alone."""
    record = entry.record
    if isinstance(record.origin, Reported):
        return index
    data = _data(entry)
    if record.method == CONSTANT:
        # It has no seed and no parts, whichever config's run happened to write it.
        return (CONSTANT, data)
    return (
        record.kind,
        record.method,
        record.config,
        record.config_hash,
        tuple(record.overrides),
        tuple(_alike(record).values()),
        data,
    )


def _alike(record: Record) -> dict[str, Any]:
    """The flags that runs of one row share: a stage may be trained anew for each seed or draw."""
    trained = (record.flags.pretrained or "").startswith("stage:")
    return record.flags.model_dump(exclude={"pretrained_checksum"} if trained else None)


def _data(entry: Entry) -> Hashable:
    """What rows were run on: a family of draws, those of development apart, or one corpus."""
    record = entry.record
    corpus = (record.family or record.corpus_checksum, record.world, is_development(record))
    return (entry.place, corpus, _protocol(record), record.fusion)


def _protocol(record: Record) -> str | None:
    """The protocol that a row shares: the folds of a corpus stand in one row, if they are no draws."""
    return record.protocol if record.family is not None else shared_protocol(record.protocol)


def _row(group: list[Entry], constants: Constants, named: Collection[str]) -> Row:
    by_run: dict[Hashable, Entry] = {}
    for entry in sorted(group, key=age):
        by_run.setdefault(_run(entry.record), entry)
    first = next(iter(by_run.values())).record
    counted = sorted(by_run.values(), key=_order)
    records = [entry.record for entry in counted]
    shares = shares_of(records, constants) if first.family else []
    draws = _draws(records)
    corpora = dict.fromkeys(r.corpus_checksum for r in records if r.corpus_checksum in named)
    own = tuple(corpus for corpus in corpora if corpus)
    notes = list(dict.fromkeys(note for record in records for note in record.notes))
    older = len(group) - len(records)
    if older:
        notes.append(
            f"{older} older run{'s' if older > 1 else ''} of the same seed or draw left out"
        )
    if isinstance(first.origin, Reported) and (reason := impossible(first)):
        notes.append(reason)
    return Row(
        kind=first.kind,
        method=first.method,
        config="" if first.config == first.method else first.config,
        origin=_origin(group[0]),
        seeds=tuple(record.seed for record in records if record.seed is not None),
        metrics=_summaries(records),
        flags=tuple(_flags(first, draws, own)),
        notes=tuple(notes),
        entries=tuple(counted),
        draws=draws,
        named=own,
        share=summary_of(shares) if shares else None,
    )


def _run(record: Record) -> Hashable:
    """What tells two runs of one row apart."""
    seed = None if record.method == CONSTANT else record.seed
    return draw_of(record), record.corpus_checksum, record.protocol, seed


def _draws(records: Sequence[Record]) -> tuple[int, ...]:
    return tuple(sorted({r.draw for r in records if r.family and r.draw is not None}))


def _folded(rows: Iterable[Row]) -> list[Row]:
    """Put rows that differ in the code of their parts alone under the newest of them."""
    alike: dict[Hashable, list[Row]] = {}
    for row in rows:
        alike.setdefault(_but_for_hash(row), []).append(row)
    folded: list[Row] = []
    for group in alike.values():
        versions: dict[str, list[Row]] = {}
        for index, row in enumerate(group):
            # Reading the configs beside records takes time, and most rows have no likeness.
            known = _codeless_hash(row) if len(group) > 1 else None
            versions.setdefault(known or f"row {index}", []).append(row)
        for version in versions.values():
            folded += _under_newest(version)
    return folded


def _under_newest(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the newest of some rows with those of other code under it, and those of its own hash."""
    newest, *others = sorted(rows, key=_newest, reverse=True)
    own = newest.entries[0].record.config_hash
    older = [row for row in others if row.entries[0].record.config_hash != own]
    elsewhere = [row for row in older if row.is_elsewhere(newest)]
    yield replace(newest, older=tuple(row for row in older if not row.is_elsewhere(newest)))
    # The same code on weights that were trained twice: no version of it.
    yield from (row for row in others if row.entries[0].record.config_hash == own)
    if elsewhere:
        yield from _under_newest(elsewhere)


def _but_for_hash(row: Row) -> Hashable:
    """What two versions of one row agree in; a trunk that other code trained has other weights."""
    record = row.entries[0].record
    flags = record.flags.model_dump(exclude={"pretrained_checksum"})
    return (
        row.kind,
        row.method,
        row.config,
        *record.overrides,
        *flags.values(),
        _data(row.entries[0]),
    )


def _codeless_hash(row: Row) -> str | None:
    """The hash of a row's config without its code; None where that can't be told."""
    entry = row.entries[0]
    if isinstance(entry.record.origin, Reported):
        return None
    experiment = experiment_beside(entry.path, entry.record)
    if experiment is not None:
        return hash_without_code(experiment)
    return None if entry.record.code else entry.record.config_hash


def _newest(row: Row) -> float:
    return -min(age(entry) for entry in row.entries)


def _measured(rows: list[Row], corpora: Mapping[str, CorpusLabels]) -> list[Row]:
    """Add what each row gives by the metrics that any of them names."""
    runs = [(e.record, e.path) for row in rows for e in row.entries if e.record.further]
    if not runs:
        return rows
    metrics = metrics_of(runs)
    return [replace(row, measures=_measures_of(row, metrics, corpora)) for row in rows]


def _measures_of(
    row: Row, metrics: Mapping[str, SessionMetric], corpora: Mapping[str, CorpusLabels]
) -> dict[str, Summary]:
    values = [values_of(entry.record, metrics, corpora) for entry in row.entries]
    records = [entry.record for entry in row.entries]
    return {
        name: summary_of(over_draws(records, [own[name] for own in values]))
        for name in values[0]
        if all(name in own for own in values)
    }


def _order(entry: Entry) -> tuple[int, int, str]:
    record = entry.record
    seed = -1 if record.seed is None else record.seed
    return -1 if record.draw is None else record.draw, seed, record.protocol or ""


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
        summaries[name] = summary_of(
            over_draws(records, values), _of_single(records, intervals, name)
        )
    return summaries


def _of_single(
    records: Sequence[Record], intervals: Mapping[str, tuple[float, float]], name: str
) -> tuple[float, float] | None:
    """The interval of a lone run: that of several is of none of them."""
    return intervals.get(name) if len(records) == 1 else None


def _flags(record: Record, draws: Sequence[int], named: Sequence[str]) -> list[str]:
    flags: list[str] = [] if record.kind == "method" else [record.kind]
    if isinstance(record.origin, Reported):
        return flags
    if record.fusion in ("joint", "fused"):
        flags.append(record.fusion)
    if is_development(record):
        flags.append(DEVELOPMENT)
    if len(draws) == 1:
        flags.append(ONE_DRAW)
    if record.protocol:
        flags.append(f"protocol {_protocol(record)}")
    if record.contract is not None and record.contract.outcome == "broken":
        flags.append("contract broken")
    if record.decoy is not None and record.decoy.outcome == "sees labels":
        flags.append("sees labels")
    if record.flags.paper_compat:
        flags.append("paper_compat")
    if record.flags.starts_from and start_of(record) is not None:
        flags.append(f"starts from {record.flags.starts_from}")
    if record.flags.pretrained:
        flags.append(f"pretrained {record.flags.pretrained}")
    if record.flags.semantics:
        flags.append(f"semantics {record.flags.semantics}")
    if record.overrides:
        flags.append(f"with {' '.join(record.overrides)}")
    if named:
        corpora = " ".join(corpus[:8] for corpus in named)
        flags.append(f"{'corpus' if len(named) == 1 else 'corpora'} {corpora}")
    return flags


def _told_apart(rows: Sequence[Row]) -> list[Row]:
    """Adds the hash of config and weights to rows that otherwise look alike but were not merged."""
    looks = [(row.method, row.config, row.origin, row.flags) for row in rows]
    times = Counter(looks)
    told = []
    for row, look in zip(rows, looks, strict=True):
        record = row.entries[0].record
        if times[look] > 1 and not isinstance(record.origin, Reported):
            hashes = {"config": record.config_hash, "weights": record.flags.pretrained_checksum}
            extra = tuple(f"{name} {value[:8]}" for name, value in hashes.items() if value)
            row = replace(row, flags=row.flags + extra)
        told.append(row)
    return told
