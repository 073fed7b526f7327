"""AVEC's official splits share persons; beside each number stands the one with persons kept apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from adabench.evaluation.controls import CONSTANT
from adabench.leaderboard.rows.row import Row
from adabench.leaderboard.rows.summary import Summary
from adabench.records.files.reported import CORPUS_OF_TRACK
from adabench.records.schema.sections import Reported

#: How the protocols begin that deal all sessions anew with nobody in two parts.
DISJOINT: Final = "person-disjoint"

#: What is shown beside the official numbers, and the columns' names.
SHOWN: Final = {"RMSE": "RMSE disjoint", "MAE": "MAE disjoint"}

LEGEND: Final = (
    "The official splits share persons; `disjoint` is the same method with nobody in two parts "
    "(--protocol person-disjoint), empty where that was not run."
)


def has_both(track: str) -> bool:
    """Whether a track's rows always show both protocols."""
    return track in CORPUS_OF_TRACK


def side_by_side(track: str, rows: Sequence[Row]) -> list[Row]:
    """Put each person-disjoint row of AVEC beside the official one of its method and config.

    One without an official row keeps its line. Of several divisions the one with most runs stands
    beside; the others keep their lines.
    """
    if not has_both(track):
        return list(rows)
    twins: dict[Hashable, list[Row]] = {}
    for row in rows:
        if is_disjoint(row):
            twins.setdefault(_key(row), []).append(row)
    taken: list[Row] = []
    shown: list[Row] = []
    for row in rows:
        if _is_official(row) and (own := twins.get(_key(row))):
            beside = max(own, key=lambda twin: len(twin.entries))
            taken.append(beside)
            row = replace(row, beside=beside)
        shown.append(row)
    return [row for row in shown if not any(row is each for each in taken)]


def is_disjoint(row: Row) -> bool:
    """Whether a row's own protocol keeps persons apart."""
    return (row.entries[0].record.protocol or "").startswith(DISJOINT)


def official_metrics(row: Row) -> Mapping[str, Summary]:
    """Return the metrics under the protocol of the row; of a lone person-disjoint row of AVEC none."""
    alone = has_both(row.entries[0].record.track) and is_disjoint(row)
    return {} if alone else row.metrics


def disjoint_metrics(row: Row) -> Mapping[str, Summary]:
    """Return the metrics with persons kept apart."""
    if is_disjoint(row):
        return row.metrics
    return {} if row.beside is None else row.beside.metrics


def _is_official(row: Row) -> bool:
    record = row.entries[0].record
    return not isinstance(record.origin, Reported) and record.protocol == "official"


def _key(row: Row) -> Hashable:
    entry = row.entries[0]
    record = entry.record
    if record.method == CONSTANT:
        # It has no config of its own: any run may have written it.
        return (CONSTANT, entry.place, record.fusion)
    overrides = (option for option in record.overrides if not option.startswith("protocol."))
    flags = record.flags.model_dump(exclude={"pretrained_checksum"})
    return (
        entry.place,
        row.kind,
        row.method,
        row.config,
        record.fusion,
        *overrides,
        *flags.values(),
    )
