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
    """How long a run took.

    Attributes:
        kind, config_hash, track: as of its record.
        own: seconds of its training and testing; 0 where that isn't told.
        shared: seconds of what runs share: corpora, stages, features; None where that isn't told.
    """

    kind: str
    config_hash: str
    track: str
    own: float
    shared: float | None


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
                yield _took(content)


def _took(content: Mapping[str, Any]) -> Took:
    own, alone = _seconds(content["timing"], "training", "evaluation"), 0.0
    if isinstance(content.get("cost"), dict):
        alone = _seconds(content["cost"], "alone_seconds")
    kind, config_hash, track = (str(content.get(name)) for name in ("kind", "config_hash", "track"))
    return Took(kind, config_hash, track, own, alone - own if alone > own else None)


def _seconds(values: Mapping[str, Any], *names: str) -> float:
    found = (values.get(name) for name in names)
    return sum(float(value) for value in found if isinstance(value, int | float))


def estimate_seconds(tasks: Iterable[Task], records: Iterable[Took]) -> dict[Task, float]:
    """Return task → seconds, where something is known.

    A run is expected to take what runs of its own config took (other seeds), or else those of its
    track, or else all demo runs, or all of real corpora; only the training and the testing count, as
    stages and caches are shared. A preparation is expected to take all that a run of its track shares,
    which is at most what it takes: several make one run's. Controls have no estimate.

    Args:
        tasks: what is to run.
        records: measured runs, whoever's.
    """
    runs: dict[Any, list[float]] = defaultdict(list)
    preparations: dict[Any, list[float]] = defaultdict(list)
    for record in records:
        if record.kind != "method" or not record.own:
            continue
        wide = (record.track, is_demo_track(record.track))
        for group in (record.config_hash, *wide):
            runs[group].append(record.own)
        if record.shared is not None:
            for group in wide:
                preparations[group].append(record.shared)
    found: dict[Task, float] = {}
    for task in tasks:
        known = preparations
        groups: list[Any] = [task.scored, is_demo_track(task.scored)]
        if isinstance(task, Job):
            if task.is_control:
                continue
            known, groups = runs, [task.config_hash, *groups]
        like = next((known[group] for group in groups if known.get(group)), None)
        if like is not None:
            found[task] = statistics.fmean(like)
    return found


def describe_estimate(
    tasks: Sequence[Task], estimates: Mapping[Task, float], parallel: int
) -> Iterator[str]:
    """Yield a line that says how long what is to run may take, if anything is known."""
    from adabench.bench.progress import duration

    left = [task for task in tasks if not task.done]
    runs = [task for task in left if isinstance(task, Job) and not task.is_control]
    whole = _whole(runs, estimates)
    if whole is None:
        return
    preparing = [task for task in left if not isinstance(task, Job)]
    most = _whole(preparing, estimates)
    told = "what" if most is None else f"at most {duration(most / parallel)} for what"
    beside = f", and {told} {len(preparing)} preparations take" if preparing else ""
    yield (
        f"about {duration(whole / parallel)} for {len(runs)} runs, {parallel} at a time, by what runs like "
        f"them took{beside}"
    )


def _whole(tasks: Sequence[Task], estimates: Mapping[Task, float]) -> float | None:
    """Return the seconds of all tasks, where some have an estimate."""
    told = [estimates[task] for task in tasks if task in estimates]
    return statistics.fmean(told) * len(tasks) if told else None
