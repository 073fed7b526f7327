"""A look at each file by itself: whether it holds, and what is asked of it beside the others."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.leaderboard.checks.bounds import bound_reasons
from adabench.leaderboard.checks.claims import claim_reasons, experiment_in
from adabench.leaderboard.checks.copies import predictions_of
from adabench.leaderboard.checks.curve import curve_reasons
from adabench.leaderboard.checks.groups import group_reasons
from adabench.leaderboard.checks.tested import (
    Tested,
    counts_of,
    data_of,
    session_reasons,
    sessions_of,
)
from adabench.leaderboard.places import MEASURED, REPORTED
from adabench.leaderboard.rows.measures import measure_reasons
from adabench.records.checks.beside import place_reasons, read_beside
from adabench.records.checks.content import content_reasons, run_key
from adabench.records.checks.labels import interval_reasons, label_reasons
from adabench.records.checks.licensed import sharing_reasons, telling_reasons
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.reported import impossible, read_reported
from adabench.records.files.results import (
    Stored,
    load_record,
    reason_of,
    record_files,
)
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported

if TYPE_CHECKING:
    from adabench.config.experiment import Experiment


# Files of a folder below which one process is done before several have started.
_ALONE = 1000
_CHUNK = 200


@dataclass(frozen=True)
class Look:
    """What a look at one file found; ``run`` and ``data`` are None for one that is no record.

    Attributes:
        remarks: what a reader should know of it.
        data: what records share that are tested on the same sessions.
        licensed: its corpus's labels may not be passed on.
        tested: digest of sessions, persons and labels; empty without predictions.
        counts: of sessions and persons; 0 where they are not known.
        predictions: by session, those of controls and methods.
    """

    path: Path
    place: str
    reasons: tuple[str, ...]
    run: Hashable | None = None
    rmse: float = 0.0
    unlabelled: bool = False
    ungrouped: bool = False
    remarks: tuple[str, ...] = ()
    data: Hashable | None = None
    licensed: bool = False
    tested: str = ""
    counts: tuple[int, int] = (0, 0)
    method: str = ""
    predictions: tuple[float, ...] = ()


def look_at_table(path: Path) -> Look:
    """Look at a table of reported rows."""
    try:
        records = read_reported(path)
    except (OSError, ValueError) as error:
        return Look(path, REPORTED, (str(error).removeprefix(str(path)).lstrip(":, "),))
    times = Counter(_cell(record) for record in records)
    twice = [cell for cell, count in times.items() if count > 1]
    return Look(
        path,
        REPORTED,
        tuple(
            f"paper {p}, table {t}, row {r!r} stands twice for {track}" for p, t, r, track in twice
        ),
        remarks=tuple(_impossible(records)),
    )


def _impossible(records: Iterable[Record]) -> Iterator[str]:
    for record in records:
        paper, table, row, track = _cell(record)
        if reason := impossible(record):
            yield f"paper {paper}, table {table}, row {row!r} for {track}: {reason}"


def _cell(record: Record) -> tuple[str, str, str, str]:
    origin = record.origin
    if not isinstance(origin, Reported):
        raise TypeError(f"expected a reported row, got {record.origin.type}")
    return origin.paper, origin.table, origin.row, record.track


def look_into(folder: Path, corpora: Mapping[str, CorpusLabels], intervals: bool) -> list[Look]:
    """Look at every record below a folder; arguments as of `verify`."""
    look = partial(_look_at, folder=folder, corpora=corpora, intervals=intervals)
    paths = record_files(folder)
    if len(paths) < _ALONE:
        looks = [look(path) for path in paths]
    else:
        with ProcessPoolExecutor() as pool:
            looks = list(pool.map(look, paths, chunksize=_CHUNK))
    return [found for found in looks if found is not None]


def _look_at(
    path: Path, folder: Path, corpora: Mapping[str, CorpusLabels], intervals: bool
) -> Look | None:
    """Look at one file; None if it was moved away since the folder was listed."""
    try:
        stored = load_record(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return Look(path, folder.name, (reason_of(error, path),))
    corpus = corpora.get(stored.record.corpus_checksum or "")
    groups = group_reasons(stored.record, corpus, intervals=intervals)
    reasons, remarks = _reasons(path, folder, stored, corpus, intervals)
    return Look(
        path,
        folder.name,
        (*reasons, *(groups or ())),
        remarks=tuple(remarks),
        run=run_key(stored.record),
        rmse=stored.record.metrics.RMSE,
        unlabelled=stored.record.licensed and (corpus is None or not stored.record.entries),
        ungrouped=groups is None,
        data=data_of(stored.record),
        licensed=stored.record.licensed,
        tested=_digest(sessions_of(stored.record)),
        counts=counts_of(stored.record),
        method=stored.record.method,
        predictions=predictions_of(stored.record),
    )


def _digest(tested: Tested) -> str:
    return hashlib.sha256(repr(sorted(tested.items())).encode()).hexdigest() if tested else ""


def _reasons(
    path: Path, folder: Path, stored: Stored, corpus: CorpusLabels | None, intervals: bool
) -> tuple[list[str], list[str]]:
    """Return why a record does not hold, and what a reader should know of it."""
    record = stored.record
    reasons = [*content_reasons(record), *place_reasons(path, folder, stored)]
    if folder.name == MEASURED:
        reasons += sharing_reasons(record)
    files, beside = read_beside(path, record.provenance)
    reasons += beside
    reasons += [*telling_reasons(record, files, corpus), *curve_reasons(record, files)]
    if corpus is not None:
        reasons += label_reasons(record, corpus)
    experiment = _experiment(files)
    reasons += session_reasons(record, experiment, corpus)
    if experiment is not None:
        reasons += claim_reasons(record, experiment)
        reasons += bound_reasons(record, experiment) if record.kind == "bound" else ()
    wrong, remarks = measure_reasons(record, experiment, corpus) if record.further else ([], [])
    reasons += wrong
    if intervals and not reasons:
        reasons += interval_reasons(record, None if corpus is None else corpus.scores)
    return reasons, remarks


def _experiment(files: Mapping[str, bytes]) -> Experiment | None:
    try:
        return experiment_in(files)
    except ValueError:
        # One that was accepted by an older adabench may be of a form that this one can't read.
        return None
