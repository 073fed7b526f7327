"""From suites to jobs: a row on a track with a seed, each distinct run once. Imports no torch."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from adabench.bench.record import Record, Reported
from adabench.bench.results import Problem, read_records
from adabench.bench.suites import Suite, SuiteRow
from adabench.data.tracks import Track

#: What tells one run from another: hash of the config, seed, and the track that is scored.
Key = tuple[str, int, str]

# What reading a config raises where the config is at fault.
_CONFIG_ERRORS = (ValueError, TypeError, LookupError, OSError)


class Described(Protocol):
    """What planning asks of a resolved config."""

    @property
    def track_(self) -> Track: ...

    @property
    def stages(self) -> Mapping[str, Any]: ...

    def hash(self) -> str: ...


class Loader(Protocol):
    """`adabench.engine.config.load_config`, handed in since bench stands above no engine."""

    def __call__(
        self,
        path: Path,
        *,
        demo: bool,
        overrides: Sequence[str],
        change: dict[str, Any],
        name: str,
        stage: str | None,
    ) -> Described: ...


@dataclass(frozen=True)
class Options:
    """What all jobs of a plan share.

    Attributes:
        demo: run the demo sections.
        seeds: in place of each suite's own.
        results: folder of records; those in it are not run again.
        work_dirs: a folder a job, for its checkpoints and its log.
        script: what trains one row, as ``tools/train.py`` does.
        overrides: ``--cfg-options`` for every job.
        plugins: folders of a user's own plugins.
    """

    demo: bool = False
    seeds: tuple[int, ...] | None = None
    results: Path = Path("leaderboard/local")
    work_dirs: Path = Path("work_dirs")
    script: Path = Path("tools/train.py")
    overrides: tuple[str, ...] = ()
    plugins: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One row of a suite on one of its tracks: what it runs as.

    Attributes:
        track: as the suite writes it.
        scored: the track that the run scores; a demo's own in a demo.
        config_hash: of the resolved config, the seed apart.
        seeds: of its runs.
    """

    suite: str
    row: str
    track: str
    scored: str
    config_hash: str
    seeds: tuple[int, ...]
    # What it trains beforehand, first to last; runs that share a start come together.
    stages: tuple[str, ...] = field(default=(), repr=False)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its runs."""
        return tuple((self.config_hash, seed, self.scored) for seed in self.seeds)


@dataclass(frozen=True)
class Refused:
    """A row whose config can't be loaded, and why."""

    suite: str
    row: str
    track: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.row} {self.track}"


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        suite, row, track: as ``tools/train.py`` is told.
        scored: the track that is scored.
        seed: of the run.
        config_hash: of its record.
        command: what runs it.
        work_dir: its checkpoints and its log.
        done: the results folder holds its record.
        also: other rows that are the very same run.
    """

    suite: str
    row: str
    track: str
    scored: str
    seed: int
    config_hash: str
    command: tuple[str, ...]
    work_dir: Path
    done: bool
    also: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.config_hash, self.seed, self.scored

    @property
    def name(self) -> str:
        """Row, track and seed, for a line of text."""
        track = self.track if self.track == self.scored else f"{self.track} on {self.scored}"
        return f"{self.suite}/{self.row}  {track}  seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        jobs: in the order they run.
        cells: every row on every track, also where several are one run.
        refused: rows that can't run.
        problems: files in the results folder that are no valid records.
        made: when the results folder was looked at, seconds since the epoch.
    """

    jobs: tuple[Job, ...]
    cells: tuple[Cell, ...]
    refused: tuple[Refused, ...]
    problems: tuple[Problem, ...]
    made: float = 0.0

    def describe(self) -> Iterator[str]:
        """Yield one line a job, then one a row that can't run."""
        for job in self.jobs:
            also = f"  (also {', '.join(job.also)})" if job.also else ""
            yield f"{'done ' if job.done else 'to do'}  {job.name}{also}"
        for refused in self.refused:
            yield f"failed {refused.name}: {refused.reason}"


def plan(suites: Sequence[Suite], load: Loader, options: Options) -> Plan:
    """Expand suites into jobs.

    A row runs on each of its tracks with each seed; what is the same run by config, seed and scored
    track is one job. Jobs that train the same stages come together, otherwise in the suites' order.

    Args:
        suites: validated ones.
        load: reads a config.
        options: what all jobs share.

    Raises:
        NotADirectoryError: the results folder is a file.
        ValueError: a seed below 0.
    """
    if options.seeds and min(options.seeds) < 0:
        raise ValueError(f"--seeds takes integers from 0 on; got {min(options.seeds)}")
    # A file's time may lag behind the clock by a moment.
    made = time.time() - 1
    records, problems = measured_records(options.results)
    cells: list[Cell] = []
    refused: list[Refused] = []
    for suite in suites:
        for row in suite.rows:
            for track in suite.tracks_of(row):
                try:
                    cells.append(_cell(suite, row, track, load, options))
                except _CONFIG_ERRORS as error:
                    refused.append(Refused(suite.name, row.name, track, _message(error)))
    paths = {suite.name: suite.path for suite in suites}
    jobs = _jobs(_in_order(cells), paths, options, records)
    return Plan(tuple(jobs), tuple(cells), tuple(refused), tuple(problems), made)


def measured_records(results: Path) -> tuple[dict[Key, Record], list[Problem]]:
    """Read the measured runs of a results folder, which may be missing; the newest of a kind counts.

    Raises:
        NotADirectoryError: the folder is a file.
    """
    if not results.exists():
        return {}, []
    records, problems = read_records(results)
    found: dict[Key, Record] = {}
    for record in records:
        key = _key_of(record)
        if key is not None and (key not in found or _age(found[key]) < _age(record)):
            found[key] = record
    return found, problems


def _key_of(record: Record) -> Key | None:
    if isinstance(record.origin, Reported) or record.config_hash is None or record.seed is None:
        return None
    return record.config_hash, record.seed, record.track


def _age(record: Record) -> float:
    # A measured record always has its time.
    return datetime.fromisoformat(record.created).timestamp() if record.created else 0.0


def _cell(suite: Suite, row: SuiteRow, track: str, load: Loader, options: Options) -> Cell:
    experiment = load(**suite.config_of(row, track), demo=options.demo, overrides=options.overrides)
    return Cell(
        suite=suite.name,
        row=row.name,
        track=track,
        scored=experiment.track_.name,
        config_hash=experiment.hash(),
        seeds=tuple(dict.fromkeys(options.seeds or suite.seeds)),
        stages=tuple(
            json.dumps(stage, sort_keys=True, default=str) for stage in experiment.stages.values()
        ),
    )


def _in_order(cells: Sequence[Cell]) -> list[tuple[Cell, int]]:
    """Order runs by the stages they begin with, then track; within these by seed, then row.

    Each level keeps the order in which the suites first name it. A whole table with its first seed
    comes before any second one, so that a bench cut short leaves something to look at.
    """
    deepest = max((len(cell.stages) for cell in cells), default=0)
    seen: dict[tuple[str | None, ...], int] = {}
    runs: list[tuple[tuple[int, ...], Cell, int]] = []
    for index, cell in enumerate(cells):
        padded = (*cell.stages, *[None] * (deepest - len(cell.stages)), cell.scored)
        place = [seen.setdefault(padded[: n + 1], len(seen)) for n in range(len(padded))]
        # One without a further stage comes before those that train it.
        levels = [-1 if part is None else at for part, at in zip(padded, place, strict=True)]
        runs += [((*levels, turn, index), cell, seed) for turn, seed in enumerate(cell.seeds)]
    return [(cell, seed) for _, cell, seed in sorted(runs, key=lambda run: run[0])]


def _jobs(
    runs: Sequence[tuple[Cell, int]],
    paths: Mapping[str, Path],
    options: Options,
    records: Mapping[Key, Record],
) -> list[Job]:
    jobs: dict[Key, Job] = {}
    begun = _begun(options.work_dirs)
    for cell, seed in runs:
        key = (cell.config_hash, seed, cell.scored)
        if key in jobs:
            other = f"{cell.suite}/{cell.row} {cell.track}"
            jobs[key] = replace(jobs[key], also=(*jobs[key].also, other))
            continue
        folder = f"{cell.row}-{cell.scored}-{cell.config_hash}"
        fresh = options.work_dirs / cell.suite / folder / f"seed{seed}"
        # A run that another suite began is gone on with, not begun anew.
        work_dir = begun.get((cell.config_hash, seed), fresh)
        jobs[key] = Job(
            suite=cell.suite,
            row=cell.row,
            track=cell.track,
            scored=cell.scored,
            seed=seed,
            config_hash=cell.config_hash,
            command=_command(paths[cell.suite], cell, seed, work_dir, options),
            work_dir=work_dir,
            done=key in records,
        )
    return list(jobs.values())


def _begun(work_dirs: Path) -> dict[tuple[str, int], Path]:
    found = {}
    for folder in sorted(work_dirs.glob("*/*-*/seed*")):
        seed = folder.name.removeprefix("seed")
        if seed.isdecimal():
            found[folder.parent.name.rpartition("-")[2], int(seed)] = folder
    return found


def _command(
    suite: Path, cell: Cell, seed: int, work_dir: Path, options: Options
) -> tuple[str, ...]:
    plugins = [word for folder in options.plugins for word in ("--plugins", str(folder))]
    return (
        sys.executable,
        str(options.script),
        *(str(suite), "--row", cell.row, "--track", cell.track, "--seed", str(seed)),
        *(["--demo"] if options.demo else []),
        "--resume",
        *("--results", str(options.results), "--work-dir", str(work_dir)),
        *plugins,
        *(["--cfg-options", *options.overrides] if options.overrides else []),
    )


def _message(error: Exception) -> str:
    # str() of a KeyError puts its text in quotes.
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
