"""From suites to jobs: a row on a track with a seed, each distinct run once. Imports no torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adabench.bench.failures import earlier_failure
from adabench.bench.preparing import run_command, with_preparations
from adabench.bench.suites import Suite
from adabench.bench.tasks import (
    CONFIGS,
    CONSTANTS,
    Cell,
    Job,
    Key,
    Options,
    Preparing,
    Refused,
    Task,
    Turn,
    run_id,
)
from adabench.config.controls import constants_of
from adabench.config.experiment import Data, Experiment, turn_name
from adabench.config.preparations import CORPUS, corpus_problem, drawn_of, preparations
from adabench.config.starts import starts_from
from adabench.data.tracks import get_track
from adabench.evaluation.controls import CONSTANT
from adabench.records.files.results import Problem, read_records
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Reported

# What reading a config raises where the config is at fault.
_CONFIG_ERRORS = (ValueError, TypeError, LookupError, OSError)


#: `adabench.config.reading.load.load_config`, or what stands in for it.
Loader = Callable[..., Experiment]


@dataclass(frozen=True)
class LeftOut:
    """A track that can't be run here, and what to do about it.

    Attributes:
        rows: how many were left out.
    """

    track: str
    reason: str
    rows: int

    def __str__(self) -> str:
        return f"left out: track {self.track}, {self.rows} rows: {self.reason}"


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        jobs: in the order they run.
        cells: every row on every track, also where several are one run.
        refused: rows that can't run.
        problems: files in the results folder that are no valid records.
        made: when the results folder was looked at, seconds since the epoch.
        preparing: what several of the jobs wait for, in order.
        left_out: tracks whose corpus is not prepared.
    """

    jobs: tuple[Job, ...]
    cells: tuple[Cell, ...]
    refused: tuple[Refused, ...]
    problems: tuple[Problem, ...]
    made: float = 0.0
    preparing: tuple[Preparing, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def tasks(self) -> Iterator[Task]:
        """Yield what is to run in order: each job after the preparations it waits for."""
        waiting = {task.id: task for task in self.preparing}
        for job in self.jobs:
            if not job.done:
                for name in job.needs:
                    if name in waiting:
                        yield waiting.pop(name)
            yield job

    def drawn(self, draw: int) -> list[Data]:
        """Return what one draw's generated corpora are opened by, each once."""
        turns = (turn for cell in self.cells for turn in cell.turns if turn.draw == draw)
        found = {data.model_dump_json(): data for turn in turns for data in turn.drawn}
        return list(found.values())

    def describe(self) -> Iterator[str]:
        """Yield one line a task, then one a row that can't run, and one a track left out."""
        for task in self.tasks():
            also = f"  (also {', '.join(task.also)})" if isinstance(task, Job) and task.also else ""
            yield f"{'done ' if task.done else 'to do'}  {task.name}{also}"
        for refused in self.refused:
            yield f"failed {refused.name}: {refused.reason}"
        yield from map(str, self.left_out)


def plan(suites: Sequence[Suite], load: Loader, options: Options) -> Plan:
    """Expand suites and configs into jobs.

    A row runs on each of its tracks with each seed; what is the same run by config, seed and scored
    track is one job. Jobs that train the same stages come together, otherwise in the suites' order.

    Args:
        suites: validated ones.
        load: reads a config.
        options: what all jobs share.

    Raises:
        NotADirectoryError: the results folder is a file.
        ValueError: a seed below 0, tracks that no row has, or a draw where no row is of a generated
            corpus.
    """
    if options.seeds and min(options.seeds) < 0:
        raise ValueError(f"--seeds takes integers from 0 on; got {min(options.seeds)}")
    _refuse_draw(suites, options)
    # A file's time may lag behind the clock by a moment.
    made = time.time() - 1
    if options.force:
        options = replace(options, since=made)
    records, problems = measured_records(options.results)
    read = _read(suites, load, options)
    jobs = _jobs(_in_order(read.cells), options, {} if options.force else records)
    jobs, preparing = with_preparations(jobs, read.cells, options)
    return Plan(
        jobs=_by_draw([*jobs, *_constants(read.cells, options, records, preparing)]),
        cells=tuple(read.cells),
        refused=tuple(read.refused),
        problems=tuple(problems),
        made=made,
        preparing=tuple(preparing),
        left_out=tuple(read.missing.values()),
    )


def _refuse_draw(suites: Sequence[Suite], options: Options) -> None:
    """Refuse a draw once, and not row by row, where all rows are of recorded corpora."""
    tracks = {track for suite in suites for row in suite.rows for track in suite.tracks_of(row)}
    tracks &= set(options.tracks or tracks)
    if options.draw is None or options.demo or not tracks:
        return
    if not any(get_track(track).is_demo for track in tracks):
        raise ValueError(
            f"--draw {options.draw} names a generated corpus, and every row here is of a recorded one "
            f"({', '.join(sorted(tracks))}): leave --draw out, or add --demo"
        )


@dataclass
class _Read:
    """What suites and configs ask for, read."""

    cells: list[Cell] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    missing: dict[tuple[str, str], LeftOut] = field(default_factory=dict)


def _read(suites: Sequence[Suite], load: Loader, options: Options) -> _Read:
    read = _Read()
    for name, row, track, seeds, source, config in _wanted(suites, options):
        try:
            experiment = load(
                **config, demo=options.demo, overrides=options.overrides, draw=options.draw
            )
        except _CONFIG_ERRORS as error:
            read.refused.append(Refused(name, row, track, _message(error)))
            continue
        cell = _cell(name, row, track or experiment.track_.name, seeds, source, experiment)
        if options.tracks and not {cell.track, cell.scored} & set(options.tracks):
            continue
        problem = corpus_problem(experiment)
        if problem is None:
            read.cells.append(cell)
        else:
            # methods may see faces of several sizes, of which one is prepared and one is not
            before = read.missing.get((cell.track, problem), LeftOut(cell.track, problem, 0))
            read.missing[cell.track, problem] = replace(before, rows=before.rows + 1)
    if options.tracks and not (read.cells or read.missing or read.refused):
        raise ValueError(f"--track {' '.join(options.tracks)}: no row or config has such a track")
    return read


def _wanted(
    suites: Sequence[Suite], options: Options
) -> Iterator[tuple[str, str, str, tuple[int, ...], Path, dict[str, Any]]]:
    """Yield (suite, row, track, seeds, file, config) of each row on each track, and each config."""
    for suite in suites:
        seeds = options.seeds or suite.seeds
        for row in suite.rows:
            for track in suite.tracks_of(row):
                yield (
                    *(suite.name, row.name, track, seeds, suite.path),
                    suite.config_of(row, track),
                )
    for path in options.configs:
        config = {"path": path, "change": {}, "name": path.stem, "stage": None}
        yield CONFIGS, path.stem, "", options.seeds or (0,), path, config


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
    return record.config_hash, record.seed, record.draw, record.track


def _age(record: Record) -> float:
    # A measured record always has its time.
    return datetime.fromisoformat(record.created).timestamp() if record.created else 0.0


def _cell(
    suite: str,
    row: str,
    track: str,
    seeds: Sequence[int],
    source: Path,
    experiment: Experiment,
) -> Cell:
    return Cell(
        suite=suite,
        row=row,
        track=track,
        scored=experiment.track_.name,
        config_hash=experiment.hash(),
        turns=tuple(_turn(experiment, seed) for seed in dict.fromkeys(seeds)),
        source=source,
        stages=tuple(
            json.dumps(stage, sort_keys=True, default=str) for stage in experiment.stages.values()
        ),
        members=tuple((m.hash(), m.track_.name) for m in experiment.members()),
        # What stands in for a config in planning may know no code.
        foreign=bool(getattr(experiment, "code", None)),
        start=starts_from(experiment),
    )


def _by_draw(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """Let what stands beside a draw's rows follow them, and all of one draw come before the next."""
    draws = list(dict.fromkeys(job.draw for job in jobs))
    return tuple(sorted(jobs, key=lambda job: draws.index(job.draw)))


def _turn(experiment: Experiment, seed: int) -> Turn:
    run = experiment.model_copy(update={"seed": seed})
    constants = constants_of(run)
    return Turn(
        seed=seed,
        draw=run.draw,
        pinned=run.draw is not None and run.draw == run.model_copy(update={"seed": seed + 1}).draw,
        drawn=tuple(drawn_of(run)),
        shared=preparations(run),
        constants=tuple((c.hash(), c.seed, c.draw, c.track_.name) for c in constants),
    )


def _in_order(cells: Sequence[Cell]) -> list[tuple[Cell, Turn]]:
    """Order runs by the draw, the stages they begin with, then track; within these by seed, then row.

    Each level keeps the order in which the suites first name it. A whole table with its first seed
    comes before any second one, so that a bench cut short leaves something to look at; and all of one
    draw before the next, so that what only that draw needs can go.
    """
    draws = dict.fromkeys(turn.draw for cell in cells for turn in cell.turns)
    place_of = {draw: place for place, draw in enumerate(draws)}
    deepest = max((len(cell.stages) for cell in cells), default=0)
    seen: dict[tuple[str | None, ...], int] = {}
    runs: list[tuple[tuple[int, ...], Cell, Turn]] = []
    for index, cell in enumerate(cells):
        padded = (*cell.stages, *[None] * (deepest - len(cell.stages)), cell.scored)
        place = [seen.setdefault(padded[: n + 1], len(seen)) for n in range(len(padded))]
        # One without a further stage comes before those that train it.
        levels = [-1 if part is None else at for part, at in zip(padded, place, strict=True)]
        runs += [
            ((place_of[turn.draw], *levels, number, index), cell, turn)
            for number, turn in enumerate(cell.turns)
        ]
    return [(cell, turn) for _, cell, turn in sorted(runs, key=lambda run: run[0])]


def _jobs(
    runs: Sequence[tuple[Cell, Turn]], options: Options, records: Mapping[Key, Record]
) -> list[Job]:
    jobs: dict[Key, Job] = {}
    begun = _begun(options.work_dirs)
    for cell, turn in runs:
        key = cell.key(turn)
        if key in jobs:
            other = f"{cell.suite}/{cell.row} {cell.track}"
            jobs[key] = replace(jobs[key], also=(*jobs[key].also, other))
            continue
        folder = f"{cell.row}-{cell.scored}-{cell.config_hash}"
        name = turn_name(turn.seed, turn.draw)
        fresh = options.work_dirs / cell.suite / folder / name
        # A run that another suite began is gone on with, not begun anew.
        work_dir = begun.get((cell.config_hash, name), fresh)
        command = _command(cell, turn, options, work_dir, controls="none")
        job = _job(key, (cell.suite, cell.row, cell.track), turn, command, work_dir)
        done = key in records
        failure = "" if done or options.force else earlier_failure(work_dir)
        jobs[key] = replace(job, done=done, failure=failure)
    return [_after_members(job, cell_of, jobs) for job, cell_of in _with_cells(jobs, runs)]


def _job(
    key: Key,
    named: tuple[str, str, str],
    turn: Turn,
    command: tuple[str, ...],
    work_dir: Path,
) -> Job:
    """Return a job that is to be done; its names are those of suite, row and track."""
    (config_hash, seed, draw, scored), (suite, row, track) = key, named
    return Job(
        *(suite, row, track, scored, seed, config_hash, command, work_dir),
        done=False,
        draw=draw,
        pinned=turn.pinned,
        world=turn.world,
    )


def _command(
    cell: Cell, turn: Turn, options: Options, work_dir: Path, *, controls: str
) -> tuple[str, ...]:
    command = run_command(cell, turn, options)
    return (*command, "--controls", controls, "--work-dir", str(work_dir))


def _constants(
    cells: Sequence[Cell],
    options: Options,
    records: Mapping[Key, Record],
    preparing: Sequence[Preparing],
) -> list[Job]:
    """Return a job for the controls of each corpus and protocol: its constant, and its bounds."""
    made = {task.id for task in preparing}
    jobs: dict[Key, Job] = {}
    for cell in cells:
        for turn in cell.turns:
            for key in turn.constants[:1]:
                job = _constant(cell, turn, options, records, made)
                # A fused row's constants are more than a plain row's: it is not done before they are.
                if key not in jobs or (jobs[key].done and not job.done):
                    jobs[key] = job
    return list(jobs.values())


def _constant(
    cell: Cell, turn: Turn, options: Options, records: Mapping[Key, Record], made: Collection[str]
) -> Job:
    key = turn.constants[0]
    config_hash, seed, draw, scored = key
    folder = options.work_dirs / CONSTANTS / f"{CONSTANT}-{scored}-{config_hash}"
    work_dir = folder / turn_name(seed, draw)
    command = _command(cell, turn, options, work_dir, controls="only")
    return replace(
        _job(key, (CONSTANTS, CONSTANT, scored), turn, command, work_dir),
        done=all(wanted in records for wanted in turn.constants),
        needs=tuple(s.key for s in turn.shared if s.until == CORPUS and s.key in made),
        failure="" if key in records else earlier_failure(work_dir),
    )


def _with_cells(
    jobs: Mapping[Key, Job], runs: Sequence[tuple[Cell, Turn]]
) -> Iterator[tuple[Job, Cell]]:
    cells = {cell.key(turn): cell for cell, turn in runs}
    for key, job in jobs.items():
        yield job, cells[key]


def _after_members(job: Job, cell: Cell, jobs: Mapping[Key, Job]) -> Job:
    """Let a run that joins others wait for those of them that are to be run."""
    keys = [(config_hash, job.seed, job.draw, track) for config_hash, track in cell.members]
    waits = tuple(run_id(key) for key in keys if key in jobs and not jobs[key].done)
    return replace(job, needs=waits)


def _begun(work_dirs: Path) -> dict[tuple[str, str], Path]:
    """Return hash and seed, as folders are named, to the folder of a run that was begun."""
    return {
        (folder.parent.name.rpartition("-")[2], folder.name): folder
        for folder in sorted(work_dirs.glob("*/*-*/seed*"))
    }


def _message(error: Exception) -> str:
    # str() of a KeyError puts its text in quotes.
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)
