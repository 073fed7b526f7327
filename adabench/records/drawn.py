"""What must be said of numbers on drawn faces, wherever they stand: a table, a figure, a file's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from adabench.records.schema.record import Record
from adabench.records.schema.tracks import is_demo_track

#: Corpus seeds (base and draw together) that nobody looks at before what is published is measured on
#: them: draws 10 to 999 of base 3107. All others may be looked at as often as one likes.
RESERVED: Final = range(3117, 4107)

#: Where a record does not tell its corpus seed: draws of any base that are no reserved ones.
DEVELOPMENT_DRAWS: Final = range(10)

# A person of a generated corpus is called by its seed and four digits more.
_PERSON: Final = re.compile(r"([0-9]{1,20})[0-9]{4}")

DEVELOPMENT: Final = "development"

NOTICE: Final = (
    "The faces are drawn and their behaviour follows a stated model. These numbers show whether the "
    "software works, and whether a method finds a cue when there is one; they say nothing about "
    "depression in people."
)


def is_development(record: Record) -> bool:
    """Whether a record is of a corpus that anybody may look at, however its base and draw are split.

    Without a family none is: older records, and those of recorded corpora.
    """
    if record.family is None:
        return False
    seed = corpus_seed_of(record)
    return record.draw in DEVELOPMENT_DRAWS if seed is None else seed not in RESERVED


def corpus_seed_of(record: Record) -> int | None:
    """Return the seed of the corpus that was drawn, which its persons' names carry; None without it."""
    named = {_PERSON.fullmatch(entry.subject) for entry in record.entries}
    seeds = {int(found[1]) if found else None for found in named}
    return seeds.pop() if len(seeds) == 1 else None


def drawn_words(worlds: Iterable[str | None]) -> str:
    """Return what a reader is told: ``drawn faces, world sparse``; of older records no world."""
    known = sorted({world for world in worlds if world})
    named = f", world{'s' if len(known) > 1 else ''} {' and '.join(known)}" if known else ""
    return f"drawn faces{named}"


def drawn_notice(drawn: str) -> str:
    """Return what stands above numbers on drawn faces.

    Args:
        drawn: as `drawn_words` gives it.
    """
    return f"{drawn[:1].upper()}{drawn[1:]}. {NOTICE}"


def drawn_slug(worlds: Iterable[str | None]) -> str:
    """Return the same as part of a file's name: ``drawn-faces-world-sparse``."""
    words = drawn_words(worlds).replace(",", "").replace(" and ", " ")
    return "-".join(words.split())


def drawn_file(name: str, worlds: Iterable[str | None] | None) -> str:
    """Return a file's name with what must be said of drawn faces before its ending.

    Args:
        name: e.g. ``curve.png``.
        worlds: of the faces; None of other corpora, whose files keep their name.
    """
    if worlds is None:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{drawn_slug(worlds)}{dot}{ending}"


def worlds_of(records: Iterable[Record]) -> tuple[str | None, ...] | None:
    """Return the worlds of the records on drawn faces; None where no record is of any."""
    drawn = [record for record in records if is_demo_track(record.track)]
    return tuple(sorted({record.world for record in drawn}, key=str)) if drawn else None
