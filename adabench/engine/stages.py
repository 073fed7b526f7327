"""Stages: trained before a method, found by the hash of everything they depend on, shared by all."""

from __future__ import annotations

import fcntl
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from adabench.data.files import remove_leftovers, write_bytes
from adabench.engine.config import Data
from adabench.engine.digest import digest
from adabench.registry import STAGES

RESULT = "result.pth"
_REFERENCE = "stage:"


class Stage(ABC):
    """Something that is trained once. Its seed is its own, not the run's."""

    version: ClassVar[int] = 1

    @abstractmethod
    def depends_on(self, data: Data) -> Any:
        """Return plain values of everything the result depends on."""

    @abstractmethod
    def run(self, folder: Path, data: Data) -> dict[str, float]:
        """Train, resuming what an earlier call left in ``folder``, and write ``folder/result.pth``.

        Returns:
            What was measured, by name.
        """


@dataclass(frozen=True)
class StageResult:
    """A finished stage.

    Attributes:
        name: as the config calls it.
        path: its checkpoint.
        seconds: of this call; 0 when it was found.
        measured: what it measured when it was trained.
    """

    name: str
    path: Path
    seconds: float
    measured: dict[str, float]


def ensure_stage(name: str, cfg: dict[str, Any], data: Data) -> StageResult:
    """Find a stage's result by its hash, or train it.

    Raises:
        UnknownTypeError: the stage's type is not registered.
    """
    stage: Stage = STAGES.build(dict(cfg))
    kind = type(stage).__name__
    key = digest([kind, stage.version, stage.depends_on(data)])
    folder = Path(data.root) / "stages" / f"{kind}-{key}"
    report = folder / "stage.json"
    started = time.perf_counter()
    with _alone(folder):
        if not (report.is_file() and (folder / RESULT).is_file()):
            measured = stage.run(folder, data)
            content = json.dumps({"config": cfg, "measured": measured}, indent=1)
            # Written last: its presence says that the result is whole.
            write_bytes(report, content.encode())
            return StageResult(name, folder / RESULT, time.perf_counter() - started, measured)
    return StageResult(name, folder / RESULT, 0.0, json.loads(report.read_text())["measured"])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process trains this stage; a killed one holds no lock."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers(folder)
        yield


def resolve(value: Any, results: dict[str, StageResult]) -> Any:
    """Replace every ``'stage:NAME'`` in a config by the path of that stage's checkpoint.

    Raises:
        ValueError: a stage that the config does not define.
    """
    if isinstance(value, str) and value.startswith(_REFERENCE):
        name = value.removeprefix(_REFERENCE)
        if name not in results:
            known = ", ".join(results) or "none"
            raise ValueError(f"{value!r} names a stage that the config lacks; its stages: {known}")
        return str(results[name].path)
    if isinstance(value, dict):
        return {key: resolve(item, results) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(resolve(item, results) for item in value)
    return value
