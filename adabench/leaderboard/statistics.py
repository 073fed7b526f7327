"""What the differences between rows are worth: p values and effect sizes over persons.

Two rows can be compared if both were tested on the same sessions of one prepared corpus, with labels
at hand. Any other pair is refused or left out; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adabench.evaluation.significance import (
    LEVEL,
    PATTERNS,
    PairedEffect,
    holm,
    paired_effect,
    permutation_p,
    sign_flip_p,
)
from adabench.leaderboard.ranks import Ranks, ranks_over_tracks
from adabench.records.record import Record, is_demo_track
from adabench.records.sections import bdi_ii

__all__ = [
    "Comparison",
    "Ranks",
    "SessionErrors",
    "Side",
    "compare",
    "ranks_over_tracks",
    "row_name",
    "session_errors",
    "told_apart",
    "told_from_best",
]

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, eq=False)
class SessionErrors:
    """Errors of one row, session by session.

    Attributes:
        sessions: (N,) names, sorted.
        subjects: (N,) the person of each.
        labels: (N,) true scores.
        errors: (N,) absolute errors in points, averaged over the row's records.
    """

    sessions: tuple[str, ...]
    subjects: tuple[str, ...]
    labels: NDArray[np.float64]
    errors: NDArray[np.float64]

    def matches(self, other: SessionErrors) -> bool:
        """Whether both are of the same sessions, persons and labels."""
        return (
            self.sessions == other.sessions
            and self.subjects == other.subjects
            and np.array_equal(self.labels, other.labels)
        )


@dataclass(frozen=True)
class Side:
    """One of two rows: its name, number of seeds, and (mean, sample deviation) over them.

    The deviation is None for a single seed. ``corpus`` is the prepared corpus's checksum.
    """

    name: str
    seeds: int
    rmse: tuple[float, float | None]
    mae: tuple[float, float | None]
    corpus: str


@dataclass(frozen=True)
class Comparison:
    """Two rows on the same sessions.

    Attributes:
        effect: of the first row's absolute errors less the second's; negative: the first is better.
        p: of the paired permutation test over persons, for this one pair.
        points: what the errors are in.
    """

    first: Side
    second: Side
    track: str
    sessions: int
    persons: int
    effect: PairedEffect
    p: float
    points: str

    @property
    def is_told_apart(self) -> bool:
        """Whether p is below 5 %."""
        return self.p < LEVEL

    def lines(self) -> Iterator[str]:
        """Yield the comparison as text, ready to print."""
        yield (
            f"{self.first.name} against {self.second.name} on {self.track}: "
            f"{self.sessions} sessions of {self.persons} persons"
        )
        for side in (self.first, self.second):
            seeds = f"{side.seeds} seed{'' if side.seeds == 1 else 's'}"
            yield f"  {side.name}: RMSE {_spread(side.rmse)}, MAE {_spread(side.mae)} ({seeds})"
        interval = self.effect.interval
        shown = f" [{interval[0]:+.2f}, {interval[1]:+.2f}]" if interval else ""
        yield (
            f"difference of absolute errors: {self.effect.difference:+.2f}{shown} {self.points} "
            "(95 % interval over persons)"
        )
        d_z = self.effect.d_z
        yield f"effect size d_z over persons: {'undefined' if d_z is None else f'{d_z:+.2f}'}"
        yield f"p = {self.p:.4f} (paired permutation test over persons, {_patterns(self.persons)})"
        yield self._verdict()
        if self.first.corpus != self.second.corpus:
            yield (
                f"Beware: the corpora were prepared differently ({self.first.corpus[:8]} and "
                f"{self.second.corpus[:8]}), which can make the difference."
            )
        if is_demo_track(self.track):
            yield "These faces are drawn: the numbers say nothing about depression."

    def _verdict(self) -> str:
        if not self.is_told_apart:
            return "They can't be told apart: who was tested explains such a difference."
        better = self.first if self.effect.difference < 0 else self.second
        return (
            f"{better.name} has the smaller errors. This holds for one pair chosen beforehand; "
            "of several pairs, p must be corrected."
        )


def session_errors(
    records: Sequence[Record], labels: Mapping[str, float] | None = None
) -> SessionErrors:
    """Return a row's absolute errors, averaged over its records, which are its seeds.

    Args:
        records: one or more.
        labels: session to score in points, for records of a licensed corpus.

    Raises:
        ValueError: no record, records without predictions or tested on different sessions, a session
            without a label, or with another one in ``labels``.
    """
    if not records:
        raise ValueError("a row needs at least one record")
    known = [_known(record, labels or {}) for record in records]
    if any(other[0] != known[0][0] for other in known[1:]):
        raise ValueError(
            f"the records of {row_name(records)} differ in sessions, persons or labels, so they "
            "are no seeds of one row; compare them one by one"
        )
    sessions, subjects, scores = zip(*known[0][0], strict=True)
    truth = np.array(scores, dtype=np.float64)
    errors = np.mean([np.abs(np.array(guesses) - truth) for _, guesses in known], axis=0)
    return SessionErrors(sessions, subjects, truth, errors)


def told_from_best(
    rows: Mapping[K, Sequence[Record]], labels: Mapping[str, float] | None = None
) -> dict[K, float | None]:
    """Test each row against the row with the smallest mean RMSE.

    Bounds take no part, as they read what no method can; nor do rows without predictions or labels
    (a paper's, say). Rows of another track, another prepared corpus, another protocol or other
    sessions than the best's can't be compared with it.

    Args:
        rows: the records of each row are its seeds.
        labels: as in `session_errors`.

    Returns:
        p value of each row's absolute errors against the best's, over persons, corrected over all
        rows that are compared (Holm). None for the best itself and a row that can't be compared.
    """
    found = {
        key: errors
        for key, records in rows.items()
        if records and records[0].kind != "bound" and (errors := _try_errors(records, labels))
    }
    p_values: dict[K, float | None] = dict.fromkeys(rows)
    if not found:
        return p_values
    best = min(found, key=lambda key: fmean(record.metrics.RMSE for record in rows[key]))
    compared = [
        key
        for key, errors in found.items()
        if key != best and _data(rows[key]) == _data(rows[best]) and errors.matches(found[best])
    ]
    if compared:
        differences = np.stack([found[key].errors for key in compared]) - found[best].errors
        corrected = holm(sign_flip_p(differences, found[best].subjects))
        p_values |= dict(zip(compared, corrected.tolist(), strict=True))
    return p_values


def told_apart(
    rows: Mapping[K, Sequence[Record]], labels: Mapping[str, float] | None = None
) -> dict[tuple[K, K], float]:
    """Test every pair of rows that can be compared.

    Args:
        rows, labels: as in `told_from_best`. Time grows with the square of the rows.

    Returns:
        (first, second) in the order of ``rows`` to the p value of their absolute errors, over
        persons, corrected over all pairs (Holm). A pair that can't be compared is absent.
    """
    found = {
        key: errors
        for key, records in rows.items()
        if records and (errors := _try_errors(records, labels))
    }
    by_subjects: dict[tuple[str, ...], list[tuple[K, K]]] = {}
    for one, other in combinations(found, 2):
        if _data(rows[one]) == _data(rows[other]) and found[one].matches(found[other]):
            by_subjects.setdefault(found[one].subjects, []).append((one, other))
    p_values: list[float] = []
    for subjects, pairs in by_subjects.items():
        differences = np.stack([found[one].errors - found[other].errors for one, other in pairs])
        p_values += sign_flip_p(differences, subjects).tolist()
    tested = [pair for pairs in by_subjects.values() for pair in pairs]
    return dict(zip(tested, holm(p_values).tolist(), strict=True))


def compare(
    a: Sequence[Record], b: Sequence[Record], labels: Mapping[str, float] | None = None
) -> Comparison:
    """Compare two rows: mean difference of absolute errors, interval, effect size, p value.

    Args:
        a, b: the records of each row, its seeds.
        labels: as in `session_errors`.

    Raises:
        ValueError: as `session_errors`, or rows of different tracks, sessions or labels.
    """
    one, other = session_errors(a, labels), session_errors(b, labels)
    if a[0].track != b[0].track:
        raise ValueError(
            f"{row_name(a)} is on track {a[0].track!r} and {row_name(b)} on {b[0].track!r}; "
            "compare rows of one track"
        )
    if not one.matches(other):
        raise ValueError(f"{row_name(a)} and {row_name(b)} {_mismatch(one, other)}")
    return Comparison(
        first=_side(a),
        second=_side(b),
        track=a[0].track,
        sessions=len(one.sessions),
        persons=len(set(one.subjects)),
        effect=paired_effect(one.errors, other.errors, one.subjects),
        p=permutation_p(one.errors, other.errors, one.subjects),
        points=(a[0].scale or bdi_ii()).points,
    )


def row_name(records: Sequence[Record]) -> str:
    """Return a row's method, and its config where that says more."""
    record = records[0]
    return record.method if record.config == record.method else f"{record.method} ({record.config})"


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
        given = labels.get(entry.session)
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


def _try_errors(
    records: Sequence[Record], labels: Mapping[str, float] | None
) -> SessionErrors | None:
    try:
        return session_errors(records, labels)
    except ValueError:
        # No predictions or no labels: such a row is shown, but not compared.
        return None


def _data(records: Sequence[Record]) -> tuple[str, str | None, str | None]:
    return records[0].track, records[0].corpus_checksum, records[0].protocol


def _mismatch(one: SessionErrors, other: SessionErrors) -> str:
    only = sorted(set(one.sessions) ^ set(other.sessions))
    if only:
        return (
            f"were tested on different sessions ({len(only)} are in one alone, {only[0]!r} first); "
            "compare runs of one protocol"
        )
    return "give the same sessions other persons or labels; compare runs of one corpus"


def _side(records: Sequence[Record]) -> Side:
    def spread(name: str) -> tuple[float, float | None]:
        values = [getattr(record.metrics, name) for record in records]
        return fmean(values), stdev(values) if len(values) > 1 else None

    corpus = records[0].corpus_checksum or ""
    return Side(row_name(records), len(records), spread("RMSE"), spread("MAE"), corpus)


def _spread(value: tuple[float, float | None]) -> str:
    mean, deviation = value
    return f"{mean:.2f}" if deviation is None else f"{mean:.2f} ± {deviation:.2f}"


def _patterns(persons: int) -> str:
    every = 2**persons
    return f"all {every} patterns" if every <= PATTERNS else f"{PATTERNS} random patterns"
