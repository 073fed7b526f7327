"""What a table's text needs before it goes into a terminal, a Markdown page or a CSV file.

Whatever stands in a record is shown as it is written, and can neither start a formula, name an image
to be fetched, become a link, nor steer a terminal.
"""

from __future__ import annotations

import re
from typing import Final

from adabench.data.plain import printable

# Signs that mean something in GitHub's Markdown, an underscore only at a word's end, and those within
# an address, of which it makes a link without any sign around it.
_SIGNS: Final = re.compile(
    r"(?i)(?P<address>:(?=//)|(?<=\bwww)\.|@|[&<])"
    r"|[\\`*\[\]{}|>#~!$]|(?<![^\W_])_+|_+(?![^\W_])"
)

# What makes a formula of a cell, also after blanks, and in full width. Where a comma is a decimal
# sign, a spreadsheet begins a cell after each semicolon, and then quotes hold no line together.
_FORMULA: Final = re.compile(
    "(^|[;\\n])(?=[\\s\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r])"
)

# What begins a list or draws a line where a line begins.
_BLOCK: Final = re.compile(r"^([0-9]{1,9}(?=[.)](?:\s|$))|(?=[-+](?:[\s+-]|$)))")


def terminal_cell(text: str) -> str:
    """Return a text for a terminal: what it could take for a command becomes an escape."""
    return "\n".join(printable(line) for line in text.split("\n"))


def markdown_cell(text: str) -> str:
    """Return a text of one line for a Markdown page, in a table or in a list."""
    shown = _SIGNS.sub(_harmless, printable(" ".join(text.split())))
    return _BLOCK.sub(r"\1\\", shown)


def csv_cell(text: str) -> str:
    """Return a text for a CSV cell: one that a spreadsheet would compute gets an apostrophe."""
    return terminal_cell(_FORMULA.sub(r"\1'", text))


def _harmless(found: re.Match[str]) -> str:
    if found["address"] is None:
        return "".join(f"\\{sign}" for sign in found[0])
    return {"&": "&amp;", "<": "&lt;"}.get(found[0], f"&#{ord(found[0])};")
