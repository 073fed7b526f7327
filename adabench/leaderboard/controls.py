"""Does a control contradict a measured row?

A method that has learnt something is better than the training mean and than itself trained on
labels shuffled among sessions; on a generated corpus it can't be better than the oracle. And shuffled
labels themselves must teach nothing: if they do, something else tells the labels.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, TypeVar

from adabench.evaluation.controls import CONSTANT, SHUFFLED
from adabench.evaluation.significance import LEVEL
from adabench.records.record import Measured, Record

#: The method name of the generator's oracle.
ORACLE: Final = "bound: oracle"

K = TypeVar("K", bound=Hashable)

_METHOD: Final = "method"


@dataclass(frozen=True)
class _Row:
    """What is judged of a row: its role, figures (means over seeds), and what it was tested on."""

    role: str
    rmse: float
    pcc: float | None
    persons: int
    test: Hashable
    protocol: str | None


def contradictions(rows: Mapping[K, Sequence[Record]]) -> dict[K, str]:
    """Return the reason for each row that a control contradicts.

    A row is judged by the constant and the shuffled labels of its own track, prepared corpus,
    protocol and test sessions, and by the oracle of its own track, corpus and test sessions. Means
    over seeds are compared as they are: a flag asks for a look and is no proof.

    Shuffled labels are flagged where they are better than the constant and their predictions go with
    the labels by more than chance (one-sided test of Pearson's correlation over persons, 5 %). A
    lower RMSE alone would not do: two constants differ by where the test persons happen to lie.

    Args:
        rows: the rows of one track and one corpus, controls and bounds among them; the records of a
            row are its seeds. Reported rows are not judged.
    """
    known = {key: _row(records) for key, records in rows.items() if records}
    judges: dict[Hashable, list[float]] = {}
    for row in known.values():
        judges.setdefault((row.role, row.test), []).append(row.rmse)
        judges.setdefault((row.role, row.test, row.protocol), []).append(row.rmse)
    found = {key: "; ".join(_reasons(row, judges)) for key, row in known.items()}
    return {key: reason for key, reason in found.items() if reason}


def _row(records: Sequence[Record]) -> _Row:
    first = records[0]
    correlations = [record.metrics.PCC for record in records if record.metrics.PCC is not None]
    return _Row(
        role=_role(first),
        rmse=fmean(record.metrics.RMSE for record in records),
        pcc=fmean(correlations) if len(correlations) == len(records) else None,
        persons=first.persons,
        test=(first.track, first.corpus_checksum, _tested(first)),
        protocol=first.protocol,
    )


def _tested(record: Record) -> Hashable:
    """What can be said of the sessions: of a licensed corpus only how many."""
    if record.licensed:
        return record.sessions, record.persons
    return frozenset(entry.session for entry in record.predictions)


def _role(record: Record) -> str:
    if not isinstance(record.origin, Measured):
        return "reported"
    return _METHOD if record.kind == "method" else record.method


def _reasons(row: _Row, judges: Mapping[Hashable, Sequence[float]]) -> list[str]:
    constants = judges.get((CONSTANT, row.test, row.protocol), ())
    if row.role == SHUFFLED and constants:
        return _shuffled_reasons(row, min(constants))
    if row.role != _METHOD:
        return []
    reasons = []
    if constants and row.rmse >= min(constants):
        reasons.append(f"no better than the constant ({_figures(row, min(constants))})")
    shuffled = judges.get((SHUFFLED, row.test, row.protocol), ())
    if shuffled and row.rmse >= min(shuffled):
        reasons.append(f"no better than shuffled labels ({_figures(row, min(shuffled))})")
    oracles = judges.get((ORACLE, row.test), ())
    if oracles and row.rmse < max(oracles):
        reasons.append(
            "better than the oracle, which knows the scores' own noise "
            f"({_figures(row, max(oracles))})"
        )
    return reasons


def _shuffled_reasons(row: _Row, constant: float) -> list[str]:
    if row.rmse >= constant or _correlation_p(row.pcc or 0.0, row.persons) >= LEVEL:
        return []
    return [
        f"better than the constant by more than chance ({_figures(row, constant)}, PCC {row.pcc:.2f} "
        f"over {row.persons} persons): something tells the labels"
    ]


def _correlation_p(pcc: float, persons: int) -> float:
    """One-sided p value of a correlation, from its figure alone: licensed records hold no labels."""
    # Student's distribution as scipy.stats has it, which takes a second longer to import.
    from scipy.special import stdtr

    free = persons - 2
    if pcc <= 0 or free < 1:
        return 1.0
    if pcc >= 1:
        return 0.0
    return float(stdtr(free, -pcc * math.sqrt(free / (1 - pcc**2))))


def _figures(row: _Row, other: float) -> str:
    return f"RMSE {row.rmse:.2f} against {other:.2f}"
