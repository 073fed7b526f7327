"""How long tasks are expected to take, by what runs like them took."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from adabench.bench.tasks import Job, Task
from adabench.records.files.reading import read_plain
from adabench.records.files.results import record_files
from adabench.records.schema.tracks import is_demo_track


@dataclass(frozen=True)
class Took:
    """How long a run took; fields as of its record."""

    kind: str
    config_hash: str
    track: str
    timing: Mapping[str, float]


def read_took(folders: Iterable[Path]) -> Iterator[Took]:
    """Yield how long the runs of results folders took, as far as their files tell.

    Records are not checked: it would take longer than all else of a plan, for an estimate.
    """
    for folder in folders:
        for path in record_files(folder):
            try:
                content = from_json(read_plain(path))
            except (OSError, ValueError):
                continue
            if isinstance(content, dict) and isinstance(content.get("timing"), dict):
                timing = content["timing"].items()
                seconds = {k: float(v) for k, v in timing if isinstance(v, int | float)}
                kind, config_hash, track = (
                    str(content.get(name)) for name in ("kind", "config_hash", "track")
                )
                yield Took(kind, config_hash, track, seconds)


def estimate_seconds(tasks: Iterable[Task], records: Iterable[Took]) -> dict[Task, float]:
    """Return task → seconds, where something is known.

    A run is expected to take what runs of its own config took (other seeds), or else those of its
    track, or else all demo runs, or all of real corpora; only the training and the testing count, as
    stages and caches are shared. Preparations and controls have no estimate.

    Args:
        tasks: what is to run.
        records: measured runs, whoever's.
    """
    known: dict[Any, list[float]] = defaultdict(list)
    for record in records:
        own = sum(record.timing.get(part, 0.0) for part in ("training", "evaluation"))
        if record.kind != "method" or not own:
            continue
        for group in (record.config_hash, record.track, is_demo_track(record.track)):
            known[group].append(own)
    found: dict[Task, float] = {}
    for task in tasks:
        if isinstance(task, Job) and not task.is_control:
            groups = (task.config_hash, task.scored, is_demo_track(task.scored))
            like = next((known[group] for group in groups if known.get(group)), None)
            if like is not None:
                found[task] = statistics.fmean(like)
    return found


def describe_estimate(
    tasks: Sequence[Task], estimates: dict[Task, float], parallel: int
) -> Iterator[str]:
    """Yield a line that says how long what is to run may take, if anything is known."""
    from adabench.bench.progress import duration

    jobs = [task for task in tasks if isinstance(task, Job) and not task.done]
    runs = [job for job in jobs if not job.is_control]
    told = [estimates[task] for task in runs if task in estimates]
    if not told:
        return
    whole = sum(told) / len(told) * len(runs) / parallel
    preparing = sum(not isinstance(task, Job) and not task.done for task in tasks)
    beside = f", and what {preparing} preparations take" if preparing else ""
    yield (
        f"about {duration(whole)} for {len(runs)} runs, {parallel} at a time, by what runs like them "
        f"took{beside}"
    )
