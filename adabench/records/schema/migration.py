"""Older schema versions of the result record: how each becomes the next.

Migrations work on plain dictionaries, so that none depends on what the record looks like today.
Where a file does not have the shape that its version promises, it is left as it is: the record's
schema then names what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

from adabench.records.schema.rounding import coarse

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

    The result has no checksum; ``content`` stays as it was. One from before draws keeps its version
    (``written_in``), whatever it says itself: what it does not tell of its draw, nobody knew.
    """
    migrated = dict(content)
    if version < min(TELLS_DRAWS, newest):
        migrated["written_in"] = version
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


def _strip_licensed(content: Content) -> Content:
    """From 2 to 3: of a licensed corpus nothing by session stays, and numbers get two decimals.

    The checksum of the older file can't stand for the rest: over predictions without a salt it
    would let guesses be tested.
    """
    entries = content.get("predictions")
    if not _is_licensed_run(content) or not _is_plain(entries):
        return content
    told = [_EXACT.sub(_shorter, note) for note in content.get("notes", [])]
    counts = {
        "sessions": len(entries),
        "persons": len({entry["subject"] for entry in entries}),
    }
    return {
        **content,
        "metrics": coarse(content.get("metrics")),
        "intervals": coarse(content.get("intervals", {})),
        "counts": counts,
        "predictions": [],
        "notes": [*told, STRIPPED],
    }


def _measure_relevance(content: Content) -> Content:
    """From 3 to 4: the areas of relevance become one of several measures; of licensed corpora none.

    Over how many clips they are means, their chance and their ceiling are not known.
    """
    areas = content.get("relevance_auc", {})
    if not isinstance(areas, Mapping):
        return content
    rest = {name: value for name, value in content.items() if name != "relevance_auc"}
    if not areas or _is_licensed_run(content):
        return rest
    return {**rest, "relevance_measures": {n: {"roc_area": {"value": a}} for n, a in areas.items()}}


def entries_of_older(content: Mapping[str, Any], newest: int) -> list[Any]:
    """Return the predictions that migrating to ``newest`` leaves out; none if it leaves out none."""
    version = content.get("schema_version", newest)
    if version > _WITH_SESSIONS:
        return []
    before = migrate(content, version, _WITH_SESSIONS)
    entries = before.get("predictions")
    return list(entries) if _is_licensed_run(before) and _is_plain(entries) else []


def _is_licensed_run(content: Mapping[str, Any]) -> bool:
    """Whether plain content is of a run on a licensed corpus, not of a paper's table."""
    origin = content.get("origin")
    measured = isinstance(origin, Mapping) and origin.get("type") == "measured"
    return content.get("licensed") is True and measured


def _is_plain(entries: Any) -> TypeGuard[list[Content]]:
    """Whether these are predictions as a licensed record held them; all else the schema names."""
    if not isinstance(entries, list) or not entries:
        return False
    if not all(isinstance(entry, Mapping) and entry.keys() <= _ENTRY for entry in entries):
        return False
    named = [(entry.get("session"), entry.get("subject")) for entry in entries]
    texts = all(isinstance(text, str) and text for pair in named for text in pair)
    numbers = all(type(entry.get("prediction")) in (int, float) for entry in entries)
    bare = all(entry.get("label") is None for entry in entries)
    return texts and numbers and bare and len({session for session, _ in named}) == len(named)


def _shorter(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}"


#: The first version whose records name draw, family and world of a generated corpus.
TELLS_DRAWS: Final = 4

# The last version whose licensed records held predictions.
_WITH_SESSIONS: Final = 2

#: What a record says of what its migration left out.
STRIPPED: Final = (
    "of an older schema version: the predictions by session and all digits but two were left out, "
    "as the corpus is licensed"
)

_ENTRY: Final = frozenset(("session", "subject", "prediction", "label"))

# A metric in a note, as that on which epoch was tested has one.
_EXACT: Final = re.compile(r"(?<![\w.])\d+\.\d{3,}(?![\w.]*\w)")

#: Schema version to what makes the next one of it.
MIGRATIONS: Final[Mapping[int, Callable[[Content], Content]]] = {
    1: _name_subjects,
    2: _strip_licensed,
    3: _measure_relevance,
}
