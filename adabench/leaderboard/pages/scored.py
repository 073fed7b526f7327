"""Over what a row's errors were taken: sessions, as every measured row's are, or clips."""

from __future__ import annotations

from collections.abc import Sequence

from adabench.leaderboard.rows.row import Row
from adabench.leaderboard.rows.summary import Summary, short, summary_of
from adabench.leaderboard.statistics.errors import over_draws
from adabench.records.schema.sections import Reported
from adabench.records.schema.values import METRIC_NAMES

SESSIONS = "sessions"


def by_clip(row: Row) -> dict[str, Summary]:
    """Return metric → its number over clips, where every run of a row tells it; else nothing."""
    records = [entry.record for entry in row.entries]
    found = [record.clip_metrics for record in records]
    known = [metrics for metrics in found if metrics is not None]
    if len(known) < len(found):
        return {}
    values = {name: [getattr(metrics, name) for metrics in known] for name in METRIC_NAMES}
    return {
        name: summary_of(over_draws(records, own))
        for name, own in values.items()
        if own and None not in own
    }


def scored_as(row: Row) -> str:
    """Say over what a row's errors were taken, and what they are over clips where both are known."""
    origin = row.entries[0].record.origin
    if isinstance(origin, Reported):
        return origin.scored
    clips = by_clip(row)
    if not clips:
        return SESSIONS
    return f"{SESSIONS}; over clips RMSE {short(clips['RMSE'])}, MAE {short(clips['MAE'])}"


def scored_cells(rows: Sequence[Row]) -> list[str]:
    """Say it of each row; nothing of any where all were taken over sessions."""
    told = [scored_as(row) for row in rows]
    return told if any(text != SESSIONS for text in told) else [""] * len(told)
