"""How far the order of measured rows agrees with the one that a paper prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adabench.bench.comparison.compared import RANKED_BY, ComparedRow, Order
from adabench.bench.tasks import Cell, Key
from adabench.evaluation.ranking import FEWEST_ROWS, rank_agreement
from adabench.records.schema.record import Record


def order_of(
    track: str,
    rows: Sequence[ComparedRow],
    own: Mapping[tuple[str, str], Cell],
    records: Mapping[Key, Record],
) -> Order:
    """Compare the order of a track's rows by `RANKED_BY` with the printed one, on the seeds they share.

    Args:
        track: of the suite.
        rows: that may be compared with each other.
        own: (row, track) → its cell.
        records: measured runs.
    """
    ranked = [
        (pair.reported.RMSE, own[row.name, track], pair.measured)
        for row in rows
        if row.name and (pair := row.pairs[track]).reported and pair.measured
    ]
    if len(ranked) < FEWEST_ROWS:
        few = f"printed rows that are measured: {len(ranked)}; an order needs {FEWEST_ROWS}"
        return Order(track, len(ranked), reason=few)
    seeds = sorted(set.intersection(*(set(measured.seeds) for _, _, measured in ranked)))
    if not seeds:
        return Order(track, len(ranked), reason="the rows have no seed in common")
    runs = [
        [records[cell.key(turn)] for turn in cell.turns if turn.seed in seeds]
        for _, cell, _ in ranked
    ]
    try:
        sessions, labels = _sessions([record for row in runs for record in row])
        agreement = rank_agreement(
            [value for value, _, _ in ranked],
            [[_predicted(record, sessions) for record in row] for row in runs],
            labels,
            _subjects(runs[0][0], sessions),
            metric=RANKED_BY,
        )
    except ValueError as error:
        return Order(track, len(ranked), tuple(seeds), reason=str(error))
    return Order(track, len(ranked), tuple(seeds), agreement)


def _sessions(records: Sequence[Record]) -> tuple[list[str], list[float]]:
    labels = {entry.session: entry.label for entry in records[0].entries}
    known = {session: label for session, label in labels.items() if label is not None}
    if not known or len(known) < len(labels):
        raise ValueError("the records hold no labels, since their corpus is licensed")
    for record in records[1:]:
        if {entry.session: entry.label for entry in record.predictions} != labels:
            raise ValueError("the rows were tested on different sessions; run them again")
    sessions = sorted(known)
    return sessions, [known[session] for session in sessions]


def _predicted(record: Record, sessions: Sequence[str]) -> list[float]:
    predicted = {entry.session: entry.prediction for entry in record.predictions}
    return [predicted[session] for session in sessions]


def _subjects(record: Record, sessions: Sequence[str]) -> list[str]:
    """Return whose session each is."""
    subjects = {entry.session: entry.subject for entry in record.predictions}
    return [subjects[session] for session in sessions]
