"""A row's errors, place by place: on each draw of a family, each fold, or the one corpus that there is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.controls import CONSTANT
from adabench.evaluation.sign_flips import squared_errors
from adabench.records.protocols import fold_of, shared_protocol
from adabench.records.schema.record import Record

#: What places are to each other: draws, folds of a corpus, or a single one.
Design = Literal["draws", "folds", "corpus"]

#: Corpus and protocol → RMSE of the constant there, points.
Constants = Mapping[tuple[str | None, str | None], float]


class Place(NamedTuple):
    """Where runs can be compared: one prepared corpus, divided in one way.

    Attributes:
        draw: its number within a family; None of a corpus that is of none.
    """

    draw: int | None
    corpus: str | None
    protocol: str | None


@dataclass(frozen=True, eq=False)
class Part:
    """One row at one place.

    Attributes:
        sessions: (N,) names, sorted.
        subjects: (N,) the person of each.
        labels: (N,) true scores.
        errors: (S, N) prediction less label of S runs, points.
    """

    sessions: tuple[str, ...]
    subjects: tuple[str, ...]
    labels: NDArray[np.float64]
    errors: NDArray[np.float64]

    @property
    def squared(self) -> NDArray[np.float64]:
        """(N,) points squared, of all runs together."""
        return squared_errors(self.errors)

    @property
    def rmse(self) -> float:
        """The mean over runs."""
        return float(np.sqrt(self.squared.mean()))

    def matches(self, other: Part) -> bool:
        """Whether both are of the same sessions, persons and labels."""
        return (
            self.sessions == other.sessions
            and self.subjects == other.subjects
            and np.array_equal(self.labels, other.labels)
        )


Parts = Mapping[Place, Part]


def place_of(record: Record) -> Place:
    """Return where a run can be compared with another."""
    return Place(draw_of(record), record.corpus_checksum, record.protocol)


def draw_of(record: Record) -> int | None:
    """Return which draw of a family a record was tested on; without a family its number says nothing."""
    return record.draw if record.family is not None else None


def data_of(record: Record) -> Hashable:
    """Return what the records of two rows share that may be compared at all."""
    corpus = record.family or record.corpus_checksum
    return record.track, corpus, record.world, shared_protocol(record.protocol)


def design_of(places: Iterable[Place]) -> Design:
    """Return what places are to each other."""
    places = list(places)
    if len(places) == 1:
        return "corpus"
    return "draws" if all(place.draw is not None for place in places) else "folds"


def test_to_train(places: Iterable[Place]) -> float:
    """Return how many sessions of folds are tested over those trained on.

    Raises:
        ValueError: they are of no folds.
    """
    folds = {fold.test_to_train for place in places if (fold := fold_of(place.protocol))}
    if not folds:
        raise ValueError("several corpora that are neither draws of one family nor folds of one")
    return max(folds)


def row_parts(records: Sequence[Record], labels: Mapping[str, float] | None = None) -> Parts:
    """Return a row's errors by place.

    Args:
        records: one or more: the runs of one row.
        labels: session to score in points, for records of a licensed corpus.

    Raises:
        ValueError: no record, records without predictions, records of one place that were tested on
            different sessions, a session without a label, or with another one in ``labels``.
    """
    if not records:
        raise ValueError("a row needs at least one record")
    by_place: dict[Place, list[Record]] = {}
    for record in records:
        by_place.setdefault(place_of(record), []).append(record)
    return {place: _part(own, labels or {}) for place, own in by_place.items()}


def constants_in(rows: Iterable[Sequence[Record]]) -> Constants:
    """Return the RMSE of the constant of each corpus and protocol among rows, the best of several."""
    found: dict[tuple[str | None, str | None], float] = {}
    for record in (record for records in rows for record in records):
        if record.method == CONSTANT and record.kind == "control":
            key = record.corpus_checksum, record.protocol
            found[key] = min(record.metrics.RMSE, found.get(key, np.inf))
    return found


def shares_of(records: Sequence[Record], constants: Constants) -> list[float]:
    """Return the errors of a row's runs over their constants', as `over_draws`; none where one lacks."""
    found = [_share_of(record, constants) for record in records]
    shares = [share for share in found if share is not None]
    return over_draws(records, shares) if len(shares) == len(records) else []


def _share_of(record: Record, constants: Constants) -> float | None:
    constant = constants.get((record.corpus_checksum, record.protocol))
    return record.metrics.RMSE / constant if constant else None


def over_draws(records: Sequence[Record], values: Sequence[float]) -> list[float]:
    """Return the values of a row's runs; of several draws one each, the mean of its runs.

    Args:
        records: the runs.
        values: of each.
    """
    by_draw: dict[int | None, list[float]] = {}
    for record, value in zip(records, values, strict=True):
        by_draw.setdefault(draw_of(record), []).append(value)
    return list(values) if len(by_draw) == 1 else [fmean(own) for own in by_draw.values()]


def row_name(records: Sequence[Record]) -> str:
    """Return a row's method, and its config where that says more."""
    record = records[0]
    return record.method if record.config == record.method else f"{record.method} ({record.config})"


def _part(records: Sequence[Record], labels: Mapping[str, float]) -> Part:
    known = [_known(record, labels) for record in records]
    if any(other[0] != known[0][0] for other in known[1:]):
        raise ValueError(
            f"the records of {row_name(records)} differ in sessions, persons or labels, so they "
            "are no seeds of one row; compare them one by one"
        )
    sessions, subjects, scores = zip(*known[0][0], strict=True)
    truth = np.array(scores, dtype=np.float64)
    errors = np.array([guesses for _, guesses in known]) - truth
    return Part(sessions, subjects, truth, errors)


def _known(
    record: Record, labels: Mapping[str, float]
) -> tuple[list[tuple[str, str, float]], list[float]]:
    """Return (session, subject, label) in the order of sessions, and what was predicted there."""
    if not record.entries:
        raise ValueError(
            f"{row_name([record])} holds no predictions, so it can't be compared{_where(record)}"
        )
    entries = sorted(record.entries, key=lambda entry: entry.session)
    truth = []
    for entry in entries:
        # Draws may share names of sessions, and labels are given for one corpus.
        given = labels.get(entry.session) if draw_of(record) is None else None
        label = given if entry.label is None else entry.label
        if label is None:
            raise ValueError(
                f"session {entry.session!r} of {row_name([record])} has no label, as corpus "
                f"{record.corpus!r} is licensed: give the labels of your own copy"
            )
        if given is not None and given != label:
            raise ValueError(
                f"session {entry.session!r} has label {entry.label} in the record of "
                f"{row_name([record])}, but {given} in the labels given: they are of another corpus"
            )
        truth.append((entry.session, entry.subject, float(label)))
    return truth, [entry.prediction for entry in entries]


def _where(record: Record) -> str:
    if not record.private:
        return ""
    return (
        f": corpus {record.corpus!r} is licensed, so they lie in the private side file "
        f"{record.private[:8]}….json, which is not at hand; copy it into the folder `private` of "
        "the results folder (of records in measured/: local/private)"
    )
