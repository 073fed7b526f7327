"""What a table is made of: entries, rows and the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adabench.leaderboard.rows.summary import Summary
from adabench.leaderboard.statistics.errors import draw_of
from adabench.leaderboard.statistics.peers import Peers, peers_of
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.told import Reach
from adabench.records.drawn import drawn_words, worlds_of
from adabench.records.schema.record import Record
from adabench.records.schema.scale import Scale, bdi_ii
from adabench.records.schema.sections import Reported

#: The flag of a row whose draws are other corpora than those of the best: nobody compares the two.
OTHER_CORPORA: Final = "other corpora than the best"

#: Draw to the checksum of its corpus; None of a corpus that is no draw.
Corpora = Mapping[int | None, str | None]


@dataclass(frozen=True)
class Entry:
    """A record and where it was found.

    Attributes:
        place: the folder, as a reader of the table should see it named.
        path: the file; None for a record that no file holds.
    """

    record: Record
    place: str
    path: Path | None = None


@dataclass(frozen=True)
class Row:
    """One line of a table: a reported row, or the runs of one method and config over draws or seeds.

    Attributes:
        seeds: of its runs, one each.
        metrics: over draws, each the mean of its runs; of a single corpus over runs.
        entries: the records that count, one a run, by draw and seed.
        draws: the numbers of the draws of its family that it was run on; none of other corpora.
        named: those of its corpora that share their draw's number with others, or are no draws.
        share: its RMSE as a share of the constant's on the same draw, over draws; None where a constant
            is missing, and off draws.
        beside: the same method and config with persons kept apart, on a corpus whose official splits
            share persons.
        standing: against the best row of its corpus, and against the controls.
        measures: of the metrics that any run of the table names, as `metrics`.
        older: rows of the same config with earlier code of its parts, the newest first; they are
            told under this row, and neither averaged with it nor ranked.
    """

    kind: str
    method: str
    config: str
    origin: str
    seeds: tuple[int, ...]
    metrics: dict[str, Summary]
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    standing: Standing = field(default_factory=Standing)
    measures: dict[str, Summary] = field(default_factory=dict)
    older: tuple[Row, ...] = field(default=(), repr=False)
    draws: tuple[int, ...] = ()
    named: tuple[str, ...] = ()
    share: Summary | None = None
    beside: Row | None = field(default=None, repr=False)

    @property
    def peers(self) -> Peers:
        """What it shares with the rows that it is compared with."""
        return peers_of(self.entries[0].record)

    @property
    def public_measures(self) -> dict[str, Summary]:
        """The measures that a file or the page may show: of a licensed corpus they are private."""
        return {} if any(entry.record.licensed for entry in self.entries) else self.measures

    def is_elsewhere(self, other: Row) -> bool:
        """Whether the number of some draw stands for another corpus than in the other row."""
        own, theirs = corpora_of(self.entries), corpora_of(other.entries)
        return bool(self.draws and own and theirs and is_elsewhere(own, theirs))


def corpora_of(entries: Iterable[Entry]) -> Corpora | None:
    """Return the corpora of a row's runs; None where some draw has several."""
    found: dict[int | None, str | None] = {}
    for record in (entry.record for entry in entries):
        corpus = record.corpus_checksum
        if found.setdefault(draw_of(record), corpus) != corpus:
            return None
    return found


def is_elsewhere(one: Corpora, other: Corpora) -> bool:
    """Whether some draw has another corpus in the one than in the other."""
    return any(one[draw] != other[draw] for draw in one.keys() & other.keys())


@dataclass(frozen=True)
class Table:
    """All rows of one track, scale, world and family of draws in the order they are shown.

    Attributes:
        corpora: checksums of the corpora.
        scale: of all their scores.
        name: the track's, as a file may be called; of drawn faces with what is said of them, and with
            the scale's behind it where the track has rows of several.
        heading: the same for a reader.
        family: of the draws; None of other corpora.
        draws: that most rows were run on.
        reach: of each group of peers, what its rows can tell apart.
    """

    track: str
    rows: tuple[Row, ...]
    corpora: tuple[str, ...]
    scale: Scale = field(default_factory=bdi_ii)
    name: str = ""
    heading: str = ""
    family: str | None = None
    draws: tuple[int, ...] = ()
    reach: Mapping[Peers, Reach] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.track)
        object.__setattr__(self, "heading", self.heading or self.name)

    @property
    def worlds(self) -> tuple[str | None, ...] | None:
        """The worlds of drawn faces; None of other corpora."""
        return worlds_of(entry.record for row in self.rows for entry in row.entries)

    @property
    def drawn(self) -> str:
        """What is said of drawn faces, ``drawn faces, world sparse``; empty of others."""
        return "" if self.worlds is None else drawn_words(self.worlds)


def shared_flags(rows: Sequence[Row]) -> tuple[str, ...]:
    """The flags that every measured row has, which a table says once; none for a single row."""
    flags = [row.flags for row in rows if not isinstance(row.entries[0].record.origin, Reported)]
    if len(flags) < 2:
        return ()
    return tuple(flag for flag in flags[0] if all(flag in others for others in flags[1:]))
