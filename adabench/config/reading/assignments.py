"""Files of Python assignments, as configs and suites are: their text, and their mistakes by line."""

from __future__ import annotations

import ast
import os
import traceback
from collections.abc import Sequence
from pathlib import Path

from adabench.hints import MISTAKES


def text_of(path: Path, what: str) -> str:
    """Return a file's text, its lines ended by ``\\n``.

    Args:
        path: of the file.
        what: it is, for messages: ``config``.

    Raises:
        ValueError: a folder, or a text that is not UTF-8, with the line.
    """
    if path.is_dir():
        raise ValueError(f"{path}: it is a folder; a {what} is a .py file")
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}:{line}: a {what} is a text in UTF-8, and this file is in another encoding: save it "
            "as UTF-8 with your editor, or turn it with: iconv -f latin1 -t utf-8 (-f utf-16 of one "
            "that Windows wrote)"
        ) from error
    if text.startswith("\ufeff"):
        raise ValueError(f"{path}: it begins with a byte order mark: save it as UTF-8 without BOM")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parsed(path: Path, text: str, what: str) -> ast.Module:
    """Return a text as Python reads it.

    Args:
        path: of the text's file.
        text: as `text_of` gives it.
        what: as of `text_of`.

    Raises:
        ValueError: it is no Python, with the line.
    """
    try:
        return ast.parse(text, str(path))
    except MISTAKES as error:
        raise refusal([path], error, what) from error


def refusal(files: Sequence[Path], error: BaseException, what: str) -> ValueError:
    """Return the error of a file that can't be read or run as Python, with the line.

    Args:
        files: that may be at fault, the first of them where nothing tells which.
        error: what reading or running them raised.
        what: as of `text_of`.
    """
    named = {os.path.realpath(file): file for file in files}
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f"{named[f]}:{frame.lineno}" for frame in frames if (f := _real(frame.filename)) in named
    ]
    told = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, SyntaxError) and _real(error.filename or "") in named:
        # Its own text ends with file and line.
        told = f"{type(error).__name__}: {error.msg}"
        own = [f"{named[_real(error.filename or '')]}:{error.lineno or 1}"]
    where = own[-1] if own else str(files[0])
    return ValueError(f"{where}: a {what} is a file of Python assignments; {told}")


def line_of(tree: ast.Module, name: str, item: int | None = None, items: int = 0) -> int | None:
    """Return the line of an assignment, or of an item of the list that it assigns; None without it.

    Args:
        tree: as `parsed` gives it.
        name: that is assigned.
        item: which of the list's items, from 0; of a list that is computed the line is its own.
        items: that the list has; a starred expression gives several of them.
    """
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
    if not values:
        return None
    value = values[-1]
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    if item is None or not parts:
        return value.lineno
    starred = [number for number, part in enumerate(parts) if isinstance(part, ast.Starred)]
    if not starred or item < starred[0]:
        return parts[item].lineno
    if item - items > starred[-1] - len(parts):
        return parts[item - items].lineno
    # Which of several it came of, only running them would tell.
    return (parts[starred[0]] if len(starred) == 1 else value).lineno


def _real(file: str) -> str:
    return os.path.realpath(file)
