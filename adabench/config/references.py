"""Which stages a config refers to, by ``'stage:NAME'``. Imports no torch, so that planning can ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

REFERENCE = "stage:"

#: What a stage's ``seed`` says where it is the run's.
OF_RUN = "run"

#: What it says where few seeds are dealt to the draws of a generated corpus, as for a trunk that all
#: methods of a draw stand on: how much it varies shows, and it is not trained once a draw.
OF_DRAW = "draw"
DEALT = 5


def in_order(stages: Mapping[str, Any]) -> list[str]:
    """Return the names of stages so that each stands after those it refers to.

    Raises:
        ValueError: a reference to a stage that the config lacks, or stages that wait for each other.
    """
    needs = {name: sorted(referenced(cfg)) for name, cfg in stages.items()}
    for name, wanted in needs.items():
        for other in wanted:
            if other not in stages:
                raise missing_stage(f"{REFERENCE}{other}", stages, f" (in stages.{name})")
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise ValueError(f"stages wait for each other: {' -> '.join(error.args[1])}") from error


def referenced(value: Any) -> set[str]:
    """Return the names of the stages that a config refers to."""
    if isinstance(value, str):
        return {value.removeprefix(REFERENCE)} if value.startswith(REFERENCE) else set()
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(referenced, value)) if isinstance(value, (list, tuple)) else set()


def needed(value: Any, stages: Mapping[str, Any]) -> set[str]:
    """Return the names of the stages that a config refers to, and of those that these refer to."""
    found: set[str] = set()
    waiting = referenced(value)
    while waiting:
        found |= waiting
        waiting = referenced([stages[name] for name in waiting if name in stages]) - found
    return found


def seed_of(stage: Mapping[str, Any], run: int, draw: int | None) -> Any:
    """Return the seed that a stage trains with; None without.

    Args:
        stage: its config, whose seed is a number, the run's, or dealt to the draw.
        run: the run's seed.
        draw: of the generated corpus; None of others, to which the first of the dealt ones goes.
    """
    seed = stage.get("seed")
    if seed == OF_RUN:
        return run
    return (draw or 0) % DEALT if seed == OF_DRAW else seed


def seeded(stages: Mapping[str, Any], run: int, draw: int | None) -> dict[str, Any]:
    """Return stages with their seeds written out where their configs leave them to run or draw."""
    return {
        name: {**cfg, "seed": seed_of(cfg, run, draw)}
        if cfg.get("seed") in (OF_RUN, OF_DRAW)
        else cfg
        for name, cfg in stages.items()
    }


def missing_stage(reference: str, known: Iterable[str], where: str = "") -> ValueError:
    """Return the error of a reference to a stage that the config lacks."""
    names = ", ".join(known) or "none"
    return ValueError(
        f"{reference!r} names a stage that the config lacks{where}; its stages: {names}"
    )


def resolve(value: Any, checkpoints: Mapping[str, Path]) -> Any:
    """Replace every ``'stage:NAME'`` in a config by the path of that stage's checkpoint.

    Raises:
        ValueError: a stage that the config does not define.
    """
    if isinstance(value, str) and value.startswith(REFERENCE):
        name = value.removeprefix(REFERENCE)
        if name not in checkpoints:
            raise missing_stage(value, checkpoints)
        return str(checkpoints[name])
    if isinstance(value, dict):
        return {key: resolve(item, checkpoints) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(resolve(item, checkpoints) for item in value)
    return value
