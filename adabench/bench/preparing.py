"""What several jobs share becomes a task of its own, which they wait for. Imports no torch."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from adabench.bench.tasks import CONFIGS, PREPARED, Cell, Job, Options, Preparing, Turn
from adabench.config.preparations import Preparation

FOLDER = "prepared"


def with_preparations(
    jobs: Sequence[Job], cells: Sequence[Cell], options: Options
) -> tuple[list[Job], list[Preparing]]:
    """Return the jobs with what they wait for, and the tasks that make it.

    What only one job is in want of is left to that job. Two tasks whose work is alike, the same
    stage for two tracks say, come one after the other: the second may find what the first made.

    Args:
        jobs: in the order they run.
        cells: the rows that they are.
        options: what all tasks share.
    """
    found = {cell.key(turn): (cell, turn) for cell in reversed(cells) for turn in cell.turns}
    to_do = [(job, *found[job.key]) for job in jobs if not job.done]
    wanted = Counter(shared.key for _, _, turn in to_do for shared in turn.shared)
    tasks: dict[str, Preparing] = {}
    last_alike: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for job, cell, turn in to_do:
        chain: list[str] = []
        for shared in turn.shared:
            if wanted[shared.key] < 2:
                continue
            if shared.key not in tasks:
                before = last_alike.get(shared.alike)
                waits = dict.fromkeys([*chain[-1:], *([before] if before else [])])
                runs = wanted[shared.key]
                tasks[shared.key] = _task(shared, cell, turn, options, tuple(waits), runs)
                last_alike[shared.alike] = shared.key
            chain.append(shared.key)
        needs[job.id] = tuple(chain)
    waiting = [replace(job, needs=(*needs.get(job.id, ()), *job.needs)) for job in jobs]
    return waiting, list(tasks.values())


def run_command(cell: Cell, turn: Turn, options: Options) -> tuple[str, ...]:
    """Return how a row, or a config that is in no suite, is trained; its work folder is left out."""
    row = [] if cell.suite == CONFIGS else ["--row", cell.row, "--track", cell.track]
    plugins = [word for folder in options.plugins for word in ("--plugins", str(folder))]
    return (
        *(sys.executable, str(options.script), str(cell.source)),
        *row,
        *("--seed", str(turn.seed)),
        *([] if options.draw is None else ["--draw", str(options.draw)]),
        *(["--demo"] if options.demo else []),
        *("--resume", "--results", str(options.results)),
        # Code that is edited while the bench runs makes another run than the one that was planned.
        *(["--since", f"{options.since:.3f}"] if options.since else []),
        *(["--planned", cell.config_hash] if cell.foreign else []),
        *plugins,
        *(["--cfg-options", *options.overrides] if options.overrides else []),
    )


def _task(
    shared: Preparation,
    cell: Cell,
    turn: Turn,
    options: Options,
    needs: tuple[str, ...],
    runs: int,
) -> Preparing:
    until, key = shared.until, shared.key
    work_dir = options.work_dirs / FOLDER / f"{until}-{cell.scored}-{key}"
    command = (*run_command(cell, turn, options), "--work-dir", str(work_dir))
    return Preparing(
        id=key,
        until=until,
        scored=cell.scored,
        draw=turn.draw,
        world=turn.world,
        command=(*command, "--prepare", until),
        work_dir=work_dir,
        done=(work_dir / PREPARED).is_file(),
        needs=needs,
        runs=runs,
    )
