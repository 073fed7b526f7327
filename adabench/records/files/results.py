"""Reading and writing result records.

A record's file name carries the start of its checksum, so another content means another file and no
file is ever edited.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from adabench.data.files import TEMPORARY_PREFIX, write_bytes
from adabench.data.plain import printable
from adabench.evaluation.controls import CONSTANT
from adabench.records.files.explanations import EXPLANATION_SUFFIX
from adabench.records.files.private import find_private, private_folder, read_private, write_private
from adabench.records.files.reading import read_plain, what_is
from adabench.records.schema.fields import SCHEMA_VERSION
from adabench.records.schema.migration import entries_of_older
from adabench.records.schema.plain import first_twice
from adabench.records.schema.private import Private
from adabench.records.schema.record import Record
from adabench.records.schema.tracks import PRIVATE_FOLDER, SIDE_SUFFIX

# Endings of the folders beside a record.
BESIDE = (SIDE_SUFFIX, EXPLANATION_SUFFIX)

# Characters of the checksum in a file name: 8 unless another record holds that name already.
_HASH_LENGTHS = (8, 16, 64)

# From so many files on, several processes read them, so many at a time.
_MANY, _CHUNK = 1000, 200

# Fields that are told of one damaged file, and characters of a value that came.
_MOST_TOLD, _LONGEST_TOLD = 20, 100


@dataclass(frozen=True)
class Problem:
    """A file that could not be read as a record, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.reason}")


@dataclass(frozen=True)
class Stored:
    """A record as a file holds it.

    Attributes:
        content: the file's bytes.
        checksum: the one in the file; where the record was migrated, another than the record's.
    """

    record: Record
    content: bytes
    checksum: str


def write_record(record: Record, root: str | os.PathLike[str]) -> Path:
    """Writes a record to ``root/<track>/<method>-<config>-<seed>-<hash>.json``, atomically.

    A record that is there already is left alone; a different one never replaces it. The private
    side file of a licensed corpus's run goes to ``private_folder(root)``, before the record.

    Args:
        record: validated once more before anything is written.
        root: the results folder, made if missing.

    Returns:
        The file's path.

    Raises:
        ValueError: if the record is not valid (a copy with changed fields, say).
        OSError: if the file can't be written (full disk, no permission). It names the file and the
            remedy and leaves nothing half-written; the caller still holds the record and should
            print ``record.model_dump_json()`` so that the result is not lost.
    """
    record = sealed(record)
    stored = as_stored(record)
    path, exists = free_path(stored, Path(root))
    try:
        if record.private is not None and record.kept is not None:
            write_private(private_folder(Path(root)), record.kept)
        if not exists:
            write_bytes(path, stored.content)
    except OSError as error:
        raise _not_written(error, path) from error
    return path


def sealed(record: Record) -> Record:
    """Return a record that names the private side file that is at hand, if there is one.

    One that was migrated names none: its predictions come from the older file itself.
    """
    if record.kept is None or record.private is not None or not record.licensed:
        return record
    return record.model_copy(update={"private": record.kept.digest()})


def as_stored(record: Record) -> Stored:
    """Return a record as its file will hold it, validated once more.

    Raises:
        ValueError: it is not valid (a copy with changed fields, say).
    """
    content = (record.model_dump_json(indent=2) + "\n").encode("utf-8")
    return Stored(Record.model_validate_json(content), content, record.checksum)


def read_record(path: str | os.PathLike[str]) -> Record:
    """Reads and verifies one record, with its private side file where that is at hand.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file and each wrong field, if it is damaged or no record.
    """
    return load_record(path).record


def load_record(path: str | os.PathLike[str]) -> Stored:
    """Reads and verifies one record and keeps what the file itself holds; errors as `read_record`."""
    path = Path(path)
    content = read_plain(path)
    try:
        fields = from_json(content, allow_inf_nan=False)
        # A name that stands twice is read in two ways by two programs.
        json.loads(content, object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); restore it or run again") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path}: expected a record, got a JSON {type(fields).__name__}")
    if "checksum" not in fields:
        raise ValueError(f"{path}: checksum is missing, so this is no record adabench wrote")
    try:
        record = Record.model_validate(fields)
    except ValidationError as error:
        raise ValueError(f"{path}: {_describe(error)}") from error
    try:
        return Stored(_with_private(record, fields, path), content, fields["checksum"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _with_private(record: Record, fields: dict[str, Any], path: Path) -> Record:
    """Return a record with its private side file at hand, if it is; of an older version from itself."""
    if record.private is not None:
        found = find_private(path, record.private)
        return record if found is None else record.with_private(read_private(found, record.private))
    entries = entries_of_older(fields, SCHEMA_VERSION)
    if not entries:
        return record
    exact = {"metrics": fields["metrics"], "intervals": fields.get("intervals", {})}
    return record.with_private(Private.model_validate({"predictions": entries, **exact}))


def _without_repetition(pairs: list[tuple[str, Any]]) -> None:
    twice = first_twice(name for name, _ in pairs)
    if twice is not None:
        raise ValueError(f"{printable(twice[:60])!r} stands twice in one object")


def read_records(root: str | os.PathLike[str]) -> tuple[list[Record], list[Problem]]:
    """Reads every record below a folder, at any depth, in the order of their paths.

    Returns:
        The records, and a problem for each file that is none; one damaged file harms no other.

    Raises:
        FileNotFoundError: if the folder does not exist.
        NotADirectoryError: if it is a file.
    """
    root = Path(root)
    if not root.exists():
        raise FileNotFoundError(f"results folder {root} does not exist; name one with records")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; expected a folder with result records")
    records: list[Record] = []
    problems: list[Problem] = []
    for path, found in read_each(record_files(root)):
        if isinstance(found, Record):
            records.append(found)
        else:
            problems.append(Problem(path, reason_of(found, path)))
    return records, problems


def read_each(paths: Sequence[Path]) -> Iterator[tuple[Path, Record | OSError | ValueError]]:
    """Yield each path with its record, or with the error of one that can't be read.

    Many files are read by all processors.
    """
    if len(paths) < _MANY:
        yield from ((path, _read(path)) for path in paths)
        return
    with ProcessPoolExecutor() as pool:
        yield from zip(paths, pool.map(_read, paths, chunksize=_CHUNK), strict=True)


def _read(path: Path) -> Record | OSError | ValueError:
    try:
        return read_record(path)
    except (OSError, ValueError) as error:
        return error


def record_files(root: Path) -> list[Path]:
    """The JSON files below a folder, sorted: none that lie beside a record or are being written.

    A link to a folder is not followed but listed, so that whoever reads it names it.
    """
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [n for n in folders if n != PRIVATE_FOLDER and not n.endswith(BESIDE)]
        found += [
            os.path.join(folder, name)  # noqa: PTH118 - a Path for each takes longer than the walk
            for name in (*folders, *files)
            if name.endswith(".json") and not name.startswith(TEMPORARY_PREFIX)
        ]
        found += [entry for name in folders if os.path.islink(entry := f"{folder}/{name}")]  # noqa: PTH114
    return [Path(name) for name in sorted(found)]


def files_of_seed(folder: Path, seed: int | None) -> list[Path]:
    """The files of a track's folder that may hold a run of this seed, sorted; none if missing."""
    name = "none" if seed is None else seed
    found = folder.glob(f"*-{name}-*.json")
    return sorted(path for path in found if not path.name.startswith(TEMPORARY_PREFIX))


def find_record(
    root: str | os.PathLike[str],
    track: str,
    config_hash: str,
    seed: int,
    draw: int | None,
    *,
    since: float = 0.0,
) -> Record | None:
    """The newest valid record of one run, or None.

    Damaged files count as absent; a missing folder holds nothing.

    Args:
        root: the results folder.
        track: that was scored.
        config_hash, seed, draw: of the run.
        since: look at files changed after this time only (seconds since the epoch).
    """
    times: list[tuple[float, Path]] = []
    for path in files_of_seed(Path(root) / track, seed):
        # A writer's temporary file may be gone by now.
        with contextlib.suppress(FileNotFoundError):
            times.append((path.stat().st_mtime, path))
    for changed, path in sorted(times, reverse=True):
        if changed < since:
            break
        try:
            record = read_record(path)
        except (OSError, ValueError):
            # A damaged file is told of by whoever reads the folder; it is no result of this run.
            continue
        found = (record.track, record.config_hash, record.seed, record.draw)
        if found == (track, config_hash, seed, draw):
            return record
    return None


def has_constant(
    root: str | os.PathLike[str], track: str, corpus_checksum: str, protocol: str
) -> bool:
    """Whether a results folder holds the constant predictor's record for these data already.

    Damaged files count as absent; a missing folder holds nothing.
    """
    folder = Path(root) / track
    if not folder.is_dir():
        return False
    records, _ = read_records(folder)
    return any(
        record.method == CONSTANT
        and record.track == track
        and record.corpus_checksum == corpus_checksum
        and record.protocol == protocol
        for record in records
    )


def file_names(stored: Stored) -> list[str]:
    """The names that a record's file may have, the usual one first."""
    record = stored.record
    seed = "none" if record.seed is None else str(record.seed)
    stem = f"{_slug(record.method)}-{_slug(record.config)}-{seed}"
    return [f"{stem}-{stored.checksum[:length]}.json" for length in _HASH_LENGTHS]


def free_path(stored: Stored, root: Path) -> tuple[Path, bool]:
    """A path for the record, and whether it is there already with exactly this content.

    Raises:
        FileExistsError: if damaged files hold all names that it may have.
    """
    path = root
    for name in file_names(stored):
        path = root / stored.record.track / name
        if not os.path.lexists(path):
            return path, False
        same_size = path.lstat().st_size == len(stored.content)
        if same_size and what_is(path) == "a file" and read_plain(path) == stored.content:
            return path, True
    raise FileExistsError(
        f"{path} exists and is damaged, since its content does not have the checksum of its name; "
        "move it away and write the record again"
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "-", name.lower()).strip("-.")[:80] or "unnamed"


def _not_written(error: OSError, path: Path) -> OSError:
    reason = error.strerror or str(error)
    message = (
        f"can't write the result record {path}: {reason}; free space or choose another folder with "
        "--results. Nothing half-written was left, and the result is not lost: print it with "
        "record.model_dump_json()"
    )
    return OSError(error.errno or 0, message)


def _describe(error: ValidationError) -> str:
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        field = ".".join(str(step) for step in item["loc"])
        came = item["input"]
        shown = f" (got {_short(came)})" if isinstance(came, str | int | float | bool) else ""
        parts.append(f"{field}: {item['msg']}{shown}" if field else item["msg"])
    told = "; ".join(parts[:_MOST_TOLD])
    return printable(f"{told}; {len(parts) - _MOST_TOLD} more" if parts[_MOST_TOLD:] else told)


def _short(value: str | int | float | bool) -> str:
    if isinstance(value, str) and len(value) > _LONGEST_TOLD:
        return f"{value[:_LONGEST_TOLD]!r} and {len(value) - _LONGEST_TOLD} characters more"
    return repr(value)


def reason_of(error: Exception, path: Path) -> str:
    """What an error over ``path`` says, without the path where it begins with it."""
    return str(error).removeprefix(f"{path}: ")
