"""Takes a record into the accepted ones: one's own from the local folder, or one that was sent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from adabench.data.files import TEMPORARY_PREFIX, write_bytes
from adabench.data.locks import alone_in
from adabench.data.plain import printable
from adabench.leaderboard.checks.bounds import bound_reasons
from adabench.leaderboard.checks.claims import claim_reasons, experiment_in
from adabench.leaderboard.checks.copies import copies, copy_remark, predictions_of
from adabench.leaderboard.checks.curve import curve_reasons
from adabench.leaderboard.checks.groups import group_reasons
from adabench.leaderboard.checks.kept import key_reasons, patch_remarks, path_reasons
from adabench.leaderboard.checks.names import name_reasons
from adabench.leaderboard.checks.tested import agreement_reasons, session_reasons, sessions_of
from adabench.leaderboard.places import LOCAL, MEASURED, REPORTED
from adabench.leaderboard.rows.collect import collect_reported
from adabench.records.checks.beside import read_beside
from adabench.records.checks.content import content_reasons, run_key
from adabench.records.checks.labels import interval_reasons, label_reasons
from adabench.records.checks.licensed import neighbour_reasons, sharing_reasons, telling_reasons
from adabench.records.files.labels import CorpusLabels
from adabench.records.files.private import private_folder, write_private
from adabench.records.files.reading import present_in, what_is
from adabench.records.files.results import (
    Stored,
    as_stored,
    free_path,
    read_each,
    read_record,
    reason_of,
    record_files,
    sealed,
)
from adabench.records.files.side_files import CONFIG, side_folder
from adabench.records.provenance import unknown_commit
from adabench.records.schema.migration import STRIPPED
from adabench.records.schema.record import Record
from adabench.records.schema.values import METRIC_NAMES

# Two runs whose metrics differ by less have found the same.
_SAME = 1e-6


class RefusedError(ValueError):
    """A record is not taken in.

    Attributes:
        path: its file, which stays where it is.
        reasons: all that were found.
    """

    def __init__(self, path: Path, reasons: Sequence[str]) -> None:
        super().__init__(printable(f"{path}: refused: {'; '.join(reasons)}"))
        self.path = path
        self.reasons = tuple(reasons)


def accept(
    file: str | os.PathLike[str],
    root: str | os.PathLike[str],
    labels_from: Mapping[str, CorpusLabels] | None = None,
    *,
    allow_dirty: bool = False,
) -> Path:
    """Check a record and move it with its side folder to ``root/measured/<track>/``.

    Of a licensed corpus's record no prediction is moved: its private side file stays where it is, and
    a record of an older schema version is stripped, its predictions put into ``root/local/private``.

    The move copies, flushes to the disk and then removes, so that a process killed between leaves
    the record at both places at worst. Several processes may accept at once.

    Args:
        file: the record; it may have any name and gets the one that follows from its content.
        root: the leaderboard folder.
        labels_from: corpus checksum to labels, as `read_labels` gives them; without those of its
            corpus, a licensed record's metrics can't be recomputed.
        allow_dirty: take also a record whose code can't be found again, as `untraceable` tells.

    Returns:
        The accepted record's file.

    Raises:
        FileNotFoundError: if ``root`` does not exist.
        RefusedError: (a ValueError) with all reasons; nothing was changed.
        OSError: if the record can't be copied or removed; it stays where it is.
    """
    file, root = Path(file), Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"leaderboard folder {root} does not exist; name it with --root")
    # Several processes may be given one file: the second one finds it moved, not half moved.
    with alone_in(root / LOCAL):
        loaded = _load(file)
        record = _for_others(loaded)
        beside, reasons = read_beside(file, record.provenance)
        reasons += _content_reasons(record, beside, labels_from or {})
        if not allow_dirty:
            doubts = [*untraceable(record), *path_reasons(record, beside)]
            reasons += [f"{reason} (--allow-dirty takes it)" for reason in doubts]
        reasons = reasons or _reasons_beside_others(record, root, labels_from or {})
        # The record as adabench writes it: what else the file held, between fields say, stays behind.
        stored = as_stored(record)
        accepted, _ = free_path(stored, root / MEASURED)
        reasons = reasons or list(_target_reasons(accepted))
        if reasons:
            raise RefusedError(file, reasons)
        if record.kept is not None and record is not loaded:
            write_private(private_folder(root / MEASURED), record.kept)
        _copy(stored, beside, accepted)
        _remove(file, beside)
    return accepted


def untraceable(record: Record) -> Iterator[str]:
    """Yield why what a record was run with can't be found again, if it can't."""
    if CONFIG not in record.provenance:
        yield f"no {CONFIG} lies beside it, so that nothing that it says of its run can be checked"
    if record.commit is None:
        yield "the commit that it was run at is not known"
    else:
        yield from unknown_commit(record.commit)
    if record.clean_tree is None:
        yield "whether its working tree was clean is not known"
    elif not record.clean_tree:
        yield "its working tree was not clean"


def remarks_on(
    accepted: Path, root: str | os.PathLike[str], labels_from: Mapping[str, CorpusLabels]
) -> Iterator[str]:
    """Yield what whoever adds a record should know of it: what was not checked, whose copy it may be.

    Args:
        accepted: its file, as `accept` returns it.
        root: the leaderboard folder.
        labels_from: as it was given to `accept`.
    """
    record = read_record(accepted)
    yield from untraceable(record)
    beside, _ = read_beside(accepted, record.provenance)
    yield from (*path_reasons(record, beside), *patch_remarks(beside))
    if record.private is not None:
        yield "no prediction was moved, as its corpus is licensed"
    yield from (note for note in record.notes if note == STRIPPED)
    if group_reasons(record, labels_from.get(record.corpus_checksum or "")) is None:
        yield "groups not recomputed: name its prepared corpus with --data"
    if record.licensed and record.corpus_checksum not in labels_from:
        yield "metrics not recomputed: name its prepared corpus with --data, or run `verify --data`"
    rows = {
        path: predictions_of(other)
        for path, other in read_each(record_files(Path(root) / MEASURED / record.track))
        if isinstance(other, Record)
        and sessions_of(other).keys() == sessions_of(record).keys()
        and (path == accepted or other.config_hash != record.config_hash)
    }
    for pair in copies(rows):
        if accepted in pair:
            yield copy_remark(next(path for path in pair if path != accepted))


def _load(file: Path) -> Record:
    try:
        return read_record(file)
    except FileNotFoundError:
        raise RefusedError(file, ["there is no such file; name a record's JSON file"]) from None
    except (OSError, ValueError) as error:
        raise RefusedError(file, [reason_of(error, file)]) from error


def _for_others(record: Record) -> Record:
    """Return what may be passed on: an older licensed record names the private file of its predictions."""
    if record.kept is None or record.private is not None:
        return record
    return sealed(record).with_private(record.kept)


def _content_reasons(
    record: Record, beside: Mapping[str, bytes], corpora: Mapping[str, CorpusLabels]
) -> Iterator[str]:
    corpus = corpora.get(record.corpus_checksum or "")
    reasons = [*content_reasons(record), *sharing_reasons(record), *_distrust(record)]
    reasons += key_reasons({"it": record.model_dump_json().encode(), **beside})
    reasons += [*telling_reasons(record, beside, corpus), *curve_reasons(record, beside)]
    if corpus is not None:
        reasons += [*label_reasons(record, corpus), *(group_reasons(record, corpus) or ())]
    try:
        experiment = experiment_in(beside)
    except ValueError as error:
        reasons.append(str(error))
    else:
        if experiment is not None:
            reasons += claim_reasons(record, experiment)
        if record.kind == "bound":
            reasons += bound_reasons(record, experiment)
        reasons += session_reasons(record, experiment, corpus)
    yield from reasons
    if not reasons:
        yield from interval_reasons(record, None if corpus is None else corpus.scores)


def _distrust(record: Record) -> Iterator[str]:
    """Yield what was found of the method in its run that nobody's table can stand."""
    if record.contract is not None and record.contract.outcome == "broken":
        yield f"its method breaks the contract: {'; '.join(record.contract.reasons)}"
    if record.decoy is not None and record.decoy.outcome == "sees labels":
        yield "its predictions follow the names of the test clips, whose labels lie on disk"


def _reasons_beside_others(
    record: Record, root: Path, corpora: Mapping[str, CorpusLabels]
) -> list[str]:
    """Return why a record can't stand beside those that are accepted, of its own track above all."""
    # `verify` names a damaged record; it is no reason against another one.
    accepted = [
        (path, found)
        for path, found in read_each(record_files(root / MEASURED))
        if isinstance(found, Record)
    ]
    beside = [(path, other) for path, other in accepted if other.track == record.track]
    others = [other for _, other in accepted]
    printed = [entry.record for entry in collect_reported(root / REPORTED)[0]]
    reasons = list(_accepted_already(record, beside))
    # The page shows all tracks, and rankings over them go by name.
    reasons += name_reasons(record, [*printed, *others])
    if record.corpus_checksum not in corpora:
        reasons += agreement_reasons(record, beside)
    if record.licensed:
        reasons += neighbour_reasons(record, others)
    return reasons


def _accepted_already(record: Record, accepted: Iterable[tuple[Path, Record]]) -> Iterator[str]:
    for path, other in accepted:
        if other.checksum == record.checksum:
            yield f"this very record is accepted already, as {path}"
        elif run_key(other) == run_key(record):
            yield _of_one_run(record, other, path)


def _of_one_run(record: Record, other: Record, path: Path) -> str:
    pairs = [
        (name, getattr(other.metrics, name), getattr(record.metrics, name)) for name in METRIC_NAMES
    ]
    if all(_is_same(there, here) for _, there, here in pairs):
        return f"its run is accepted already with the same numbers, as {path}"
    differing = ", ".join(
        f"{name} {_shown(there)} there, {_shown(here)} here"
        for name, there, here in pairs
        if not _is_same(there, here)
    )
    return (
        f"the same run (config {record.config_hash}, seed {record.seed}) stands with other numbers "
        f"in {path}: {differing}; remove that one first if this one is to stand"
    )


def _is_same(there: float | None, here: float | None) -> bool:
    if there is None or here is None:
        return there is here
    return abs(there - here) <= _SAME


def _shown(value: float | None) -> str:
    return "missing" if value is None else f"{value:.6g}"


def _target_reasons(path: Path) -> Iterator[str]:
    """Yield why nothing can be written to a record's place: behind a link lies what is another's."""
    for folder in (path.parent, side_folder(path)):
        try:
            list(present_in(folder))
        except ValueError as error:
            yield str(error)


def _copy(stored: Stored, beside: Mapping[str, bytes], path: Path) -> None:
    # The record comes last: whoever reads the folder meets it whole, side folder and all.
    for name, side in beside.items():
        write_bytes(side_folder(path) / name, side)
    write_bytes(path, stored.content)


def _remove(file: Path, beside: Mapping[str, bytes]) -> None:
    """Remove what was copied, what a killed process left between it, and the folder if it is empty."""
    file.unlink()
    side = side_folder(file)
    try:
        present = list(present_in(side))
    except ValueError:
        # It became something else since it was read, and that is not ours.
        return
    for name in present:
        is_left = name.startswith(TEMPORARY_PREFIX) and what_is(side / name) == "a file"
        if name in beside or is_left:
            (side / name).unlink()
    if side.is_dir() and not any(side.iterdir()):
        side.rmdir()
