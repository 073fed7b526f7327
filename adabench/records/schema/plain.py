"""What any text and any number in a record may be, whichever field holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, Field

from adabench.data.plain import (
    LONGEST_NAME,
    check_name,
    check_remark,
    printable,
)

#: No number of a record is this large: seeds have 63 bits, and sums of such numbers are finite.
LARGEST_NUMBER: Final = 2**63

#: A name that tables show, and one of a session or a person, which is the corpus's own.
Name = Annotated[str, Field(min_length=1), AfterValidator(check_name)]
SessionName = Annotated[str, Field(max_length=LONGEST_NAME, pattern=r"^\S(.*\S)?$")]


def check_plain(value: Any, *place: Any) -> None:
    """Refuse texts with invisible signs and numbers beyond reason, at any depth.

    Args:
        value: a record's fields, as JSON has them or as parts of the schema.
        place: where in the record that is.

    Raises:
        ValueError: naming the first such field.
    """
    if isinstance(value, BaseModel):
        value = value.__dict__
    named = isinstance(value, Mapping)
    for name in value if named else ():
        if not _is_simple(name):
            _check_leaf(name, place)
    for step, item in value.items() if named else enumerate(value):
        if _is_simple(item):
            continue
        if isinstance(item, Mapping | list | tuple | BaseModel):
            check_plain(item, *place, step)
        else:
            _check_leaf(item, (*place, step))


def first_twice(names: Iterable[str]) -> str | None:
    """Return the first name that came before; None if each comes once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _is_simple(value: Any) -> bool:
    """Whether a look tells that it is harmless, as with nearly every value of a record."""
    kind = type(value)
    if kind is str:
        return value.isascii() and value.isprintable() and len(value) <= LONGEST_NAME
    return value is None or (kind is float and -LARGEST_NUMBER < value < LARGEST_NUMBER)


def _check_leaf(value: Any, place: tuple[Any, ...]) -> None:
    if isinstance(value, str):
        try:
            check_remark(value)
        except ValueError as error:
            raise ValueError(f"{_named(place)}: {error}") from error
    elif isinstance(value, int | float) and abs(value) >= LARGEST_NUMBER:
        raise ValueError(f"{_named(place)}: expected a finite number below 2^63 in size")


def _named(place: tuple[Any, ...]) -> str:
    return printable(".".join(str(step)[:60] for step in place)) or "a field's name"
