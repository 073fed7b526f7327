"""What a manifest may say of persons beside their score: sex, age and groups. No model sees it.

Columns are ``sex``, ``age`` (years) and any ``group_…``; an empty field is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Traits = tuple[tuple[str, str], ...]
"""(column, text) of a clip's session, sorted by column; without those that are empty."""

SEX, AGE = "sex", "age"

_GROUP = re.compile(r"group_[a-z0-9_]{1,40}")
_LONGEST = 40
_OLDEST = 130
# The first year of each band but the first.
_BANDS = (30, 45, 60)


def is_trait(column: str) -> bool:
    """Whether a column of this name holds a trait."""
    return column in (SEX, AGE) or _GROUP.fullmatch(column) is not None


def check_traits(traits: Traits) -> None:
    """Refuse a column that holds no trait, or a text that can't be a group's name.

    Raises:
        ValueError: naming the field.
    """
    for column, text in traits:
        if not is_trait(column):
            raise ValueError(f"field {column}: expected sex, age or group_NAME")
        if not text or text != text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise ValueError(
                f"field {column}: expected a text of at most {_LONGEST} signs, got {text[:50]!r}"
            )
        if column == AGE and not (text.isascii() and text.isdigit() and int(text) <= _OLDEST):
            raise ValueError(f"field {AGE}: expected whole years, at most {_OLDEST}, got {text!r}")


def sorted_traits(pairs: Iterable[tuple[str, str]]) -> Traits:
    """Return the traits among (column, text) pairs."""
    return tuple(sorted((column, text) for column, text in pairs if is_trait(column) and text))


def group_name(column: str, text: str) -> str:
    """Return the name of the group that a trait puts a person into.

    >>> group_name("sex", "f"), group_name("age", "44")
    ('sex: f', 'age: 30 to 44')
    """
    if column != AGE:
        return f"{column}: {text}"
    edges = (0, *_BANDS, _OLDEST + 1)
    band = sum(int(text) >= first for first in _BANDS)
    low, high = edges[band], edges[band + 1] - 1
    return f"{AGE}: {low} to {high}"
