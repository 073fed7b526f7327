"""Reading and writing result records.

A record's file name carries the start of its checksum, so another content means another file and no
file is ever edited.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adabench.bench.record import CONSTANT, Record
from adabench.data.files import TEMPORARY_PREFIX, write_text

# Characters of the checksum in a file name: 8 unless another record holds that name already.
_HASH_LENGTHS = (8, 16, 64)


@dataclass(frozen=True)
class Problem:
    """A file that could not be read as a record, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def write_record(record: Record, root: str | os.PathLike[str]) -> Path:
    """Writes a record to ``root/<track>/<method>-<config>-<seed>-<hash>.json``, atomically.

    A record that is there already is left alone; a different one never replaces it.

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
    text = record.model_dump_json(indent=2) + "\n"
    Record.model_validate_json(text)
    path, exists = _free_path(record, Path(root), text)
    if exists:
        return path
    try:
        write_text(path, text)
    except OSError as error:
        raise _not_written(error, path) from error
    return path


def read_record(path: str | os.PathLike[str]) -> Record:
    """Reads and verifies one record.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file and each wrong field, if it is damaged or no record.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a JSON file ({error}); restore it or run again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a record, got a JSON {type(content).__name__}")
    if "checksum" not in content:
        raise ValueError(f"{path}: checksum is missing, so this is no record adabench wrote")
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path}: {_describe(error)}") from error


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
    for path in sorted(root.rglob("*.json")):
        if path.name.startswith(TEMPORARY_PREFIX):
            continue
        try:
            records.append(read_record(path))
        except (OSError, ValueError) as error:
            problems.append(Problem(path, _without_path(str(error), path)))
    return records, problems


def find_record(
    root: str | os.PathLike[str], track: str, config_hash: str, seed: int, *, since: float = 0.0
) -> Record | None:
    """The newest valid record of one run, or None.

    Damaged files count as absent; a missing folder holds nothing.

    Args:
        root: the results folder.
        track: that was scored.
        config_hash, seed: of the run.
        since: look at files changed after this time only (seconds since the epoch).
    """
    times: list[tuple[float, Path]] = []
    for path in (Path(root) / track).glob(f"*-{seed}-*.json"):
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
        if (record.track, record.config_hash, record.seed) == (track, config_hash, seed):
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


def _free_path(record: Record, root: Path, text: str) -> tuple[Path, bool]:
    """A path for the record, and whether it is there already with exactly this content."""
    seed = "none" if record.seed is None else str(record.seed)
    stem = f"{_slug(record.method)}-{_slug(record.config)}-{seed}"
    for length in _HASH_LENGTHS:
        path = root / record.track / f"{stem}-{record.checksum[:length]}.json"
        if not path.exists():
            return path, False
        if path.is_file() and path.read_bytes() == text.encode("utf-8"):
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


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a finite number")


def _describe(error: ValidationError) -> str:
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        field = ".".join(str(step) for step in item["loc"])
        came = item["input"]
        shown = f" (got {came!r})" if isinstance(came, str | int | float | bool) else ""
        parts.append(f"{field}: {item['msg']}{shown}" if field else item["msg"])
    return "; ".join(parts)


def _without_path(message: str, path: Path) -> str:
    return message.removeprefix(f"{path}: ")
