"""What stands beside the metrics of a row: calibration, and whether relevance finds key frames.

Calibration is a record's own where that tells it. Where it doesn't (a paper's row, or one of a
licensed corpus, whose exact calibration is private), slope and ratio follow from RMSE, PCC and CCC
with the deviation of the labels, and are marked as derived; they tell no more than those three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

from adabench.evaluation.calibration import derived_calibration
from adabench.evaluation.localisation import ALL, MEASURES
from adabench.leaderboard.rows.row import Row
from adabench.leaderboard.rows.summary import Summary, full, number, short, summary_of
from adabench.leaderboard.statistics.errors import over_draws
from adabench.records.files.reported import LABEL_SIGMAS
from adabench.records.schema.record import Record

#: Fields of a record's calibration that are told, and their columns for readers.
CALIBRATION: Final = {"slope": "Slope", "bias": "Bias", "sigma_ratio": "σ ratio"}

#: The parts of a measure of relevance.
PARTS: Final = ("value", "chance", "ceiling")

RELEVANCE: Final = "Relevance"

INTERVALS: Final = "Interval"

#: Numbers of a record's calibrated intervals that are told.
INTERVAL_NUMBERS: Final = ("coverage", "width", "relative_width", "score")

#: Behind a number that is derived.
DERIVED: Final = "†"

_CALIBRATION_LEGEND: Final = (
    "Slope is that of labels on predictions (above 1: predictions are shrunken), bias the mean "
    "prediction less the mean label, σ ratio the deviation of predictions over that of labels."
)
_DERIVED_LEGEND: Final = (
    f"{DERIVED} derived from RMSE, PCC and CCC, the deviation of the labels taken as {{sigma:g}}."
)
_RELEVANCE_LEGEND: Final = (
    "Relevance is the area under its ROC curve for key frames, mean over clips, with its chance (the "
    "same relevance shifted round the clip) and its ceiling (what the method's units allow) in brackets."
)
_INTERVAL_LEGEND: Final = (
    "Interval is the share of labels that calibrated intervals of {level:.0%} held ({method}), and "
    "their mean width in points, with that over the constant's, calibrated alike, in brackets."
)


@dataclass(frozen=True)
class RowIntervals:
    """What the intervals around a row's predictions do: means over draws, or the runs of one corpus.

    Attributes:
        method, level: the calibrator, and the share of labels that it promises to hold.
        numbers: of `INTERVAL_NUMBERS`, those that every run tells.
    """

    method: str
    level: float
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class RowCalibration:
    """How a row's predictions lie to labels.

    Attributes:
        numbers: of `CALIBRATION`, those that are known of every run.
        sigma: deviation of the labels that they were derived with; None where they are measured.
    """

    numbers: Mapping[str, Summary] = field(default_factory=dict)
    sigma: float | None = None


@dataclass(frozen=True)
class Columns:
    """Columns that some row fills: their names, a line of cells for each row, what to know of them."""

    header: tuple[str, ...]
    cells: list[list[str]]
    legend: list[str]


def calibration_of_row(row: Row, *, private: bool = False) -> RowCalibration:
    """Return how a row's predictions lie to labels.

    Args:
        row: of a table.
        private: also what of a licensed corpus lies in the private side files that are at hand.
    """
    records = [entry.record for entry in row.entries]
    runs, sigma = [_calibration(record, private) for record in records], None
    if not all(runs):
        # Other protocols test other sessions, whose labels spread otherwise.
        sigma = LABEL_SIGMAS.get(records[0].track) if row.peers.is_official else None
        runs = [_derived(record, sigma) for record in records]
    numbers = {
        name: summary_of(over_draws(records, [run[name] for run in runs]))
        for name in CALIBRATION
        if all(name in run for run in runs)
    }
    return RowCalibration(numbers, sigma if numbers else None)


def relevance_of_row(row: Row) -> dict[str, dict[str, tuple[float | None, ...]]]:
    """Return label → measure → value, chance and ceiling: means over draws, or the runs of one corpus.

    What any run doesn't tell is left out.
    """
    records = [entry.record for entry in row.entries]
    told = [record.relevance_measures for record in records]
    found: dict[str, dict[str, tuple[float | None, ...]]] = {}
    for label in told[0]:
        own = [run[label] for run in told if label in run]
        for name in MEASURES:
            located = [one for run in own if (one := getattr(run, name)) is not None]
            if len(located) == len(told):
                parts = ([getattr(one, part) for one in located] for part in PARTS)
                found.setdefault(label, {})[name] = tuple(_mean(records, part) for part in parts)
    return found


def intervals_of_row(row: Row) -> list[RowIntervals]:
    """Return what a row's intervals do, of each calibrator that all of its runs have."""
    records = [entry.record for entry in row.entries]
    told = [{(one.method, one.level): one for one in record.conformal} for record in records]
    found = []
    for method, level in told[0]:
        if not all((method, level) in run for run in told):
            continue
        runs = [run[method, level] for run in told]
        means = {n: _mean(records, [getattr(one, n) for one in runs]) for n in INTERVAL_NUMBERS}
        numbers = {name: value for name, value in means.items() if value is not None}
        found.append(RowIntervals(method, level, numbers))
    return found


def columns_beside(rows: Sequence[Row], *, private: bool = False) -> Columns:
    """Return the columns for readers; `private` as `calibration_of_row` takes it."""
    calibrations = [calibration_of_row(row, private=private) for row in rows]
    areas = [_area(row) for row in rows]
    columns = {
        name: [_marked(found, key) for found in calibrations] for key, name in CALIBRATION.items()
    }
    columns[RELEVANCE] = [_located(area) for area in areas]
    intervals = [intervals_of_row(row) for row in rows]
    shown = _commonest(intervals)
    columns[INTERVALS] = [_held(found, shown) for found in intervals]
    filled = {name: cells for name, cells in columns.items() if any(cells)}
    sigmas = sorted({found.sigma for found in calibrations if found.sigma is not None})
    legend = [_CALIBRATION_LEGEND] if filled.keys() & set(CALIBRATION.values()) else []
    legend += [_DERIVED_LEGEND.format(sigma=sigma) for sigma in sigmas]
    legend += [_RELEVANCE_LEGEND] if RELEVANCE in filled else []
    if shown is not None:
        method, level = shown
        legend.append(_INTERVAL_LEGEND.format(level=level, method=method))
    cells = [[own[index] for own in filled.values()] for index in range(len(rows))]
    return Columns(tuple(filled), cells, legend)


def csv_beside(rows: Sequence[Row]) -> Columns:
    """Return the columns of a CSV, all digits, the same for every table."""
    names = [f"{name}{part}" for name in CALIBRATION for part in ("", "_sd")]
    areas = [f"relevance_{part}" for part in ("area", *PARTS[1:])]
    intervals = [f"interval_{part}" for part in ("method", "level", *INTERVAL_NUMBERS)]
    cells = []
    for row in rows:
        found = calibration_of_row(row)
        numbers = [cell for name in CALIBRATION for cell in full(found.numbers.get(name))[:2]]
        kind = "derived" if found.sigma is not None else "measured" if found.numbers else ""
        located = map(number, _area(row) or (None,) * len(areas))
        cells.append([*numbers, kind, *located, *_interval_cells(row)])
    return Columns((*names, "calibration", *areas, *intervals), cells, [])


def _calibration(record: Record, private: bool) -> dict[str, float]:
    found = record.calibration
    if found is None and private and record.kept is not None:
        found = record.kept.calibration
    numbers = {} if found is None else found.model_dump(include=set(CALIBRATION))
    return {name: value for name, value in numbers.items() if value is not None}


def _derived(record: Record, sigma: float | None) -> dict[str, float]:
    metrics = record.metrics
    if sigma is None or metrics.PCC is None or metrics.CCC is None:
        return {}
    found = derived_calibration(metrics.RMSE, metrics.PCC, metrics.CCC, sigma)
    return {} if found is None else found._asdict()


def _area(row: Row) -> tuple[float | None, ...] | None:
    return relevance_of_row(row).get(ALL, {}).get("roc_area")


def _mean(records: Sequence[Record], values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(over_draws(records, known)) if len(known) == len(values) else None


def _marked(found: RowCalibration, name: str) -> str:
    text = short(found.numbers.get(name))
    return f"{text}{DERIVED}" if text and found.sigma is not None else text


def _commonest(rows: Sequence[Sequence[RowIntervals]]) -> tuple[str, float] | None:
    """Return the calibrator and level that most rows have, the first of several; None where none has any."""
    count = Counter((found.method, found.level) for row in rows for found in row)
    return count.most_common(1)[0][0] if count else None


def _held(row: Sequence[RowIntervals], shown: tuple[str, float] | None) -> str:
    """Return coverage and width of the calibrator that the legend tells of; empty without it."""
    numbers = next((one.numbers for one in row if (one.method, one.level) == shown), None)
    if numbers is None:
        return ""
    over = f" ({numbers['relative_width']:.2f})" if "relative_width" in numbers else ""
    return f"{numbers['coverage']:.2f}, {numbers['width']:.1f}{over}"


def _interval_cells(row: Row) -> list[str]:
    found = intervals_of_row(row)
    if not found:
        return [""] * (2 + len(INTERVAL_NUMBERS))
    first = found[0]
    values = [first.level, *(first.numbers.get(name) for name in INTERVAL_NUMBERS)]
    return [first.method, *map(number, values)]


def _located(area: tuple[float | None, ...] | None) -> str:
    if area is None or area[0] is None:
        return ""
    value, chance, ceiling = area
    if chance is None or ceiling is None:
        return f"{value:.2f}"
    return f"{value:.2f} ({chance:.2f} to {ceiling:.2f})"
