"""Local files that a config names: known by name and content, since a path tells of whose it is."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adabench.config.references import REFERENCE
from adabench.data.digests import file_sha256

#: Entries of the field `weights` that name no file, whatever lies in the working folder.
KNOWN = ("timm", "hub")


def by_content(value: Any, field: str = "") -> Any:
    """Return a nested config whose every local file stands as ``NAME@sha256:DIGEST``.

    Two places of one file are then one config. A file is a text with a slash, or any of a field
    ``weights``, that names one; all else stays as it is.

    Args:
        value: plain values.
        field: whose value it is.
    """
    if isinstance(value, Mapping):
        return {key: by_content(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(by_content(item, field) for item in value)
    return _named(value, field) if isinstance(value, str) else value


def refuse_paths(sent: Any) -> None:
    """Refuse a record's config that names a file of this machine; none is read.

    A run tells of its files by content: a path was put in, to have a file read or its digest published.

    Raises:
        ValueError: with the text.
    """
    for text in _local_paths(sent):
        raise ValueError(
            f"{text!r} names a file of this machine, and no record of a run does: its config was "
            "changed by hand; take the record as its run wrote it"
        )


def _local_paths(value: Any, field: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _local_paths(item, str(key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _local_paths(item, field)
    elif isinstance(value, str) and _path(value, field) is not None:
        yield value


def _named(text: str, field: str) -> str:
    path = _path(text, field)
    if path is None:
        return text
    stat = path.stat()
    return f"{path.name}@sha256:{_sha256(path.resolve(), stat.st_size, stat.st_mtime_ns)}"


def _path(text: str, field: str) -> Path | None:
    """Return the file that a text of a field names, if there is one."""
    if text.startswith(REFERENCE) or text in KNOWN or ("/" not in text and field != "weights"):
        return None
    try:
        return Path(text) if Path(text).is_file() else None
    except (OSError, ValueError):
        # A name that no file system takes.
        return None


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Return a file's digest; size and time of change tell a new content."""
    del size, changed
    return file_sha256(path)
