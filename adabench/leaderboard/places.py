"""Where a leaderboard lies, and the folders in it; imports nothing, so that plans can ask."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("leaderboard")

#: What papers print, accepted records, and a user's own.
REPORTED, MEASURED, LOCAL = "reported", "measured", "local"
