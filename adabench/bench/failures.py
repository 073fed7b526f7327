"""A job that failed says so in its folder, so that a bench does not run it again and again."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from adabench.data.files import write_bytes

FAILED = "failed.json"


def earlier_failure(work_dir: Path) -> str:
    """Return why a job failed when it was last run, and when; empty if it did not."""
    try:
        told = json.loads((work_dir / FAILED).read_text(encoding="utf-8"))
        return f"{told['reason']} (on {told['at']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def remember_failure(work_dir: Path, reason: str) -> None:
    """Note that a job failed.

    Raises:
        OSError: the folder can't be written.
    """
    at = datetime.now().isoformat(" ", "seconds")
    write_bytes(work_dir / FAILED, json.dumps({"reason": reason, "at": at}).encode())


def forget_failure(work_dir: Path) -> None:
    """Forget an earlier failure: the job runs again."""
    (work_dir / FAILED).unlink(missing_ok=True)
