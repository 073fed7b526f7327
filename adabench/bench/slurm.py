"""A bench's tasks as jobs of Slurm, by submitit.

A task that Slurm preempts, or that reaches its time limit, is put back into the queue and goes on from
its last checkpoint. A bench that was killed leaves its jobs running; the next one finds them.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import submitit
from submitit.core.utils import UncompletedJobError

from adabench.bench.process import HEAD, LOG, log_end, reason_of
from adabench.bench.tasks import Task
from adabench.data.files import write_bytes

#: In a task's folder: its job, and submitit's files.
STATE, FOLDER = "slurm.json", "slurm"

#: Our names of submitit's parameters; all others of submitit are taken as they are.
NAMES = {"gpus": "gpus_per_node", "cpus": "cpus_per_task", "minutes": "time", "memory": "mem"}
_NUMBERS = ("gpus_per_node", "cpus_per_task", "time", "nodes", "signal_delay_s")
DEFAULTS = {"time": 240, "signal_delay_s": 60, "cpus_per_task": 4}

#: How often a job may reach its time limit and go on in another.
TIMEOUTS = 10

# A job in none of these has ended.
_ACTIVE = {"PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "REQUEUED", "PREEMPTED"}
_ACTIVE |= {"REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED"}

# Seconds between two questions to Slurm, and how long a result may take to be seen by this machine.
_PAUSE, _PATIENCE = 3.0, 20.0


def slurm_parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """Return submitit's parameters of ``--slurm KEY=VALUE …``.

    Raises:
        ValueError: a pair without a value, or a number that is none.
    """
    parameters: dict[str, Any] = dict(DEFAULTS)
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not value:
            raise ValueError(
                f"--slurm takes KEY=VALUE pairs (partition, account, qos, {', '.join(NAMES)}, …); "
                f"got {pair!r}"
            )
        name = NAMES.get(key, key)
        if name in _NUMBERS and not value.isdecimal():
            raise ValueError(f"--slurm {key} is a whole number; got {value!r}")
        parameters[name] = int(value) if name in _NUMBERS else value
    return parameters


class OnNode:
    """What Slurm runs on a node: the task's command, its output at the end of the task's log.

    Args:
        command: of the task.
        log: its file.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.command = tuple(command)
        self.log = log

    def __call__(self) -> int:
        """Run the command and return its exit status."""
        with self.log.open("ab") as stream:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
            try:
                return process.wait()
            finally:
                # Also when submitit leaves because the job is put back into the queue.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """Return what is run after a preemption or a time limit: the same, which resumes."""
        return submitit.helpers.DelayedSubmission(self)


class Queue:
    """The states of this user's jobs, asked for all at once and not too often."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._asked = 0.0

    def state(self, job: str) -> str | None:
        """Return a job's state, or None for one that Slurm's queue no longer holds.

        Raises:
            OSError: Slurm can't be asked.
        """
        if time.monotonic() - self._asked > _PAUSE:
            self._states = self._ask()
            self._asked = time.monotonic()
        return self._states.get(job)

    def forget(self) -> None:
        """Ask anew the next time."""
        self._asked = 0.0

    def _ask(self) -> dict[str, str]:
        words = ["squeue", "--noheader", "--format=%i %T", f"--user={getpass.getuser()}"]
        found = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if found.returncode:
            raise OSError(f"squeue does not answer: {found.stderr.strip()}")
        pairs = [line.split() for line in found.stdout.splitlines()]
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


class SlurmJob:
    """A task that Slurm has."""

    def __init__(self, task: Task, job: submitit.SlurmJob[int], queue: Queue, lock: int) -> None:
        self.job = task
        self.log = task.work_dir / LOG
        self._slurm = job
        self._queue = queue
        self._lock = lock
        self._started = time.monotonic()
        self._log_start = log_end(self.log)
        self._gone_since: float | None = None
        self._failure = ""

    @property
    def seconds(self) -> float:
        """Time since it was submitted, or found."""
        return time.monotonic() - self._started

    def poll(self) -> int | None:
        """Return the exit status, or None while Slurm has the job."""
        if self._slurm.paths.result_pickle.exists():
            try:
                return int(self._slurm.result())
            except UncompletedJobError as error:
                self._failure = f"Slurm job {self._slurm.job_id}: {_last_line(str(error))}"
                return 1
        state = self._queue.state(self._slurm.job_id)
        if state in _ACTIVE:
            self._gone_since = None
            return None
        # A result may be on its way over a network's file system.
        self._gone_since = self._gone_since or time.monotonic()
        if time.monotonic() - self._gone_since < _PATIENCE:
            return None
        ended = state or final_state(self._slurm.job_id)
        self._failure = f"Slurm job {self._slurm.job_id} ended without a result: {ended}"
        return -signal.SIGKILL

    def ask_to_stop(self) -> None:
        """Cancel the job."""
        self._slurm.cancel(check=False)

    def stop(self) -> None:
        """Cancel the job; Slurm ends it."""
        self.ask_to_stop()
        self.close()

    def reason(self, code: int) -> str:
        """Say why it failed."""
        return self._failure or reason_of(self.log, self._log_start, code)

    def close(self) -> None:
        """Give the task's lock back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class SlurmExecutor:
    """Submits tasks to Slurm.

    Args:
        parallel: jobs in the queue at a time.
        parameters: of submitit, as `slurm_parameters` returns them.
        limit: seconds that a job may take before Slurm ends and requeues it, in place of ``minutes``.

    Raises:
        ValueError: ``parallel`` below 1.
        RuntimeError: there is no Slurm here.
    """

    keeps_limit = True

    def __init__(
        self, parallel: int, parameters: Mapping[str, Any], limit: float | None = None
    ) -> None:
        if parallel < 1:
            raise ValueError(f"--jobs must be 1 or more; got {parallel}")
        if submitit.SlurmExecutor.affinity() < 0:
            raise ValueError(
                "--executor slurm: this machine has no srun; run bench on a login node"
            )
        self.parallel = parallel
        self.parameters = dict(parameters)
        if limit is not None:
            self.parameters["time"] = max(1, round(limit / 60))
        self._queue = Queue()

    def start(self, task: Task, lock: BinaryIO) -> SlurmJob:
        """Submit a task, or find the job that an earlier bench submitted.

        Raises:
            OSError: its folder can't be written, or Slurm can't be asked.
            ValueError: a parameter that submitit or Slurm does not know.
        """
        folder = task.work_dir.resolve() / FOLDER
        found = self._submitted(task)
        if found is None:
            found = self._submit(task, folder)
            write_bytes(task.work_dir / STATE, json.dumps({"job": found}).encode())
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())
        lock.flush()
        job: submitit.SlurmJob[int] = submitit.SlurmJob(folder=folder, job_id=found)
        return SlurmJob(task, job, self._queue, os.dup(lock.fileno()))

    def ended(self, running: Any) -> None:
        """Give a task's lock back and forget its job."""
        (running.job.work_dir / STATE).unlink(missing_ok=True)
        running.close()

    def _submitted(self, task: Task) -> str | None:
        try:
            told = json.loads((task.work_dir / STATE).read_text(encoding="utf-8"))
            job = str(told["job"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        self._queue.forget()
        return job if self._queue.state(job) in _ACTIVE else None

    def _submit(self, task: Task, folder: Path) -> str:
        executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=TIMEOUTS)
        executor.update_parameters(
            **{"job_name": "adabench", "stderr_to_stdout": True, **self.parameters}
        )
        with (task.work_dir / LOG).open("ab") as log:
            at = datetime.now().isoformat(" ", "seconds")
            log.write(f"{HEAD}{at}  {shlex.join(task.command)}\n".encode())
        log_path = (task.work_dir / LOG).resolve()
        try:
            job = executor.submit(OnNode(task.command, log_path))
        except submitit.core.utils.FailedJobError as error:
            raise OSError(f"Slurm refuses the job: {_last_line(str(error))}") from error
        self._queue.forget()
        return job.job_id


def final_state(job: str) -> str:
    """Return what Slurm still knows of a job that ended."""
    words = ["scontrol", "show", "job", "--oneliner", job]
    try:
        found = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    states = [
        w for w in found.stdout.split() if w.startswith(("JobState=", "Reason=", "ExitCode="))
    ]
    return ", ".join(states) or "Slurm no longer knows it"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
