"""Which file a value of a config comes from: the config, one of its bases, or a suite's row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adabench.config.reading.files import bases_of, read_config

_STEP = re.compile(r"[^.\[\]]+")
# A field of a config at the beginning of a message.
_SECTIONS = (
    "cache|data|fusion|hooks|intervals|method|metrics|paper_compat|protocol|seed|semantics|shuffle_labels|signals|"
    "stages|track|training|views"
)
_FIELD = re.compile(
    rf"(?:{_SECTIONS})(?:(?:\.\w+|\[\d+\])+(?![\w/])|(?=:| is | are ))",
)


def field_in(text: str) -> str:
    """Return the field of a config that a message begins with; empty where it begins otherwise.

    >>> field_in("training.epochs: expected above 0; got -1")
    'training.epochs'
    >>> field_in("training diverged")
    ''
    """
    found = _FIELD.match(text)
    return found[0] if found and not found[0].endswith(".py") else ""


@dataclass(frozen=True)
class Origin:
    """Where the values of a run's config come from.

    Attributes:
        path: the config.
        demo: its demo section is merged.
        change: a suite's row, merged over it.
        suite: the suite.
        options: the fields that ``--cfg-options`` set.
    """

    path: Path
    demo: bool = False
    change: Mapping[str, Any] = field(default_factory=dict)
    suite: Path | None = None
    options: tuple[str, ...] = ()

    def named(self, text: str) -> str:
        """Return a message with the file before the field that it begins with."""
        place = field_in(text)
        return f"{self.file_of(place)}: {text}" if place else text

    def file_of(self, place: str) -> Path:
        """Return the file that sets a field; the config where options or nothing do."""
        return self.path if self._is_option(place) else self._set_at(place)[0]

    def _is_option(self, place: str) -> bool:
        steps = _STEP.findall(place)
        given = map(_STEP.findall, self.options)
        return any(all(a == b for a, b in zip(steps, own, strict=False)) for own in given)

    def left_of(self, place: str, key: str, kind: str) -> str:
        """Say that an argument was meant for another part than the one that stands there; or nothing.

        Args:
            place: of the part.
            key: the argument.
            kind: type of the part.
        """
        file, value = self._set_at(f"{place}.{key}")
        if value is None or self._is_option(f"{place}.{key}"):
            return ""
        _, before = self._set_at(f"{place}.type", file)
        if before in (None, kind):
            return ""
        where, set_ = self._set_at(f"{place}.type")
        put = f"write _delete_=True beside type={kind!r} in {where}"
        if set_ != kind:
            put = f"--cfg-options {place}._delete_=True {place}.type={kind}"
        return (
            f"{file} sets it for the {before} that stood there. To put {kind} in its place, without what "
            f"was given to that: {put}"
        )

    def _set_at(self, place: str, file: Path | None = None) -> tuple[Path, Any]:
        """Return the file, from one on, that sets a field, and the value; the file alone without."""
        steps = _STEP.findall(place)
        layers = [["demo", *steps], steps] if self.demo else [steps]
        if file is None and self.suite is not None:
            for layer in layers:
                value = _value(self.change, layer)
                if value is not None:
                    return self.suite, value
        for layer in layers:
            found = _setter(file or self.path, layer)
            if found is not None:
                return found
        return file or self.path, None


def _setter(path: Path, steps: list[str]) -> tuple[Path, Any] | None:
    """Return the file that gives a field the value that a config has there, and that value."""
    if not path.is_file():
        return None
    value = _value(read_config(path).to_dict(), steps)
    if value is None:
        return None
    for base in bases_of(path):
        found = _setter(base, steps)
        if found is not None and found[1] == value:
            return found
    return path, value


def _value(content: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(content, Mapping):
            content = content.get(step)
        elif isinstance(content, list | tuple) and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
        else:
            return None
    return content
