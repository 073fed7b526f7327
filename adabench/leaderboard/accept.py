"""Takes a record into the accepted ones: one's own from the local folder, or one that was sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from adabench.data.files import remove_leftovers, write_bytes
from adabench.data.locks import alone_in
from adabench.leaderboard.rows import LOCAL, MEASURED
from adabench.records.checks import (
    content_reasons,
    interval_reasons,
    label_reasons,
    neighbour_reasons,
    read_beside,
    run_key,
    sharing_reasons,
)
from adabench.records.labels import CorpusLabels
from adabench.records.migration import STRIPPED
from adabench.records.private import private_folder, write_private
from adabench.records.record import METRIC_NAMES, Record
from adabench.records.results import (
    Stored,
    as_stored,
    files_of_seed,
    free_path,
    load_record,
    read_each,
    read_record,
    reason_of,
    record_files,
    sealed,
)
from adabench.records.side_files import side_folder

# Two runs whose metrics differ by less have found the same.
_SAME = 1e-6


class RefusedError(ValueError):
    """A record is not taken in.

    Attributes:
        path: its file, which stays where it is.
        reasons: all that were found.
    """

    def __init__(self, path: Path, reasons: Sequence[str]) -> None:
        super().__init__(f"{path}: refused: {'; '.join(reasons)}")
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
        OSError: if the record can't be copied; it stays where it is.
    """
    file, root = Path(file), Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"leaderboard folder {root} does not exist; name it with --root")
    loaded = _load(file)
    stored = _for_others(loaded)
    beside, reasons = read_beside(file, stored.record.provenance)
    reasons += _content_reasons(stored.record, labels_from or {})
    if not allow_dirty:
        reasons += [f"{reason} (--allow-dirty takes it)" for reason in untraceable(stored.record)]
    if reasons:
        raise RefusedError(file, reasons)
    with alone_in(root / LOCAL):
        reasons = list(_accepted_already(stored.record, root / MEASURED))
        if stored.record.licensed:
            reasons += neighbour_reasons(stored.record, _accepted(root / MEASURED))
        if reasons:
            raise RefusedError(file, reasons)
        if stored.record.kept is not None and stored is not loaded:
            write_private(private_folder(root / MEASURED), stored.record.kept)
        accepted = _copy(stored, beside, root / MEASURED)
        _remove(file, beside)
    return accepted


def untraceable(record: Record) -> Iterator[str]:
    """Yield why a record's code can't be found again, if it can't."""
    if record.commit is None:
        yield "the commit that it was run at is not known"
    if record.clean_tree is None:
        yield "whether its working tree was clean is not known"
    elif not record.clean_tree:
        yield "its working tree was not clean"


def left_private(record: Record) -> Iterator[str]:
    """Yield what an accepted record left behind, of a licensed corpus."""
    if record.private is not None:
        yield "no prediction was moved, as its corpus is licensed"
    yield from (note for note in record.notes if note == STRIPPED)


def _load(file: Path) -> Stored:
    try:
        return load_record(file)
    except FileNotFoundError:
        raise RefusedError(file, ["there is no such file; name a record's JSON file"]) from None
    except IsADirectoryError:
        raise RefusedError(file, ["it is a folder; name the records in it"]) from None
    except ValueError as error:
        raise RefusedError(file, [reason_of(error, file)]) from error


def _for_others(stored: Stored) -> Stored:
    """Return what may be passed on: of an older licensed record not its bytes, which hold predictions."""
    record = stored.record
    if record.kept is None or record.private is not None:
        return stored
    public = as_stored(sealed(record))
    return replace(public, record=public.record.with_private(record.kept))


def _content_reasons(record: Record, corpora: Mapping[str, CorpusLabels]) -> Iterator[str]:
    corpus = corpora.get(record.corpus_checksum or "")
    reasons = [*content_reasons(record), *sharing_reasons(record)]
    if corpus is not None:
        reasons += label_reasons(record, corpus)
    yield from reasons
    if not reasons:
        yield from interval_reasons(record, None if corpus is None else corpus.scores)


def _accepted_already(record: Record, folder: Path) -> Iterator[str]:
    for path in files_of_seed(folder / record.track, record.seed):
        try:
            other = read_record(path)
        except (OSError, ValueError):
            # `verify` names a damaged record; it is no reason against another one.
            continue
        if other.checksum == record.checksum:
            yield f"this very record is accepted already, as {path}"
        elif run_key(other) == run_key(record):
            yield _of_one_run(record, other, path)


def _accepted(folder: Path) -> Iterator[Record]:
    """Yield every record that can be read; a test's sessions are those of other tracks too."""
    found = (record for _, record in read_each(record_files(folder)))
    yield from (record for record in found if isinstance(record, Record))


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


def _copy(stored: Stored, beside: Mapping[str, bytes], folder: Path) -> Path:
    path, _ = free_path(stored, folder)
    # The record comes last: whoever reads the folder meets it whole, side folder and all.
    for name, content in beside.items():
        write_bytes(side_folder(path) / name, content)
    write_bytes(path, stored.content)
    return path


def _remove(file: Path, beside: Mapping[str, bytes]) -> None:
    file.unlink()
    if not beside:
        return
    side = side_folder(file)
    for name in beside:
        (side / name).unlink()
    remove_leftovers(side)
    side.rmdir()
