"""One number of a row: of a single run, or the mean over its seeds; and how it is written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Summary:
    """One metric of one row: a value, or the mean and sample deviation over several seeds."""

    value: float
    deviation: float | None = None
    interval: tuple[float, float] | None = None


def summary_of(values: Sequence[float], interval: tuple[float, float] | None = None) -> Summary:
    """Return what the runs of a row give together; only a single run keeps its interval."""
    if len(values) == 1:
        return Summary(values[0], interval=interval)
    mean = fmean(values)
    return Summary(mean, _deviation(values, mean))


def short(summary: Summary | None) -> str:
    """Return a number for a reader: two decimals, nothing where there is none."""
    if summary is None:
        return ""
    if summary.deviation is None:
        return f"{summary.value:.2f}"
    return f"{summary.value:.2f} ± {summary.deviation:.2f}"


def full(summary: Summary | None) -> list[str]:
    """Return value, deviation, low and high with all their digits, empty where there is none."""
    if summary is None:
        return ["", "", "", ""]
    low, high = summary.interval or (None, None)
    return [number(value) for value in (summary.value, summary.deviation, low, high)]


def number(value: float | None) -> str:
    """Return all digits of a number, nothing of none."""
    return "" if value is None else repr(value)


def measure_names(measures: Iterable[Mapping[str, Summary]]) -> list[str]:
    """Return the names of the rows' measures beside the usual four metrics, sorted."""
    return sorted({name for own in measures for name in own})


def _deviation(values: Sequence[float], mean: float) -> float:
    # statistics.stdev computes in fractions, which takes most of the time of a large table.
    squares = math.fsum((value - mean) ** 2 for value in values)
    return math.sqrt(squares / (len(values) - 1))
