"""The records of a track by the scale of their scores, which share no table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adabench.records.record import Record, Reported
from adabench.records.sections import Scale, bdi_ii


def by_scale(track: str, records: Sequence[Record]) -> Iterator[tuple[str, Scale, list[int]]]:
    """Yield for each scale its table's name, itself and the numbers of its records, the BDI-II first.

    The name is the track's, with the scale's behind it where there are several.
    """
    known = {_key(record) for record in records if not isinstance(record.origin, Reported)}
    first = bdi_ii().model_dump_json()
    own = known.pop() if len(known) == 1 else first
    found: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        # Papers' rows name no scale: they are of the track's.
        key = own if isinstance(record.origin, Reported) else _key(record)
        found.setdefault(key, []).append(number)
    taken: set[str] = set()
    for key in sorted(found, key=lambda key: (key != first, key)):
        scale = Scale.model_validate_json(key)
        name = f"{track}.{scale_slug(scale)}" if len(found) > 1 else track
        while name in taken:
            name += "x"
        taken.add(name)
        yield name, scale, found[key]


def scale_slug(scale: Scale) -> str:
    """Return a scale's name as part of a table's or file's name."""
    return re.sub(r"[^a-z0-9]+", "-", scale.name.lower()).strip("-") or "scale"


def _key(record: Record) -> str:
    return (record.scale or bdi_ii()).model_dump_json()
