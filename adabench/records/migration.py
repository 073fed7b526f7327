"""Older schema versions of the result record: how each becomes the next.

Migrations work on plain dictionaries, so that none depends on what the record looks like today.
Where a file does not have the shape that its version promises, it is left as it is: the record's
schema then names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Content = dict[str, Any]


def check_version(version: Any, newest: int) -> int:
    """Return ``version`` if records of it can be read.

    Raises:
        ValueError: it is newer than ``newest``, or no version at all, with what to do.
    """
    if type(version) is int and version > newest:
        raise ValueError(
            f"schema_version is {version}, but this adabench reads versions up to {newest}; "
            "update adabench, or read the record with the adabench that wrote it"
        )
    if type(version) is not int or version < min(MIGRATIONS):
        raise ValueError(
            f"schema_version is {version!r}; expected a number from {min(MIGRATIONS)} to {newest}: "
            "restore the file or run again"
        )
    return version


def migrate(content: Mapping[str, Any], version: int, newest: int) -> Content:
    """Return a record's content, without its checksum, brought from ``version`` to ``newest``.

    The result has no checksum; ``content`` stays as it was.
    """
    migrated = dict(content)
    for step in range(version, newest):
        migrated = {**MIGRATIONS[step](migrated), "schema_version": step + 1}
    return migrated


def _name_subjects(content: Content) -> Content:
    """From 1 to 2: predictions name their subject; AVEC's sessions of one are ``203_1``, ``203_2``."""
    predictions = content.get("predictions", [])
    if not isinstance(predictions, list):
        return content
    return {**content, "predictions": [_with_subject(entry) for entry in predictions]}


def _with_subject(entry: Any) -> Any:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("session"), str):
        return entry
    subject, _, _ = entry["session"].rpartition("_")
    return {**entry, "subject": subject or entry["session"]}


#: Schema version to what makes the next one of it.
MIGRATIONS: Final[Mapping[int, Callable[[Content], Content]]] = {1: _name_subjects}
