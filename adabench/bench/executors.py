"""Where a bench's tasks run: as processes of this machine, or as jobs of Slurm (`adabench.bench.slurm`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from adabench.bench.process import JobProcess
from adabench.bench.tasks import Task


class Running(Protocol):
    """A task that was started."""

    @property
    def job(self) -> Task: ...

    @property
    def log(self) -> Path: ...

    @property
    def seconds(self) -> float: ...

    def poll(self) -> int | None: ...

    def ask_to_stop(self) -> None: ...

    def stop(self) -> None: ...

    def reason(self, code: int) -> str: ...


class Executor(Protocol):
    """Starts tasks, at most ``parallel`` at a time."""

    @property
    def parallel(self) -> int: ...

    @property
    def keeps_limit(self) -> bool:
        """Whether it ends a task that takes too long by itself."""
        ...

    def start(self, task: Task, lock: BinaryIO) -> Running: ...

    def ended(self, running: Running) -> None:
        """Take back what a task that ended had."""
        ...


class LocalExecutor:
    """Processes of this machine, each with its share of the cores and a GPU where there are some.

    Args:
        parallel: tasks at a time, at most one a core, and one a GPU where there are GPUs.
        gpus: numbers or ids for ``CUDA_VISIBLE_DEVICES``; those of the machine by default.
        cores: of the machine; those that this process may use by default.

    Raises:
        ValueError: ``parallel`` below 1, or above what the machine has.
    """

    keeps_limit = False

    def __init__(
        self, parallel: int = 1, *, gpus: Sequence[str] | None = None, cores: int | None = None
    ) -> None:
        self.gpus = tuple(visible_gpus() if gpus is None else gpus)
        self.cores = usable_cores() if cores is None else cores
        if parallel < 1:
            raise ValueError(f"--jobs must be 1 or more; got {parallel}")
        room = len(self.gpus) or self.cores
        if parallel > room:
            what = "GPUs" if self.gpus else "cores"
            raise ValueError(
                f"--jobs {parallel}: this machine has {room} {what}; give at most that"
            )
        self.parallel = parallel
        self._used: Counter[str] = Counter()
        self._gpu_of: dict[int, str] = {}

    def start(self, task: Task, lock: BinaryIO) -> Running:
        """Start a task.

        Raises:
            OSError: its folder can't be written.
        """
        environment: dict[str, str] = {}
        if self.parallel > 1:
            environment["OMP_NUM_THREADS"] = str(max(1, self.cores // self.parallel))
        gpu = min(self.gpus, key=lambda name: self._used[name]) if self.gpus else None
        if gpu is not None:
            environment["CUDA_VISIBLE_DEVICES"] = gpu
        process = JobProcess.start(task, lock, environment)
        if gpu is not None:
            self._used[gpu] += 1
            self._gpu_of[id(process)] = gpu
        return process

    def ended(self, running: Running) -> None:
        """Free the GPU that a task had."""
        gpu = self._gpu_of.pop(id(running), None)
        if gpu is not None:
            self._used[gpu] -= 1


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the GPUs that a run may use: what the environment names, or what the driver lists."""
    named = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        found = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    gpus = [line for line in found.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(gpus))] if found.returncode == 0 else []
