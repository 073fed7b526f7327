"""Turns records into the rows of one table a track: reported beside measured, seeds merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from adabench.evaluation import SessionMetric
from adabench.evaluation.controls import CONSTANT, SHUFFLED
from adabench.leaderboard.by_scale import by_scale
from adabench.leaderboard.checks.bounds import bound_reasons
from adabench.leaderboard.checks.claims import (
    experiment_beside,
    hash_without_code,
    unshuffled_hash,
)
from adabench.leaderboard.controls import ORACLE
from adabench.leaderboard.measures import metrics_of, values_of
from adabench.leaderboard.places import LOCAL as LOCAL
from adabench.leaderboard.places import MEASURED as MEASURED
from adabench.leaderboard.places import REPORTED as REPORTED
from adabench.leaderboard.standing import Standing, standings
from adabench.leaderboard.summary import Summary, summary_of
from adabench.records.labels import CorpusLabels, labels_for
from adabench.records.record import METRIC_NAMES, Record, Reported
from adabench.records.reported import impossible
from adabench.records.sections import Scale, bdi_ii

#: The protocol of the corpus's own splits, which papers use.
OFFICIAL = "official"


@dataclass(frozen=True)
class Entry:
    """A record and where it was found.

    Attributes:
        place: the folder, as a reader of the table should see it named.
        path: the file; None for a record that no file holds.
    """

    record: Record
    place: str
    path: Path | None = None


@dataclass(frozen=True)
class Row:
    """One line of a table: a reported row, or the runs of one method and config over seeds.

    Attributes:
        entries: the records that count, one a seed, by seed.
        standing: against the best row of its corpus, and against the controls.
        measures: of the metrics that any run of the table names, as `metrics`.
        older: rows of the same config with earlier code of its parts, the newest first; they are
            told under this row, and neither averaged with it nor ranked.
    """

    kind: str
    method: str
    config: str
    origin: str
    seeds: tuple[int, ...]
    metrics: dict[str, Summary]
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    standing: Standing = field(default_factory=Standing)
    measures: dict[str, Summary] = field(default_factory=dict)
    older: tuple[Row, ...] = field(default=(), repr=False)

    @property
    def public_measures(self) -> dict[str, Summary]:
        """The measures that a file or the page may show: of a licensed corpus they are private."""
        return {} if any(entry.record.licensed for entry in self.entries) else self.measures


@dataclass(frozen=True)
class Table:
    """All rows of one track and scale in the order they are shown.

    Attributes:
        corpora: checksums of the corpora.
        scale: of all their scores.
        name: the track's; with the scale's behind it where the track has rows of several.
    """

    track: str
    rows: tuple[Row, ...]
    corpora: tuple[str, ...]
    scale: Scale = field(default_factory=bdi_ii)
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.track)


def build_tables(
    entries: Iterable[Entry],
    track: str | None = None,
    corpora: Mapping[str, CorpusLabels] | None = None,
) -> list[Table]:
    """One table a track, sorted by track; numbers of different tracks, or of different scales of a
    corpus of one's own that was prepared anew, never share one.

    Rows stand in this order: the constant predictor, the generator's bounds, then everything else
    by RMSE; rows of each further protocol follow in the same order. Of several runs with one seed the
    newest counts, and of several versions of a method's code the newest. Where a track's records
    come from several corpora (two generated ones, say), each measured row names its own.

    Args:
        entries: records and where they were found.
        track: this one only.
        corpora: as `read_labels` gives them; without its labels, a licensed corpus's rows can't be
            tested against the best of them.

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
    return [table for name in wanted for table in _tables(name, by_track[name], corpora or {})]


def _tables(
    track: str, entries: list[Entry], labels: Mapping[str, CorpusLabels]
) -> Iterator[Table]:
    """Yield a table for each scale that a track's records have."""
    for name, scale, own in by_scale(track, [entry.record for entry in entries]):
        table = _table(track, [entries[number] for number in own], labels)
        yield replace(table, scale=scale, name=name)


def _table(track: str, entries: list[Entry], labels: Mapping[str, CorpusLabels]) -> Table:
    corpora = sorted({entry.record.corpus_checksum or "" for entry in entries} - {""})
    groups: dict[Hashable, list[Entry]] = {}
    for index, entry in enumerate(entries):
        groups.setdefault(_group(entry, index), []).append(entry)
    rows = [_row(group, name_corpus=len(corpora) > 1) for group in groups.values()]
    rows = _judged(_told_apart(_folded(_measured(rows, labels))), labels)
    rows.sort(
        key=lambda row: (
            *_block(row),
            _rank(row),
            row.metrics["RMSE"].value,
            row.method,
            row.config,
        )
    )
    return Table(track, tuple(rows), tuple(corpora))


def _block(row: Row) -> tuple[bool, str]:
    """Protocols stand apart: the official one and what papers print first, then the others by name."""
    protocol = row.entries[0].record.protocol
    return (False, "") if protocol in (None, OFFICIAL) else (True, protocol)


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
    by_seed: dict[int | None, Entry] = {}
    for entry in sorted(group, key=_age):
        seed = None if entry.record.method == CONSTANT else entry.record.seed
        by_seed.setdefault(seed, entry)
    first = next(iter(by_seed.values())).record
    counted = sorted(by_seed.values(), key=_seed)
    records = [entry.record for entry in counted]
    notes = list(dict.fromkeys(note for record in records for note in record.notes))
    older = len(group) - len(records)
    if older:
        notes.append(f"{older} older run{'s' if older > 1 else ''} of the same seed left out")
    if isinstance(first.origin, Reported) and (reason := impossible(first)):
        notes.append(reason)
    return Row(
        kind=first.kind,
        method=first.method,
        config="" if first.config == first.method else first.config,
        origin=_origin(group[0]),
        seeds=tuple(record.seed for record in records if record.seed is not None),
        metrics=_summaries(records),
        flags=tuple(_flags(first, name_corpus=name_corpus)),
        notes=tuple(notes),
        entries=tuple(counted),
    )


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
    yield replace(newest, older=tuple(older))
    # The same code on weights that were trained twice: no version of it.
    yield from (row for row in others if row.entries[0].record.config_hash == own)


def _but_for_hash(row: Row) -> Hashable:
    """What two versions of one row agree in; a trunk that other code trained has other weights."""
    record, place = row.entries[0].record, row.entries[0].place
    flags = record.flags.model_dump(exclude={"pretrained_checksum"})
    data = (place, record.corpus_checksum, record.protocol, record.fusion)
    return (row.kind, row.method, row.config, *record.overrides, *flags.values(), *data)


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
    return -min(_age(entry) for entry in row.entries)


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
    return {
        name: summary_of([own[name] for own in values])
        for name in values[0]
        if all(name in own for own in values)
    }


def _seed(entry: Entry) -> int:
    return -1 if entry.record.seed is None else entry.record.seed


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
        summaries[name] = summary_of(values, intervals.get(name))
    return summaries


def _flags(record: Record, *, name_corpus: bool) -> list[str]:
    flags: list[str] = [] if record.kind == "method" else [record.kind]
    if isinstance(record.origin, Reported):
        return flags
    if record.fusion in ("joint", "fused"):
        flags.append(record.fusion)
    if record.protocol:
        flags.append(f"protocol {record.protocol}")
    if record.contract is not None and record.contract.outcome == "broken":
        flags.append("contract broken")
    if record.decoy is not None and record.decoy.outcome == "sees labels":
        flags.append("sees labels")
    if record.flags.paper_compat:
        flags.append("paper_compat")
    if record.flags.starts_from:
        flags.append(f"starts from {record.flags.starts_from}")
    if record.flags.pretrained:
        flags.append(f"pretrained {record.flags.pretrained}")
    if record.flags.semantics:
        flags.append(f"semantics {record.flags.semantics}")
    if record.overrides:
        flags.append(f"with {' '.join(record.overrides)}")
    if name_corpus and record.corpus_checksum:
        flags.append(f"corpus {record.corpus_checksum[:8]}")
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


def _judged(rows: list[Row], labels: Mapping[str, CorpusLabels]) -> list[Row]:
    """Says of each measured row where it stands; rows of different corpora are not compared."""
    by_corpus: dict[str | None, dict[int, list[Record]]] = {}
    for index, row in enumerate(rows):
        records = [entry.record for entry in row.entries]
        if not isinstance(records[0].origin, Reported):
            by_corpus.setdefault(records[0].corpus_checksum, {})[index] = records
    judged = {index: config for index, row in enumerate(rows) if (config := _shuffles(row))}
    doubted = [index for index, row in enumerate(rows) if _is_doubted(row)]
    found: dict[int, Standing] = {}
    for group in by_corpus.values():
        records = [record for members in group.values() for record in members]
        own = labels_for(records, labels)
        found |= standings(group, own, judged=judged, doubted=doubted)
    return [replace(row, standing=found.get(index, row.standing)) for index, row in enumerate(rows)]


def _shuffles(row: Row) -> str | None:
    """The hash of the config whose labels a control shuffles, where its own config can be read."""
    first = row.entries[0]
    if first.record.method != SHUFFLED or first.record.kind != "control":
        return None
    experiment = experiment_beside(first.path, first.record)
    return None if experiment is None else unshuffled_hash(experiment)


def _is_doubted(row: Row) -> bool:
    """Whether a bound may be forged: it was not accepted, and the generator does not give it."""
    first = row.entries[0]
    if row.kind != "bound" or row.method != ORACLE or first.place == MEASURED:
        return False
    return any(
        reason
        for entry in row.entries
        for reason in bound_reasons(entry.record, experiment_beside(entry.path, entry.record))
    )


def shared_flags(rows: Sequence[Row]) -> tuple[str, ...]:
    """The flags that every measured row has, which a table says once; none for a single row."""
    flags = [row.flags for row in rows if not isinstance(row.entries[0].record.origin, Reported)]
    if len(flags) < 2:
        return ()
    return tuple(flag for flag in flags[0] if all(flag in others for others in flags[1:]))
