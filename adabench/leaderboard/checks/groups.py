"""Results by group of persons, computed anew from predictions, labels and the corpus's traits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from adabench.records.files.labels import CorpusLabels
from adabench.records.schema.consistency import TOLERANCE
from adabench.records.schema.groups import groups_of, public_groups
from adabench.records.schema.record import Record
from adabench.records.schema.rounding import HALF_STEP
from adabench.records.schema.sections import Group


def group_reasons(
    record: Record, corpus: CorpusLabels | None, *, intervals: bool = False
) -> list[str] | None:
    """Return why a record's groups don't hold; None where they can't be computed anew.

    Args:
        record: with its private side file, if that is at hand.
        corpus: whose manifest tells of its persons, if it is at hand.
        intervals: also those of each group.
    """
    if not record.groups and not record.by_group:
        return []
    predictions = {entry.session: entry.prediction for entry in record.entries}
    if corpus is None or corpus.prepared is None or not predictions:
        return None
    if not predictions.keys() <= corpus.scores.keys():
        # `label_reasons` names the session.
        return None
    tested = [clip for clip in corpus.prepared.clips if clip.session in predictions]
    expected = groups_of(tested, predictions, corpus.scores, intervals=intervals)
    reasons = list(_differing(record.by_group, expected, TOLERANCE, intervals=intervals))
    if record.kept is not None:
        public = public_groups(expected, len(predictions))
        near = TOLERANCE + HALF_STEP
        reasons += _differing(record.groups, public, near, intervals=intervals)
    return reasons


def _differing(
    given: Mapping[str, Group], expected: Mapping[str, Group], tolerance: float, *, intervals: bool
) -> Iterator[str]:
    """Yield where groups differ from those that were computed anew."""
    for name in sorted(given.keys() - expected.keys()):
        yield f"groups.{name} is told, and no result follows for it from its corpus's persons"
    for name in sorted(expected.keys() - given.keys()):
        yield f"groups.{name} is left out, and its corpus has persons of it that were tested"
    for name in sorted(given.keys() & expected.keys()):
        found, wanted = _numbers(given[name], intervals), _numbers(expected[name], intervals)
        for field in sorted(found.keys() | wanted.keys()):
            told = _unlike(found.get(field), wanted.get(field), tolerance)
            if told:
                yield f"groups.{name}.{field} {told}"


def _unlike(given: Any, wanted: Any, tolerance: float) -> str:
    known = given is not None and wanted is not None
    if known and np.allclose(given, wanted, rtol=TOLERANCE, atol=tolerance):
        return ""
    return f"is {given}, but predictions, labels and its corpus's persons give {wanted}"


def _numbers(group: Group, intervals: bool) -> dict[str, Any]:
    """Return field → number or pair, of those that a group has."""
    content = group.model_dump()
    flat = {name: value for name, value in content.items() if not isinstance(value, dict)}
    for section in ("metrics", "intervals"):
        flat |= {f"{section}.{n}": v for n, v in (content.get(section) or {}).items()}
    return {
        name: value
        for name, value in flat.items()
        if value is not None and (intervals or "interval" not in name)
    }
