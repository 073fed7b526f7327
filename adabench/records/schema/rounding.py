"""Numbers as a licensed corpus's record prints them: two decimals, so that they are not equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Decimals of what is computed from a licensed corpus's labels.
DECIMALS: Final = 2

#: How far a number of these decimals may lie from the one it was rounded from.
HALF_STEP: Final = 0.5 * 10.0**-DECIMALS

#: What of a record is computed from labels, beside what is left out whole.
FROM_LABELS: Final = (
    "metrics",
    "clip_metrics",
    "intervals",
    "selection",
    "groups",
    "against_constant",
)


def coarse(value: Any) -> Any:
    """Return a plain value with each of its floats rounded to `DECIMALS`; the rest as it is."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {name: coarse(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [coarse(item) for item in value]
    return value
