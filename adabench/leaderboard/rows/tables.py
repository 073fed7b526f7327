"""Turns records into the rows of one table a track: reported beside measured, runs merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from adabench.evaluation.controls import CONSTANT
from adabench.leaderboard.rows.apart import apart
from adabench.leaderboard.rows.judging import judged
from adabench.leaderboard.rows.merging import merged
from adabench.leaderboard.rows.row import OTHER_CORPORA, Entry, Row, Table
from adabench.leaderboard.rows.side_by_side import side_by_side
from adabench.leaderboard.statistics.peers import are_peers, titles
from adabench.records.files.labels import CorpusLabels
from adabench.records.schema.sections import Reported
from adabench.records.schema.tracks import is_demo_track


def build_tables(
    entries: Iterable[Entry],
    track: str | None = None,
    corpora: Mapping[str, CorpusLabels] | None = None,
) -> list[Table]:
    """One table a track, sorted by track; numbers of different tracks, worlds or families of draws, or of
    different scales of a corpus of one's own that was prepared anew, never share one.

    Rows stand in this order: the constant predictor, the generator's bounds, then everything else, on
    draws by its error as a share of the constant's, elsewhere by RMSE. Methods that start from
    different weights stand in groups, behind what has no start, and then papers' rows come last. Rows of
    each further protocol follow in the same order, and so do those of development draws. Where a track's
    records come from several corpora that are no draws of one family, or share a draw's number, each
    measured row names its own.
    Papers report nothing on drawn faces.

    Args:
        entries: records and where they were found.
        track: this one only.
        corpora: as `read_labels` gives them; without its labels, a licensed corpus's rows can't be
            tested against the best of them.

    Raises:
        ValueError: if ``track`` has no record, with the tracks that have one.
    """
    by_track: dict[str, list[Entry]] = {}
    for entry in entries:
        if not (is_demo_track(entry.record.track) and isinstance(entry.record.origin, Reported)):
            by_track.setdefault(entry.record.track, []).append(entry)
    if track is not None and track not in by_track:
        close = get_close_matches(track, by_track, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        known = ", ".join(sorted(by_track)) or "none"
        raise ValueError(f"no record of track {track!r}; {hint}tracks with records: {known}")
    wanted = sorted(by_track) if track is None else [track]
    return [table for name in wanted for table in _tables(name, by_track[name], corpora or {})]


def _tables(
    track: str, entries: list[Entry], labels: Mapping[str, CorpusLabels]
) -> Iterator[Table]:
    """Yield a table for each scale, world and family that a track's records have."""
    for own in apart(track, [entry.record for entry in entries]):
        table = _table(track, [entries[number] for number in own.records], labels)
        yield replace(table, scale=own.scale, name=own.name, heading=own.heading, family=own.family)


def _table(track: str, entries: list[Entry], labels: Mapping[str, CorpusLabels]) -> Table:
    corpora = sorted({entry.record.corpus_checksum or "" for entry in entries} - {""})
    rows, reach = judged(merged(entries, labels), labels)
    rows = _with_corpora(_with_draws(side_by_side(track, rows)))
    named = titles(row.peers for row in rows)
    order = list(dict.fromkeys(named.values()))
    rows.sort(key=lambda row: (order.index(named[row.peers]), *_place(row)))
    return Table(track, tuple(rows), tuple(corpora), draws=_usual_draws(rows), reach=reach)


def _with_corpora(rows: Sequence[Row]) -> list[Row]:
    """Flag the rows on draws whose corpora are others than those of the best of their peers."""
    bests = [row for row in rows if row.standing.best]
    told = []
    for row in rows:
        first = row.entries[0].record
        own = [best for best in bests if are_peers(first, best.entries[0].record)]
        if own and all(row.is_elsewhere(best) for best in own):
            row = replace(row, flags=(*row.flags, OTHER_CORPORA))
        told.append(row)
    return told


def _place(row: Row) -> tuple[object, ...]:
    """Where a row stands in its group."""
    share = row.share
    by_share = (share is None, 0.0 if share is None else share.value)
    return (_rank(row), *by_share, row.metrics["RMSE"].value, row.method, row.config)


def _rank(row: Row) -> int:
    if row.method == CONSTANT:
        return 0
    return 1 if row.kind == "bound" else 2


def _usual_draws(rows: Sequence[Row]) -> tuple[int, ...]:
    """The draws that most rows of methods were run on; of two such sets the larger."""
    sets = Counter(row.draws for row in rows if row.draws and row.kind == "method")
    sets = sets or Counter(row.draws for row in rows if row.draws)
    return max(sets, key=lambda draws: (sets[draws], len(draws))) if sets else ()


def _with_draws(rows: Sequence[Row]) -> list[Row]:
    """Flag the rows that lack draws which most have: their means are over other corpora."""
    usual = _usual_draws(rows)
    told = []
    for row in rows:
        if row.draws and row.draws != usual:
            named = f"draws {' '.join(map(str, row.draws))}"
            row = replace(row, flags=(*row.flags, named))
        told.append(row)
    return told
