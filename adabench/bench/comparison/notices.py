"""What a reader must know before comparing a suite's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adabench.bench.comparison.compared import ComparedRow
from adabench.records.drawn import DEVELOPMENT, drawn_notice, drawn_words, is_development, worlds_of
from adabench.records.schema.record import Record
from adabench.records.schema.tracks import is_demo_track


def worlds_of_suite(
    scored: Mapping[str, str | None], records: Sequence[Record]
) -> tuple[str | None, ...] | None:
    """The worlds of drawn faces; without a run yet, that they are drawn."""
    is_drawn = any(name is not None and is_demo_track(name) for name in scored.values())
    return worlds_of(records) or ((None,) if is_drawn else None)


def notices(
    scored: Mapping[str, str | None], records: Sequence[Record], rows: Sequence[ComparedRow]
) -> list[str]:
    """Say what is so of a suite's runs and could mislead.

    Args:
        scored: track → the one that is scored; None where no row could run.
        records: of the runs.
        rows: compared, in the order of the table.
    """
    told = []
    starts = [*dict.fromkeys(row.start for row in rows if row.start)]
    if len(starts) > 1:
        told.append(
            f"Rows stand apart by what their weights were learnt on ({'; '.join(starts)}): compare a "
            "row with those of its own group only."
        )
    elif starts:
        told.append(f"Every row starts from {starts[0]}.")
    worlds = worlds_of_suite(scored, records)
    if worlds is not None:
        told.append(drawn_notice(drawn_words(worlds)))
    if any(is_development(record) for record in records):
        told.append(f"{DEVELOPMENT.capitalize()} draws: looked at as often as one liked.")
    for name in dict.fromkeys(scored.values()):
        same = [track for track, at in scored.items() if at == name]
        if name is not None and len(same) > 1:
            told.append(
                f"{' and '.join(same)} are measured on one track, {name}: the same runs stand in each."
            )
    corpora = sorted({(r.track, r.corpus_checksum or "") for r in records if not r.family})
    for track in dict.fromkeys(track for track, _ in corpora):
        sums = [checksum[:8] for at, checksum in corpora if at == track]
        if len(sums) > 1:
            told.append(
                f"The rows measured on {track} come from {len(sums)} different corpora "
                f"({', '.join(sums)}); compare only rows of one corpus."
            )
    return told
