"""Where a record lies and what lies beside it: its folder, its name, its side folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from adabench.data.files import TEMPORARY_PREFIX
from adabench.records.files.reading import present_in, read_plain
from adabench.records.files.results import Stored, file_names
from adabench.records.files.side_files import KNOWN, side_folder


def place_reasons(path: Path, folder: Path, stored: Stored) -> Iterator[str]:
    """Yield what is wrong with a file's folder, ``folder/<track>``, and with its name."""
    track = stored.record.track
    if path.parent != folder / track:
        yield f"a record of track {track!r} belongs into {folder / track}"
    names = file_names(stored)
    if path.name not in names:
        yield f"its name does not follow from its content and checksum; expected {names[0]}"


def read_beside(path: Path, expected: Mapping[str, str]) -> tuple[dict[str, bytes], list[str]]:
    """Read the files in a record's side folder and hold them to the record's digests.

    Neither folder nor files may be links, and nothing but plain files of `KNOWN` names is opened.

    Args:
        path: the record's file.
        expected: file name to sha256, `Record.provenance`.

    Returns:
        The files that hold, and the reasons for which the others do not.
    """
    folder = side_folder(path)
    try:
        present = [name for name in present_in(folder) if not name.startswith(TEMPORARY_PREFIX)]
    except (OSError, ValueError) as error:
        return {}, [f"its side folder can't be read: {error}"]
    files: dict[str, bytes] = {}
    reasons = [
        f"{folder.name} holds {name}, which the record does not name; remove it"
        for name in present
        if name not in expected
    ]
    for name, digest in expected.items():
        if name not in KNOWN:
            known = ", ".join(sorted(KNOWN))
            reasons.append(f"{folder.name}/{name} is no file that adabench keeps; it keeps {known}")
        elif name not in present:
            reasons.append(f"{folder.name}/{name} is missing; restore it")
        else:
            content, reason = _held(folder / name, digest)
            files |= {name: content} if content is not None else {}
            reasons += [f"{folder.name}/{name} {reason}"] if reason else []
    return files, reasons


def _held(path: Path, digest: str) -> tuple[bytes | None, str]:
    """Return a side file's content, or None and why it does not hold."""
    try:
        content = read_plain(path)
    except (OSError, ValueError) as error:
        return None, f"can't be read: {str(error).removeprefix(f'{path}: ')}"
    if hashlib.sha256(content).hexdigest() != digest:
        return None, "was changed after the record was written"
    return content, ""
