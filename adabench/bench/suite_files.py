"""What a suite's file holds: plain data from Python assignments; a mistake in it is told by its line."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import Any, NamedTuple

from adabench.config.reading.assignments import line_of, parsed, refusal, text_of
from adabench.hints import MISTAKES

_WHAT = "suite"


class At(NamedTuple):
    """Where a mistake is: at a field, or at a row, counted from 0."""

    field: str = "rows"
    row: int | None = None


class SuiteError(ValueError):
    """A mistake in a suite's content, and where it is."""

    def __init__(self, text: str, at: At) -> None:
        super().__init__(text)
        self.at = at

    def placed(self, path: Path, tree: ast.Module, rows: Sized) -> ValueError:
        """Return the error of the whole file, which begins with its path and the line, where one is known."""
        line = line_of(tree, *self.at, items=len(rows))
        return ValueError(f"{path}{'' if line is None else f':{line}'}: {self}")


def read_assignments(path: Path) -> tuple[ast.Module, dict[str, Any]]:
    """Return a file as Python reads it, and its public names once it has been run.

    Raises:
        ValueError: it is no UTF-8, no Python, or what it runs fails; with the line.
    """
    content: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    tree = parsed(path, text_of(path, _WHAT), _WHAT)
    try:
        exec(compile(tree, str(path), "exec"), content)
    except MISTAKES as error:
        raise refusal([path], error, _WHAT) from error
    return tree, {key: value for key, value in content.items() if not key.startswith("_")}


def check_plain(content: Mapping[str, Any]) -> None:
    """Refuse what is no plain data.

    Raises:
        SuiteError: naming the place, and what came.
    """
    for field, value in content.items():
        if field == "rows" and isinstance(value, (list, tuple)):
            for number, row in enumerate(value):
                _check_value(row, f"rows[{number}]", At(row=number))
        else:
            _check_value(value, field, At(field))


def _check_value(value: Any, where: str, at: At) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise SuiteError(f"{where}: names are strings; got {key!r}", at)
            _check_value(item, f"{where}.{key}", at)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check_value(item, f"{where}[{index}]", at)
    elif not isinstance(value, (str, int, float, bool, type(None))):
        raise SuiteError(
            f"{where}: a suite holds plain data (text, numbers, dicts, lists); "
            f"got a {type(value).__name__}. A helper's name begins with an underscore.",
            at,
        )
