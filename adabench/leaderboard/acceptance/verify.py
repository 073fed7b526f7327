"""Checks every record below a leaderboard folder, and names each that does not hold."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.data.files import TEMPORARY_PREFIX
from adabench.leaderboard.checks.bounds import bound_reasons
from adabench.leaderboard.checks.claims import claim_reasons, experiment_in
from adabench.leaderboard.checks.copies import copies, copy_remark, predictions_of
from adabench.leaderboard.checks.curve import curve_reasons
from adabench.leaderboard.checks.groups import group_reasons
from adabench.leaderboard.checks.tested import (
    Tested,
    counts_of,
    data_of,
    session_reasons,
    sessions_of,
)
from adabench.leaderboard.places import LOCAL, MEASURED, REPORTED
from adabench.leaderboard.rows.measures import measure_reasons
from adabench.records.checks.beside import place_reasons, read_beside
from adabench.records.checks.content import content_reasons, run_key
from adabench.records.checks.labels import interval_reasons, label_reasons
from adabench.records.checks.licensed import neighbour_reasons, sharing_reasons, telling_reasons
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.reported import impossible, read_reported
from adabench.records.files.results import (
    Problem,
    Stored,
    load_record,
    read_each,
    read_record,
    reason_of,
    record_files,
)
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported
from adabench.records.schema.tracks import PRIVATE_FOLDER, SIDE_SUFFIX

if TYPE_CHECKING:
    from adabench.config.experiment import Experiment

# Files of a folder below which one process is done before several have started.
_ALONE = 1000
_CHUNK = 200


@dataclass(frozen=True)
class Verification:
    """What holds and what does not.

    Attributes:
        holding: files that hold: records, and tables of reported rows.
        problems: what does not hold, one a reason, so that a file may come several times.
        warnings: what a reader should know of files that hold.
        unlabelled: files that hold as far as can be told: the labels of their corpus or their private
            side file are not at hand.
        ungrouped: files that hold, whose results by group of persons were not recomputed for the same
            reason.
    """

    holding: tuple[Path, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    unlabelled: tuple[Path, ...]
    ungrouped: tuple[Path, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every file holds."""
        return not self.problems

    def lines(self) -> Iterator[str]:
        """Yield a line for each problem and warning, then the counts."""
        yield from (f"does not hold: {problem}" for problem in self.problems)
        yield from (f"warning: {warning}" for warning in self.warnings)
        damaged = len({problem.path for problem in self.problems})
        counts = _count(self.holding, "file"), _count(self.warnings, "warning")
        yield f"{counts[0]} hold, {damaged} do not, {counts[1]}"
        if self.unlabelled:
            yield (
                f"{_count(self.unlabelled, 'file')} could not be recomputed, since labels or private "
                "side files were not at hand; name the prepared corpora with --data"
            )
        if self.ungrouped:
            yield (
                f"groups of {_count(self.ungrouped, 'file')} were not recomputed, since their corpora "
                "(--data) or private side files were not at hand"
            )


@dataclass(frozen=True)
class _Look:
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


def verify(
    root: str | os.PathLike[str],
    labels_from: Mapping[str, CorpusLabels] | None = None,
    *,
    intervals: bool = False,
) -> Verification:
    """Check reported, measured and local records: each alone, and for repetitions.

    Args:
        root: the leaderboard folder; those of its three folders that exist are read.
        labels_from: corpus checksum to labels, as `read_labels` gives them.
        intervals: also recompute the bootstrap intervals, of groups too.

    Raises:
        FileNotFoundError: if ``root`` does not exist.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"leaderboard folder {root} does not exist; name it with --root")
    looks = [_look_at_table(path) for path in sorted((root / REPORTED).glob("*.csv"))]
    warnings: list[Problem] = []
    for place in (MEASURED, LOCAL):
        looks += _look_into(root / place, labels_from or {}, intervals)
        warnings += _lone_side_folders(root / place) + _leftovers(root / place)
    warnings += [Problem(look.path, remark) for look in looks for remark in look.remarks]
    repeated, doubtful = _repetitions(looks)
    doubtful += [*_disagreeing(looks), *_copied(looks)]
    problems = [Problem(look.path, reason) for look in looks for reason in look.reasons]
    problems += [*repeated, *_neighbouring(looks), *_misplaced(root / MEASURED)]
    damaged = {problem.path for problem in problems}
    holding = [look for look in looks if look.path not in damaged]
    return Verification(
        holding=tuple(look.path for look in holding),
        problems=tuple(problems),
        warnings=tuple(warnings + doubtful),
        unlabelled=tuple(look.path for look in holding if look.unlabelled),
        ungrouped=tuple(look.path for look in holding if look.ungrouped),
    )


def _look_at_table(path: Path) -> _Look:
    try:
        records = read_reported(path)
    except (OSError, ValueError) as error:
        return _Look(path, REPORTED, (str(error).removeprefix(str(path)).lstrip(":, "),))
    times = Counter(_cell(record) for record in records)
    twice = [cell for cell, count in times.items() if count > 1]
    return _Look(
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


def _look_into(folder: Path, corpora: Mapping[str, CorpusLabels], intervals: bool) -> list[_Look]:
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
) -> _Look | None:
    """Look at one file; None if it was moved away since the folder was listed."""
    try:
        stored = load_record(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return _Look(path, folder.name, (reason_of(error, path),))
    corpus = corpora.get(stored.record.corpus_checksum or "")
    groups = group_reasons(stored.record, corpus, intervals=intervals)
    reasons, remarks = _reasons(path, folder, stored, corpus, intervals)
    return _Look(
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


def _lone_side_folders(folder: Path) -> list[Problem]:
    return [
        Problem(side, "a side folder without its record; remove it, or restore the record")
        for side in sorted(folder.rglob(f"*{SIDE_SUFFIX}"))
        if side.is_dir() and not side.with_suffix(".json").exists()
    ]


def _misplaced(folder: Path) -> list[Problem]:
    return [
        Problem(
            path,
            f"private side files, where git tracks records; move it to {LOCAL}/{PRIVATE_FOLDER}",
        )
        for path in sorted(folder.rglob(PRIVATE_FOLDER))
    ]


def _leftovers(folder: Path) -> list[Problem]:
    return [
        Problem(path, "what a killed process left half written; remove it")
        for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*"))
    ]


def _repetitions(looks: Iterable[_Look]) -> tuple[list[Problem], list[Problem]]:
    """Return the files that hold another's record, and those that hold another record of a run."""
    runs: dict[Hashable, list[_Look]] = {}
    for look in looks:
        if look.run is not None:
            runs.setdefault(look.run, []).append(look)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for group in runs.values():
        if len(group) < 2:
            continue
        first_of: dict[str, _Look] = {}
        for look in group:
            try:
                checksum = read_record(look.path).checksum
            except FileNotFoundError:
                continue
            first = first_of.setdefault(checksum, look)
            if first is not look:
                reason = f"the same record as {first.path}; remove one of the two"
                problems.append(Problem(look.path, reason))
        warnings += _several(list(first_of.values()))
    return problems, warnings


def _several(looks: Iterable[_Look]) -> Iterator[Problem]:
    """Yield a warning for each further record of one run; a local run may repeat an accepted one."""
    first_in: dict[str, _Look] = {}
    for look in looks:
        first = first_in.setdefault(look.place, look)
        if first is not look:
            yield Problem(
                look.path,
                f"another record of the run in {first.path}: RMSE {look.rmse:.4f} here, "
                f"{first.rmse:.4f} there; tables show the newer one",
            )


def _neighbouring(looks: Iterable[_Look]) -> Iterator[Problem]:
    """Yield the accepted records of licensed corpora that tell labels beside one before them.

    `accept` refuses them, but two branches may each have taken one.
    """
    paths = [look.path for look in looks if look.licensed and look.place == MEASURED]
    before: list[Record] = []
    for path, record in read_each(paths):
        if isinstance(record, Record):
            yield from (Problem(path, reason) for reason in neighbour_reasons(record, before))
            before.append(record)


def _disagreeing(looks: Iterable[_Look]) -> Iterator[Problem]:
    """Yield a warning for both sides where records on the same data differ in whom they tested."""
    by_names: dict[Hashable, dict[Hashable, list[_Look]]] = {}
    by_counts: dict[Hashable, dict[Hashable, list[_Look]]] = {}
    for look in looks:
        if look.data is not None and look.tested:
            by_names.setdefault(look.data, {}).setdefault(look.tested, []).append(look)
        if look.data is not None and look.counts[0]:
            by_counts.setdefault(look.data, {}).setdefault(look.counts, []).append(look)
    # Where names tell of a difference, counts need not.
    told = {data for data, group in by_names.items() if len(group) > 1}
    rest = [group for data, group in by_counts.items() if data not in told]
    for group in (*by_names.values(), *rest):
        most, *others = sorted(group.values(), key=len, reverse=True)
        for look in (look for own in others for look in own):
            yield _odd(look, most[0])
        if others:
            yield _odd(most[0], others[0][0])


def _odd(look: _Look, other: _Look) -> Problem:
    return Problem(
        look.path,
        f"its sessions, persons or labels are not those of {other.path}, a record of the same track, "
        "corpus and protocol: one of the two is wrong",
    )


def _copied(looks: Iterable[_Look]) -> Iterator[Problem]:
    """Yield a warning for each method whose predictions are another's but for a shift and a scale.

    Configs of one method may well be alike, where an option has no effect.
    """
    groups: dict[Hashable, dict[_Look, tuple[float, ...]]] = {}
    for look in looks:
        if look.predictions:
            groups.setdefault((look.data, look.tested), {})[look] = look.predictions
    for group in groups.values():
        for one, other in copies(group):
            if one.method != other.method:
                yield Problem(other.path, copy_remark(one.path))


def _count(found: Sized, what: str) -> str:
    return f"{len(found):,} {what}{'' if len(found) == 1 else 's'}"
