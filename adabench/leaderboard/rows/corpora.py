"""Keeps a row to one corpus a draw where a draw has several: of another base, or prepared anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from adabench.leaderboard.rows.row import Corpora, Entry, corpora_of, is_elsewhere
from adabench.leaderboard.statistics.errors import draw_of


def told_by_corpus(entries: Iterable[Entry]) -> set[str]:
    """Return the corpora that have to be named: those that share a draw's number, or have none."""
    found: dict[int | None, set[str]] = {}
    for record in (entry.record for entry in entries):
        if record.corpus_checksum:
            found.setdefault(draw_of(record), set()).add(record.corpus_checksum)
    return {corpus for corpora in found.values() if len(corpora) > 1 for corpus in corpora}


def one_corpus_a_draw(groups: Sequence[list[Entry]]) -> Iterator[list[Entry]]:
    """Yield the runs of each row: a group with several corpora of one draw becomes several rows.

    Which corpora stand together is what the other rows tell, the longest first; no record names the
    base of its draws. What no row tells stands together by age, the newest first.
    """
    corpora = [corpora_of(group) for group in groups]
    plain = [own is not None for own in corpora]
    known = _standing_together([own for own in corpora if own is not None])
    for group, is_plain in zip(groups, plain, strict=True):
        if is_plain:
            yield group
        else:
            yield from _split(group, known)


def age(entry: Entry) -> float:
    """Return what entries are sorted by, the newest first."""
    created = entry.record.created
    # A reported row has no time, and stands alone in its group anyway.
    return 0.0 if created is None else -datetime.fromisoformat(created).timestamp()


def _standing_together(rows: Iterable[Corpora]) -> list[Corpora]:
    """Join the corpora of rows that share some and contradict each other in none."""
    found: list[dict[int | None, str | None]] = []
    for own in sorted(rows, key=lambda own: (-len(own), str(sorted(own.items(), key=str)))):
        for known in found:
            if own.items() & known.items() and not is_elsewhere(own, known):
                known.update(own)
                break
        else:
            found.append(dict(own))
    return list(found)


def _split(group: list[Entry], known: Sequence[Corpora]) -> Iterator[list[Entry]]:
    rest = sorted(group, key=age)
    for corpora in known:
        yield from filter(None, [[entry for entry in rest if _is_in(entry, corpora)]])
        rest = [entry for entry in rest if not _is_in(entry, corpora)]
    while rest:
        newest: dict[int | None, str | None] = {}
        for entry in rest:
            newest.setdefault(draw_of(entry.record), entry.record.corpus_checksum)
        yield [entry for entry in rest if _is_in(entry, newest)]
        rest = [entry for entry in rest if not _is_in(entry, newest)]


def _is_in(entry: Entry, corpora: Corpora) -> bool:
    draw = draw_of(entry.record)
    return draw in corpora and corpora[draw] == entry.record.corpus_checksum
