"""What differs between two resolved configs, by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def config_differences(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """Yield ``place: THEN then, NOW now`` of every value that differs.

    Args:
        before, after: configs as JSON has them.
        where: the place of both.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            place = f"{where}.{key}" if where else str(key)
            yield from config_differences(before.get(key), after.get(key), place)
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        if list(before) != list(after):
            yield f"{where}: {_short(list(before))} then, {_short(list(after))} now"
    elif before != after:
        yield f"{where}: {_short(before)} then, {_short(after)} now"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
