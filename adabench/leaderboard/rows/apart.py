"""Which records of a track share no table: those of another scale, world or family of draws."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adabench.evaluation.scale import DRAWN_SCORE
from adabench.leaderboard.statistics.wording import shown_scale
from adabench.records.drawn import drawn_slug, drawn_words
from adabench.records.schema.record import Record
from adabench.records.schema.scale import Scale, bdi_ii, scale_form
from adabench.records.schema.sections import Reported
from adabench.records.schema.tracks import is_demo_track


class Apart(NamedTuple):
    """The records of one table.

    Attributes:
        name: of its files: the track's; of drawn faces with what is said of them; and with the scale's
            or family's where the track has several.
        heading: the same for a reader.
        scale: of the scores.
        family: of the draws; None of other corpora.
        records: their numbers.
    """

    name: str
    heading: str
    scale: Scale
    family: str | None
    records: list[int]


class _Key(NamedTuple):
    scale: str
    world: str
    family: str


def apart(track: str, records: Sequence[Record]) -> Iterator[Apart]:
    """Yield the tables of a track's records, the BDI-II first; records without a family by themselves."""
    known = {_key(record).scale for record in records if not isinstance(record.origin, Reported)}
    usual = bdi_ii().model_dump_json()
    first = {usual, scale_form(DRAWN_SCORE).model_dump_json()}
    own = known.pop() if len(known) == 1 else usual
    found: dict[_Key, list[int]] = {}
    for number, record in enumerate(records):
        # Papers' rows name no scale: they are of the track's.
        key = _Key(own, "", "") if isinstance(record.origin, Reported) else _key(record)
        found.setdefault(key, []).append(number)
    taken: set[str] = set()
    for key in sorted(found, key=lambda key: (key.scale not in first, key)):
        scale = Scale.model_validate_json(key.scale)
        name, heading = _called(track, key, scale, list(found))
        while name in taken:
            name += "x"
        taken.add(name)
        yield Apart(name, heading, scale, key.family or None, found[key])


def _called(track: str, key: _Key, scale: Scale, keys: Sequence[_Key]) -> tuple[str, str]:
    """Return a table's name and heading."""
    name = heading = track
    if is_demo_track(track):
        name = f"{name}-{drawn_slug([key.world])}"
        heading = f"{heading}: {drawn_words([key.world])}"
    if sum(other.world == key.world and other.scale == key.scale for other in keys) > 1:
        name += f"-{key.family[:8] or 'no-family'}"
        heading += f", family {key.family[:8]}" if key.family else ", of no family"
    if len({other.scale for other in keys}) > 1:
        name, heading = f"{name}.{scale_slug(scale)}", f"{heading}, {scale.name}"
    return name, heading


def scale_slug(scale: Scale) -> str:
    """Return a scale's name as part of a table's or file's name."""
    return re.sub(r"[^a-z0-9]+", "-", scale.name.lower()).strip("-") or "scale"


def _key(record: Record) -> _Key:
    return _Key(shown_scale(record).model_dump_json(), record.world or "", record.family or "")
