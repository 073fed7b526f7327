"""The manifest: one row a clip of a prepared corpus, read and written with every field checked."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.data.files import write_bytes
from adabench.data.traits import Traits, check_traits, is_trait, sorted_traits
from adabench.evaluation.scale import BDI_II, Scale

CALIBRATION = "calibration"
"""A split that no training, selection or test reads."""

USED_SPLITS = ("train", "dev", "test")
"""Those that protocols divide among training, selection and test."""

SPLITS = (*USED_SPLITS, CALIBRATION)

_REMEDY = "correct the row, or prepare the corpus again"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class ClipRecord:
    """One clip of a prepared corpus.

    Args:
        clip: name of the clip, unique in its corpus, e.g. ``203_1_Freeform``.
        subject: the person, e.g. ``203``.
        session: the recording that a score belongs to, e.g. ``203_1``.
        task: what the person was asked to do, e.g. ``Freeform``; may be empty.
        split: ``train``, ``dev``, ``test``, or ``calibration``, which calibrators alone read.
        score: of the corpus's scale; None where unknown.
        fps: frames per second.
        frames: number of stored frames.
        face_rate: share of the frames looked at in which a face was found, 0 to 1.
        source: the source video, relative to the raw corpus.
        source_sha256: the source video's checksum.
        traits: what is known of the person beside; columns of their own in a manifest, after these.

    Raises:
        ValueError: a field is outside its range; the message names the field.
    """

    clip: str
    subject: str
    session: str
    task: str
    split: str
    score: float | None
    fps: float
    frames: int
    face_rate: float
    source: str
    source_sha256: str
    traits: Traits = ()

    def __post_init__(self) -> None:
        check_traits(self.traits)
        for name, (valid, expected) in _CHECKS.items():
            value = getattr(self, name)
            if not valid(value):
                raise ValueError(f"field {name}: expected {expected}, got {value!r}")


FIELDS = tuple(field.name for field in dataclasses.fields(ClipRecord) if field.name != "traits")

_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    # the name becomes a file name
    "clip": (
        lambda value: _SAFE_NAME.fullmatch(value) is not None,
        "letters, digits, '.', '_' and '-', beginning with a letter or digit",
    ),
    "subject": (bool, "a name"),
    "session": (bool, "a name"),
    "split": (lambda value: value in SPLITS, f"one of {', '.join(SPLITS)}"),
    "score": (
        lambda value: value is None or math.isfinite(value),
        "a finite number, or None where unknown",
    ),
    "fps": (lambda value: math.isfinite(value) and value > 0, "a number above 0"),
    "frames": (lambda value: value > 0, "an integer above 0"),
    "face_rate": (lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    "source": (bool, "a path"),
    "source_sha256": (
        lambda value: re.fullmatch("[0-9a-f]{64}", value) is not None,
        "64 hexadecimal digits",
    ),
}

_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "fps": (float, "a number above 0"),
    "frames": (int, "an integer above 0"),
    "face_rate": (float, "a number from 0 to 1"),
}


def read_manifest(path: str | os.PathLike[str], scale: Scale = BDI_II) -> tuple[ClipRecord, ...]:
    """Reads a manifest, whose scores are of ``scale``; rows sorted by clip.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column or a field is wrong, or a clip comes twice; names file, row and field.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no manifest there: prepare the corpus first") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a CSV file in UTF-8, got other bytes") from error
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(rows, [])
        _check_header(path, header)
        records = [_parse(row, header, f"{path}: row {rows.line_num}", scale) for row in rows]
    except csv.Error as error:
        raise ValueError(
            f"{path}: row {rows.line_num}: damaged ({error}); prepare the corpus again"
        ) from error
    return _sorted(records, str(path))


def manifest_bytes(records: Iterable[ClipRecord]) -> bytes:
    """The manifest as it is written: the same records give the same bytes in any order.

    Raises:
        ValueError: a clip comes twice.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    rows = _sorted(records, "manifest")
    columns = sorted({column for record in rows for column, _ in record.traits})
    writer.writerow((*FIELDS, *columns))
    for record in rows:
        values = (getattr(record, name) for name in FIELDS)
        known = dict(record.traits)
        writer.writerow(
            [*("" if v is None else v for v in values), *(known.get(c, "") for c in columns)]
        )
    return text.getvalue().encode("utf-8")


def write_manifest(path: str | os.PathLike[str], records: Iterable[ClipRecord]) -> None:
    """Writes ``records``, sorted by clip, atomically; raises what :func:`manifest_bytes` does."""
    write_bytes(path, manifest_bytes(records))


def _check_header(path: Path, header: Sequence[str]) -> None:
    more = header[len(FIELDS) :]
    if tuple(header[: len(FIELDS)]) != FIELDS or len(set(more)) < len(more):
        raise ValueError(
            f"{path}: row 1: expected the columns {','.join(FIELDS)}, got {','.join(header)!r}; "
            "prepare the corpus again"
        )
    odd = [column for column in more if not is_trait(column)]
    if odd:
        raise ValueError(
            f"{path}: row 1: column {odd[0]!r}: expected sex, age or group_NAME after "
            f"{FIELDS[-1]}; prepare the corpus again"
        )


def _parse(row: Sequence[str], header: Sequence[str], where: str, scale: Scale) -> ClipRecord:
    if len(row) != len(header):
        raise ValueError(f"{where}: expected {len(header)} fields, got {len(row)}; {_REMEDY}")
    where = f"{where} (clip {row[0]!r})"
    values: dict[str, Any] = dict(zip(FIELDS, row, strict=False))
    values["traits"] = sorted_traits(zip(header, row, strict=True))
    known = f"{scale.expected}, or nothing where unknown"
    score = (lambda text: scale.parse(text) if text else None, known)
    for name, (parser, expected) in {"score": score, **_PARSERS}.items():
        try:
            values[name] = parser(values[name])
        except ValueError:
            raise ValueError(
                f"{where}: field {name}: expected {expected}, got {values[name]!r}; {_REMEDY}"
            ) from None
    try:
        return ClipRecord(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}; {_REMEDY}") from None


def _sorted(records: Iterable[ClipRecord], where: str) -> tuple[ClipRecord, ...]:
    ordered = tuple(sorted(records, key=lambda record: record.clip))
    for first, second in itertools.pairwise(ordered):
        if first.clip == second.clip:
            raise ValueError(
                f"{where}: clip {first.clip!r} comes twice, from {first.source!r} and "
                f"{second.source!r}; each clip needs a name of its own"
            )
    return ordered
