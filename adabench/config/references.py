"""Which stages a config refers to, by ``'stage:NAME'``. Imports no torch, so that planning can ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

REFERENCE = "stage:"

#: What a stage's ``seed`` says where it is the run's.
OF_RUN = "run"


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


def seed_of(stage: Mapping[str, Any], run: int) -> Any:
    """Return the seed that a stage trains with: its config's, or that of the run; None without."""
    return run if stage.get("seed") == OF_RUN else stage.get("seed")


def seeded(stages: Mapping[str, Any], run: int) -> dict[str, Any]:
    """Return stages with the seed of the run written out where their config says that."""
    return {
        name: {**cfg, "seed": run} if cfg.get("seed") == OF_RUN else cfg
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
