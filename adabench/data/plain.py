"""Text that others read: names and remarks without signs that nobody sees, and showing what has some."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Signs of a name, of a remark, and of an override or another line of free text.
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 10_000

#: Letters and marks that show nothing, though Unicode counts them as printable.
BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def printable(text: str) -> str:
    """``text`` with whatever can't be printed or encoded as an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def check_visible(text: str, *, longest: int = LONGEST_NAME) -> str:
    """Return a text of one line if each of its signs is one that a reader sees.

    Control characters, signs that turn the direction of writing, signs of no width and line ends are
    refused, and blanks at either end.

    Raises:
        ValueError: with the text as it can be shown.
    """
    if len(text) > longest:
        raise ValueError(f"expected at most {longest} characters, got {len(text)}: {_start(text)}")
    if not text.isprintable() or BLANK.search(text):
        raise ValueError(
            f"expected signs that a reader sees, got {_start(text)}: leave out control characters, "
            "line ends and invisible signs"
        )
    if text != text.strip():
        raise ValueError(f"expected no blank at either end, got {_start(text)}")
    return text


def check_name(text: str) -> str:
    """Return a name that is shown in tables: visible, composed (NFC), with a letter or a digit.

    Raises:
        ValueError: with the name as it can be shown, and what to do.
    """
    check_visible(text)
    if not any(letter.isalnum() for letter in text):
        raise ValueError(f"expected a name with a letter or a digit, got {_start(text)}")
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError(f"expected composed letters (Unicode's NFC), got {_start(text)}")
    return text


def check_remark(text: str) -> str:
    """Return a free text whose signs a reader sees; it may have several lines.

    Raises:
        ValueError: with the text as it can be shown.
    """
    check_visible(" ".join(text.split("\n")).strip(), longest=LONGEST_TEXT)
    return text


def _start(text: str) -> str:
    # An escape for every sign outside ASCII: a letter that looks like another one is told too.
    return ascii(text if len(text) <= 60 else f"{text[:57]}...")
