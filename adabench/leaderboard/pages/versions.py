"""What tells earlier versions of a row from the one that counts."""

from __future__ import annotations

from adabench.leaderboard.rows.row import Row
from adabench.leaderboard.rows.summary import short


def older_told(row: Row) -> list[str]:
    """Return a line for each earlier version of a row's code."""
    return [f"older version of its code, {told_version(version)}" for version in row.older]


def told_version(row: Row) -> str:
    """Return what tells a version of a row from others: its code, day, seeds and RMSE."""
    record = row.entries[0].record
    code = [f"{name} {one.sha256[:8]}" for name, one in record.code.items() if one.sha256]
    day = f", {record.created[:10]}" if record.created else ""
    seeds = f", {len(row.seeds)} seeds" if len(row.seeds) > 1 else ""
    named = ", ".join(code) or f"config {(record.config_hash or 'unknown')[:8]}"
    return f"{named}{day}{seeds}: RMSE {short(row.metrics['RMSE'])}"
