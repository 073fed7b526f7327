"""Results by group of persons, of each row of a table: by sex, age and what else a corpus tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adabench.leaderboard.rows.row import Row, Table, shared_flags
from adabench.leaderboard.rows.summary import Summary, short, summary_of
from adabench.leaderboard.statistics.errors import over_draws
from adabench.records.schema.groups import FEWEST_PERSONS
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Group
from adabench.records.schema.values import METRIC_NAMES

#: What is told of a group, in this order; bias and slope as in a record's calibration.
NUMBERS: Final = (*METRIC_NAMES, "bias", "slope")

#: Of these a table for readers has columns; the page and the CSV have all.
SHOWN: Final = ("RMSE", "MAE", "bias", "slope")

HEADER: Final = (
    *("Method", "Config", "Origin", "Flags", "Group", "Sessions", "Persons"),
    *(name if name in METRIC_NAMES else name.capitalize() for name in SHOWN),
)

TOO_FEW: Final = "too few"

_LEGEND: Final = (
    "By group of persons, in {points}. A single run has 95 % bootstrap intervals over persons, several "
    "draws, or seeds on one corpus, mean ± sample deviation."
)
_LINE: Final = (
    "Bias is the mean prediction less the mean label, slope the label's on the prediction."
)
_FEW: Final = f"{TOO_FEW.capitalize()}: of under {FEWEST_PERSONS} persons nothing is told."


@dataclass(frozen=True)
class GroupResult:
    """One group's results in one row.

    Attributes:
        persons: whose sessions these are; None where a record does not tell.
        numbers: of `NUMBERS`, those that are known of every run; none of too few persons.
    """

    sessions: int
    persons: int | None
    numbers: Mapping[str, Summary]


def results_by_group(row: Row, *, private: bool = False) -> dict[str, GroupResult]:
    """Return group → its results, of groups that every run of a row has.

    Args:
        row: of a table.
        private: also what of a licensed corpus lies in the private side files that are at hand.
    """
    records = [entry.record for entry in row.entries]
    runs = [_groups_of(record, private) for record in records]
    return {
        name: _result(records, [groups[name] for groups in runs])
        for name in runs[0]
        if all(name in groups for groups in runs)
    }


def _groups_of(record: Record, private: bool) -> Mapping[str, Group]:
    return record.by_group if private and record.by_group else record.groups


def _result(records: Sequence[Record], groups: Sequence[Group]) -> GroupResult:
    numbers = {name: _number(records, groups, name) for name in NUMBERS}
    return GroupResult(
        sessions=groups[0].sessions,
        persons=groups[0].persons,
        numbers={name: found for name, found in numbers.items() if found is not None},
    )


def _number(records: Sequence[Record], groups: Sequence[Group], name: str) -> Summary | None:
    values = [getattr(one.metrics if name in METRIC_NAMES else one, name, None) for one in groups]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return summary_of(over_draws(records, known), _interval(groups[0], name))


def _interval(group: Group, name: str) -> tuple[float, float] | None:
    if name == "bias":
        return group.bias_interval
    if name == "slope":
        return group.slope_interval
    return {str(metric): pair for metric, pair in group.intervals.items()}.get(name)


def group_lines(table: Table, *, private: bool = False) -> list[list[str]]:
    """Return `HEADER`'s cells for each row and group of a table; a row is named in its first line.

    Args:
        table: of one track.
        private: as `results_by_group` takes it.
    """
    shared = shared_flags(table.rows)
    found = [(row, results_by_group(row, private=private)) for row in table.rows]
    # The table above has them; here they tell rows apart.
    several = len({row.origin for row, groups in found if groups}) > 1
    lines: list[list[str]] = []
    for row, groups in found:
        flags = ", ".join(flag for flag in row.flags if flag not in shared)
        named = [row.method, row.config, row.origin if several else "", flags]
        for name, result in groups.items():
            sizes = [str(result.sessions), str(result.persons or "")]
            lines.append([*named, name, *sizes, *_cells(result)])
            named = [""] * len(named)
    return lines


def group_legend(table: Table, lines: Sequence[Sequence[str]]) -> str:
    """Return what a reader of these lines has to know."""
    at = HEADER.index("Bias")
    line = [_LINE] if any(line[at] for line in lines) else []
    few = [_FEW] if any(TOO_FEW in line for line in lines) else []
    return " ".join([_LEGEND.format(points=table.scale.points), *line, *few])


def _cells(result: GroupResult) -> list[str]:
    if not result.numbers:
        return [TOO_FEW, *("",) * (len(SHOWN) - 1)]
    return [_with_interval(result.numbers.get(name)) for name in SHOWN]


def _with_interval(summary: Summary | None) -> str:
    if summary is None or summary.interval is None:
        return short(summary)
    low, high = summary.interval
    return f"{short(summary)} ({low:.2f} to {high:.2f})"
