"""Which rows a table compares with each other: those of one protocol, one start and one kind of draws.

Methods that start from different weights differ in more than their method, and development draws were
looked at, so that each such group has a best of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from adabench.evaluation.controls import CONSTANT, FACELESS
from adabench.records.drawn import DEVELOPMENT, is_development
from adabench.records.protocols import OFFICIAL, shared_protocol
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported

K = TypeVar("K", bound=Hashable)

#: What a row starts from whose records don't tell it: they are of an older schema version.
UNKNOWN: Final = "unknown"


class Peers(NamedTuple):
    """What the rows share that are compared with each other.

    Attributes:
        protocol: without the number of its fold; None of what papers print.
        start: what their methods start from; None of what has no start (`start_of`).
        is_development: whether they are of draws that anybody may look at.
    """

    protocol: str | None
    start: str | None
    is_development: bool

    @property
    def is_official(self) -> bool:
        """Whether the protocol is that of the corpus's own splits."""
        return self.protocol in (None, OFFICIAL)


def start_of(record: Record) -> str | None:
    """Return what a row's method starts from (``adabench.config.starts``), or `UNKNOWN`.

    Bounds and the controls that read no face start from nothing that could set them apart, and a
    paper's row doesn't say: they have None.
    """
    if record.kind == "bound" or isinstance(record.origin, Reported):
        return None
    if record.kind == "control" and record.method in (CONSTANT, *FACELESS):
        return None
    return record.flags.starts_from or UNKNOWN


def peers_of(record: Record) -> Peers:
    """Return what a row shares with those that it is compared with."""
    if isinstance(record.origin, Reported):
        return Peers(protocol=None, start=None, is_development=False)
    return Peers(shared_protocol(record.protocol), start_of(record), is_development(record))


def are_peers(one: Record, other: Record) -> bool:
    """Whether two rows may be compared; a control without a start goes with every start."""
    first, second = peers_of(one), peers_of(other)
    if first.start is None or second.start is None:
        first, second = first._replace(start=None), second._replace(start=None)
    return first == second


def by_peers(rows: Mapping[K, Sequence[Record]]) -> dict[Peers, dict[K, Sequence[Record]]]:
    """Group rows by their peers; controls without a start are in each group of their protocol and draws.

    Args:
        rows: the records of each are its runs; a row without any is left out.
    """
    found = {key: peers_of(records[0]) for key, records in rows.items() if records}
    named = {peers for peers in found.values() if peers.start is not None}
    whole = {peers._replace(start=None) for peers in named}
    groups = named | {peers for peers in found.values() if peers not in whole}
    return {
        group: {
            key: rows[key]
            for key, own in found.items()
            if own in (group, group._replace(start=None))
        }
        for group in sorted(groups, key=_place)
    }


def starts_of(groups: Iterable[Peers]) -> list[str]:
    """Return the starts of groups, sorted; one name or none where nothing has to be set apart."""
    return sorted({group.start for group in groups if group.start is not None})


def titles(groups: Iterable[Peers]) -> dict[Peers, str]:
    """Return each group of a table with what tells it from the others, in their order.

    The usual group, of the official protocol, is told by nothing; where methods start from several
    things, papers' rows are a group of their own, the last.
    """
    known = set(groups)
    has_starts = len(starts_of(known)) > 1
    has_draws = len({group.is_development for group in known}) > 1
    return {
        group: _title(group, has_starts=has_starts, has_draws=has_draws)
        for group in sorted(known, key=_place)
    }


def _title(group: Peers, *, has_starts: bool, has_draws: bool) -> str:
    if group.protocol is None:
        return "reported by papers" if has_starts else ""
    told = [] if group.is_official else [f"protocol {group.protocol}"]
    if has_starts and group.start is not None:
        told.append(f"starting from {group.start}")
    if has_draws:
        told.append(f"{DEVELOPMENT} draws" if group.is_development else "later draws")
    return ", ".join(told)


def _place(group: Peers) -> tuple[object, ...]:
    protocol = "" if group.is_official else str(group.protocol)
    return group.protocol is None, protocol, group.is_development, group.start or ""
