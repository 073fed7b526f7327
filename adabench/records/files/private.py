"""The private side files of licensed corpora: where they lie, written and read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from adabench.data.files import write_bytes
from adabench.records.files.reading import read_plain
from adabench.records.schema.private import Private
from adabench.records.schema.tracks import PRIVATE_FOLDER

#: Records that git tracks lie in a folder of this name; their private files lie in its neighbour.
_TRACKED, _UNTRACKED = "measured", "local"


def private_folder(results: Path) -> Path:
    """Return where a results folder keeps private files: never where git tracks records."""
    folder = results.resolve()
    kept = folder.with_name(_UNTRACKED) if folder.name == _TRACKED else results
    return kept / PRIVATE_FOLDER


def write_private(folder: Path, private: Private) -> Path:
    """Write a private file into a folder, which git is told to ignore, and return its path.

    Raises:
        OSError: it can't be written.
    """
    write_bytes(folder / ".gitignore", b"*\n")
    path = folder / f"{private.digest()}.json"
    write_bytes(path, private.content())
    return path


def find_private(record: Path, digest: str) -> Path | None:
    """Return the private file of a record's file, or None where it is not at hand.

    Looked for in the folder ``private`` beside the record (of a work folder) and in that of the
    results folder.
    """
    folders = (record.parent / PRIVATE_FOLDER, private_folder(record.parent.parent))
    paths = [folder / f"{digest}.json" for folder in folders]
    return next((path for path in paths if path.is_file()), None)


def read_private(path: Path, digest: str) -> Private:
    """Read a private file.

    Raises:
        ValueError: it was changed, is none, or no plain file.
        OSError: it can't be read.
    """
    content = read_plain(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"its private file {path} was changed after it was written; restore the file, or "
            "remove it to read the public record alone"
        )
    try:
        return Private.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(
            f"its private file {path} is none that adabench wrote ({error.error_count()} fields "
            "don't fit); restore it, or remove it to read the public record alone"
        ) from error
