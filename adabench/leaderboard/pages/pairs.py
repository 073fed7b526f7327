"""All pairs of a track's rows: which of them differ, on these draws and beyond them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from adabench.evaluation.significance import LEVEL, MeanDifference, p_words
from adabench.leaderboard.rows.collect import collect
from adabench.leaderboard.rows.row import Table
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.errors import constants_in, data_of, row_name
from adabench.leaderboard.statistics.told import told_apart
from adabench.leaderboard.statistics.wording import unit_of
from adabench.records.drawn import drawn_words, worlds_of
from adabench.records.files.labels import CorpusLabels, labels_for
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported

_HEADERS = ("smaller errors", "against", "difference", "95 % interval", "p", "p beyond")


@dataclass(frozen=True)
class Pair:
    """Two rows of a table, the one with the smaller errors first.

    Attributes:
        effect: of the first row's figure less the second's.
        unit: of the effect: the constant's error where both are on draws, else points.
        p: on these draws, or this corpus, corrected over all pairs of the table (Holm); of folds, beyond.
        p_beyond: beyond these draws, corrected alike; None below five.
        is_told: whether the two are told apart.
    """

    first: str
    second: str
    effect: MeanDifference
    unit: str
    p: float
    p_beyond: float | None
    is_told: bool


@dataclass(frozen=True)
class Pairs:
    """The pairs of one table.

    Attributes:
        heading: of the table.
        drawn: what is said of drawn faces; empty of others.
    """

    heading: str
    drawn: str
    pairs: tuple[Pair, ...]


def pairs_of_track(
    track: str,
    root: str | os.PathLike[str],
    corpora: Mapping[str, CorpusLabels] | None = None,
) -> tuple[Pairs, ...]:
    """Compare every two measured rows of a track that can be compared, the smallest p first.

    Bounds take no part, as they read what no method can.

    Args:
        track: its name.
        root: the leaderboard folder; measured and local records are read.
        corpora: checksum to labels, for records that hold none.

    Returns:
        One entry a table: families of draws, worlds and scales stand apart.

    Raises:
        FileNotFoundError: ``root`` does not exist.
        ValueError: the track has no two rows that can be compared.
    """
    entries, _ = collect(root)
    found = [_pairs_of(table, corpora or {}) for table in build_tables(entries, track)]
    found = [each for each in found if each.pairs]
    if not found:
        raise ValueError(f"track {track!r}: no two measured rows in {Path(root)} can be compared")
    return tuple(found)


def render_pairs(found: Sequence[Pairs]) -> Iterator[str]:
    """Yield a table of the pairs that are told apart on these draws, and how many are not."""
    for own in found:
        apart = [pair for pair in own.pairs if pair.is_told]
        yield (
            f"{own.heading}: {len(apart)} of {len(own.pairs)} pairs are told apart (Holm over all of "
            "them)"
        )
        beyond = [pair.p_beyond for pair in own.pairs if pair.p_beyond is not None]
        if beyond:
            yield f"beyond these draws: {sum(p < LEVEL for p in beyond)} of {len(beyond)}"
        if apart:
            yield tabulate([_cells(pair) for pair in apart], _HEADERS, disable_numparse=True)
        if own.drawn:
            yield f"{own.drawn}: the numbers say nothing about depression."


def _pairs_of(table: Table, corpora: Mapping[str, CorpusLabels]) -> Pairs:
    groups: dict[object, list[list[Record]]] = {}
    for row in table.rows:
        records = [entry.record for entry in row.entries]
        if records[0].kind != "bound" and not isinstance(records[0].origin, Reported):
            groups.setdefault(data_of(records[0]), []).append(records)
    pairs = [pair for rows in groups.values() for pair in _pairs(rows, corpora)]
    pairs.sort(key=lambda pair: (pair.p, pair.effect.difference))
    worlds = worlds_of(entry.record for row in table.rows for entry in row.entries)
    drawn = "" if worlds is None else drawn_words(worlds)
    return Pairs(table.heading, drawn, tuple(pairs))


def _pairs(rows: Sequence[Sequence[Record]], corpora: Mapping[str, CorpusLabels]) -> Iterator[Pair]:
    """Yield the pairs of rows on one corpus, or one family of draws."""
    labels = labels_for(rows[0], corpora)
    constants = {} if rows[0][0].family is None else constants_in(rows)
    for (one, other), found in told_apart(dict(enumerate(rows)), labels, constants).items():
        effect = found.effect
        first, second = row_name(rows[one]), row_name(rows[other])
        if effect.difference > 0:
            first, second, effect = second, first, _turned(effect)
        unit = unit_of(rows[one][0], is_share=found.is_share)
        yield Pair(first, second, effect, unit, found.p, found.p_beyond, found.is_told)


def _turned(effect: MeanDifference) -> MeanDifference:
    interval = effect.interval and (-effect.interval[1], -effect.interval[0])
    return MeanDifference(-effect.difference, interval, effect.p)


def _cells(pair: Pair) -> tuple[str, ...]:
    interval = pair.effect.interval
    return (
        pair.first,
        pair.second,
        f"{pair.effect.difference:+.3f} {pair.unit}",
        f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else "",
        p_words(pair.p, name=""),
        "" if pair.p_beyond is None else p_words(pair.p_beyond, name=""),
    )
