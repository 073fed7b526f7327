"""How a copy of a corpus differs from its usual layout: a reader's options, and a file of them."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.data.manifest import CALIBRATION, SPLITS
from adabench.evaluation.scale import SCALES

Names = Mapping[str, Sequence[str]]

_SPLITS: Names = {
    "train": ("Training", "train"),
    "dev": ("Development", "dev", "devel", "Validation", "valid", "val"),
    "test": ("Testing", "test"),
}
_ENDINGS = ("", "_face", "_faces", "_aligned")
SPLIT_FOLDERS: Names = {
    split: tuple(f"{name}{ending}" for ending in _ENDINGS for name in names)
    for split, names in _SPLITS.items()
} | {CALIBRATION: ("Calibration",)}
"""Our name of a split -> the names that it has in users' copies, in whatever case.

Copies of OpenFace's faces alone are passed on with an ending of their own.
"""


def read_layout(path: Path, known: Iterable[str] | None = None) -> dict[str, Any]:
    """A reader's options from a TOML or JSON file, for ``find_reader(name, **options)``.

    Args:
        path: the file.
        known: the options that there are; by default those of the repository's readers.

    ``labels``, ``openface`` and ``openface_tables`` (folders, relative to the file's own),
    ``splits`` (our split -> the name or names of its folder), ``tasks`` (names, or name -> folder
    names), ``video_pattern`` and ``label_pattern`` (regular expressions of names, with or without
    their endings; their groups are ``subject``, ``session`` and, for videos, ``task``), and for a
    table ``name``, ``licensed`` and ``scale`` (a name, a file's path, or what such a file holds).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: neither format, or a key or value that no reader takes.
    """
    content = parsed(Path(path))
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected keys and values, got {type(content).__name__}")
    options = {}
    names = tuple(_KEYS if known is None else known)
    for key, value in content.items():
        if key not in names:
            raise ValueError(f"{path}: unknown key {key!r}{near(key, names)}")
        # What a plugin's option may be its reader checks.
        valid, expected = _KEYS.get(key, _ANYTHING)
        if not valid(value):
            raise ValueError(f"{path}: key {key!r}: expected {expected}, got {value!r}")
        options[key] = _below(Path(path).parent, key, value)
    return options


def _below(folder: Path, key: str, value: Any) -> Any:
    is_path = key in ("labels", "openface", "openface_tables")
    is_path |= key == "scale" and isinstance(value, str) and value.lower() not in SCALES
    return folder / value if is_path else value


def near(name: str, known: Iterable[str]) -> str:
    """What a message about an unknown ``name`` ends with: the nearest that exists, and all."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"{hint}; there are: {', '.join(known) or 'none'}"


def split_aliases(splits: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Checked copy of a reader's ``splits``: our name of a split -> its folders' names.

    Raises:
        ValueError: another split than ours, or one name for two splits.
    """
    unknown = sorted(set(splits) - set(SPLITS))
    if unknown:
        raise ValueError(f"splits: expected the keys {', '.join(SPLITS)}, got {unknown[0]!r}")
    names = {split: _tuple(value) for split, value in splits.items()}
    taken: dict[str, str] = {}
    for split, aliases in names.items():
        for alias in {alias.lower() for alias in aliases}:
            if alias in taken:
                raise ValueError(
                    f"splits: the name {alias!r} stands for {taken[alias]} and for {split}: "
                    "give it to one of them"
                )
            taken[alias] = split
    return names


def task_folders(
    tasks: Sequence[str] | Mapping[str, str | Sequence[str]],
) -> dict[str, tuple[str, ...]]:
    """Checked copy of a reader's ``tasks``: a task -> the names of its folders in a split's.

    A plain list looks for a task in the folder of its name and in the split's folder itself.

    Raises:
        ValueError: there is none.
    """
    if isinstance(tasks, str) or not tasks:
        raise ValueError(f"tasks: expected names of tasks, got {tasks!r}")
    if isinstance(tasks, Mapping):
        return {task: _tuple(folders) for task, folders in tasks.items()}
    return {task: (task, ".") for task in tasks}


def compiled(pattern: str, option: str, groups: Sequence[str]) -> re.Pattern[str]:
    """``pattern`` as a regular expression for whole names in whatever case.

    Args:
        pattern: as a user wrote it.
        option: what it was given for, for the message.
        groups: named groups that it needs.

    Raises:
        ValueError: no regular expression, or a group is missing.
    """
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"{option}: no regular expression ({error}): {pattern!r}") from error
    missing = [group for group in groups if group not in expression.groupindex]
    if missing:
        raise ValueError(
            f"{option}: expected the named groups {', '.join(groups)}, e.g. (?P<{missing[0]}>\\d+); "
            f"{missing[0]!r} is missing in {pattern!r}"
        )
    return expression


def _tuple(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def parsed(path: Path, option: str = "--layout") -> Any:
    """The content of a TOML or JSON file, which ``option`` named.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is neither.
    """
    readers: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: {option}: expected a .toml or .json file")
    try:
        return reader(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: no such file; correct {option}, or leave it away"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: can't be read ({error}): correct the file") from error


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_names(value: Any) -> bool:
    return _is_text(value) or (
        isinstance(value, list) and bool(value) and all(_is_text(name) for name in value)
    )


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict) and all(_are_names(names) for names in value.values())


_TEXT = (_is_text, "a text")
_ANYTHING: tuple[Callable[[Any], bool], str] = (lambda _: True, "")
_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": _TEXT,
    "licensed": (lambda value: isinstance(value, bool), "true or false"),
    "labels": (_is_text, "a path"),
    "openface": (_is_text, "a path"),
    "openface_tables": (_is_text, "a path"),
    "splits": (_is_mapping, f"a folder name or a list of them for each of {', '.join(SPLITS)}"),
    "tasks": (
        lambda value: _is_mapping(value) or (isinstance(value, list) and _are_names(value)),
        "a list of tasks, or a folder name or a list of them for each task",
    ),
    "video_pattern": _TEXT,
    "label_pattern": _TEXT,
    "scale": (
        lambda value: _is_text(value) or isinstance(value, dict),
        "a scale's name, the path of a file that describes one, or its keys",
    ),
}
