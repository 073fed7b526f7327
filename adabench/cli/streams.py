"""What tools write to a terminal: in any encoding, and errors with what mends them. Imports no torch."""

from __future__ import annotations

import errno
import io
import sys

from pydantic import ValidationError

from adabench.data.files import OPEN_FILES
from adabench.hints import problems


def write_anywhere() -> None:
    """Write letters that the terminal's encoding lacks as escapes, instead of failing over them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def told(error: BaseException) -> str:
    """Return an error's words in one text, with the remedy where too many files were open."""
    text = str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
    if isinstance(error, ValidationError):
        text = problems(error)
    cause: BaseException | None = error
    while cause is not None:
        is_limit = isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE)
        if is_limit and OPEN_FILES not in text:
            return f"{text}: {OPEN_FILES}"
        cause = cause.__cause__ or cause.__context__
    return text
