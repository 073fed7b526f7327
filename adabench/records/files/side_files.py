"""What is kept beside a record: config, environment and changes to repeat its run from, and its curve.

``X.json`` has the folder ``X.provenance`` beside it, and the record holds the digest of each file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from adabench.data.files import write_bytes
from adabench.records.files.reading import present_in, read_plain
from adabench.records.schema.tracks import SIDE_SUFFIX

#: The resolved config, all packages with their versions, and what the working tree changed.
CONFIG, ENVIRONMENT, CHANGES = "config.json", "environment.txt", "changes.patch"

#: The files of parts from outside the repository, as a patch of new files.
CODE = "code.patch"

#: The curve of its training (`records.files.curve`), of a corpus whose labels may be passed on.
CURVE = "curve.csv"

#: All files that may lie beside a record; others are refused, whatever they hold.
KNOWN = frozenset((CONFIG, ENVIRONMENT, CHANGES, CODE, CURVE))


def side_folder(record: str | os.PathLike[str]) -> Path:
    """Return the folder beside a record's file."""
    return Path(record).with_suffix(SIDE_SUFFIX)


def digests(files: Mapping[str, str]) -> dict[str, str]:
    """Return file name → sha256 of its text in UTF-8, as a record keeps it."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}


def write_side_files(record: str | os.PathLike[str], files: Mapping[str, str]) -> Path:
    """Write the files beside a record, each atomically, and return their folder.

    Raises:
        OSError: one can't be written.
    """
    folder = side_folder(record)
    for name, text in files.items():
        write_bytes(folder / name, text.encode())
    return folder


def read_side_files(record: str | os.PathLike[str], expected: Mapping[str, str]) -> dict[str, str]:
    """Read the files that a record names and hold them to its digests.

    Args:
        record: the record's file.
        expected: file name → sha256, ``Record.provenance``.

    Raises:
        FileNotFoundError: one is missing.
        ValueError: one was changed, is no text, no plain file or too large, or the folder is a link.
    """
    folder = side_folder(record)
    present = frozenset(present_in(folder))
    files: dict[str, str] = {}
    for name, digest in expected.items():
        path = folder / name
        if name not in present:
            raise FileNotFoundError(f"{path} is missing, and {record} names it; restore the folder")
        content = read_plain(path)
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError(
                f"{path} was changed after {Path(record).name} was written; restore the file"
            )
        try:
            files[name] = content.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: expected text in UTF-8; restore the file") from error
    return files
