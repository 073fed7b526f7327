"""All pairs of a track's rows: which of them differ by more than who was tested explains."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from adabench.evaluation.significance import LEVEL, PairedEffect, paired_effect
from adabench.leaderboard.collect import collect
from adabench.leaderboard.rows import build_tables
from adabench.leaderboard.statistics import row_name, session_errors, told_apart
from adabench.records.labels import CorpusLabels, labels_for
from adabench.records.record import Record, Reported, is_demo_track

_HEADERS = ("smaller errors", "against", "MAE difference", "95 % interval", "d_z", "p (Holm)")


@dataclass(frozen=True)
class Pair:
    """Two rows of a track, the one with the smaller absolute errors first.

    Attributes:
        effect: of the first row's absolute errors less the second's, points.
        p: of the paired permutation test over persons, corrected over all
            pairs of the track and corpus (Holm).
    """

    first: str
    second: str
    effect: PairedEffect
    p: float


def pairs_of_track(
    track: str,
    root: str | os.PathLike[str],
    corpora: Mapping[str, CorpusLabels] | None = None,
) -> tuple[Pair, ...]:
    """Compare every two measured rows of a track that can be compared, the smallest p first.

    Bounds take no part, as they read what no method can.

    Args:
        track: its name.
        root: the leaderboard folder; measured and local records are read.
        corpora: checksum to labels, for records that hold none.

    Raises:
        FileNotFoundError: ``root`` does not exist.
        ValueError: the track has no two rows that can be compared.
    """
    entries, _ = collect(root)
    by_corpus: dict[str | None, list[list[Record]]] = {}
    for row in (row for table in build_tables(entries, track) for row in table.rows):
        records = [entry.record for entry in row.entries]
        if records[0].kind != "bound" and not isinstance(records[0].origin, Reported):
            by_corpus.setdefault(records[0].corpus_checksum, []).append(records)
    found = [pair for rows in by_corpus.values() for pair in _pairs(rows, corpora or {})]
    if not found:
        raise ValueError(f"track {track!r}: no two measured rows in {Path(root)} can be compared")
    return tuple(sorted(found, key=lambda pair: (pair.p, pair.effect.difference)))


def render_pairs(track: str, pairs: tuple[Pair, ...]) -> Iterator[str]:
    """Yield a table of the pairs that are told apart, and how many are not."""
    apart = [pair for pair in pairs if pair.p < LEVEL]
    yield f"{track}: {len(apart)} of {len(pairs)} pairs are told apart (Holm over all of them)"
    if apart:
        yield tabulate([_cells(pair) for pair in apart], _HEADERS, disable_numparse=True)
    if is_demo_track(track):
        yield "These faces are drawn: the numbers say nothing about depression."


def _pairs(rows: Sequence[Sequence[Record]], corpora: Mapping[str, CorpusLabels]) -> Iterator[Pair]:
    """Yield the pairs of rows on one prepared corpus."""
    labels = labels_for(rows[0], corpora)
    for (one, other), p in told_apart(dict(enumerate(rows)), labels).items():
        yield _pair(rows[one], rows[other], p, labels)


def _pair(
    one: Sequence[Record], other: Sequence[Record], p: float, labels: Mapping[str, float] | None
) -> Pair:
    first, second = session_errors(one, labels), session_errors(other, labels)
    if first.errors.mean() > second.errors.mean():
        one, other, first, second = other, one, second, first
    effect = paired_effect(first.errors, second.errors, first.subjects)
    return Pair(row_name(one), row_name(other), effect, p)


def _cells(pair: Pair) -> tuple[str, ...]:
    interval, d_z = pair.effect.interval, pair.effect.d_z
    return (
        pair.first,
        pair.second,
        f"{pair.effect.difference:+.2f}",
        f"{interval[0]:+.2f} to {interval[1]:+.2f}" if interval else "",
        "" if d_z is None else f"{d_z:+.2f}",
        f"{pair.p:.4f}",
    )
