"""One job as a process group of its own: started, watched, stopped, its failure explained."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from adabench.bench.tasks import Task

LOG = "bench.log"
LOCK = "bench.lock"
#: Begins the line of a log that tells the command of an attempt.
HEAD = "== "
#: Seconds between asking a job to end and ending it.
GRACE = 5.0

# The end of a log that is searched for the reason of a failure.
_TAIL_BYTES = 64 * 1024


class JobProcess:
    """A running job.

    While it or a process that it started lives, a lock on its folder is held: a second bench, or the
    next one after this was killed, sees that the job is still being run and leaves it alone.
    """

    def __init__(self, job: Task, process: subprocess.Popen[bytes], log_start: int) -> None:
        self.job = job
        self.log = job.work_dir / LOG
        self.started = time.monotonic()
        self._process = process
        self._log_start = log_start

    @classmethod
    def start(cls, job: Task, lock: BinaryIO, environment: Mapping[str, str]) -> JobProcess:
        """Start a job.

        Args:
            job: its output goes to ``bench.log`` in its folder, after what earlier attempts wrote.
            lock: of `claim`.
            environment: variables in addition to this process's.

        Raises:
            OSError: the folder can't be written.
        """
        with (job.work_dir / LOG).open("ab") as log:
            header = (
                f"{HEAD}{datetime.now().isoformat(' ', 'seconds')}  {shlex.join(job.command)}\n"
            )
            log.write(header.encode())
            log.flush()
            log_start = log.tell()
            process = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
                start_new_session=True,
                # The child keeps the lock's open file, and with it the lock, when this one goes.
                pass_fds=(lock.fileno(),),
            )
        lock.truncate(0)
        lock.write(str(process.pid).encode())
        return cls(job, process, log_start)

    @property
    def seconds(self) -> float:
        """Time since it started."""
        return time.monotonic() - self.started

    def poll(self) -> int | None:
        """Return the exit status, as `subprocess` has it, or None while it runs."""
        code = self._process.poll()
        if code is not None:
            # What it left running would go on writing to its folder.
            self._signal(signal.SIGKILL)
        return code

    def ask_to_stop(self) -> None:
        """Ask the group to end."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """End the whole group and wait for it."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def reason(self, code: int) -> str:
        """Say why it failed: its last ``error:`` line, or else the last line of its log."""
        return reason_of(self.log, self._log_start, code)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def reason_of(log: Path, start: int, code: int) -> str:
    """Say why a task failed: its last ``error:`` line, or else the last line of its log.

    Args:
        log: its file.
        start: where in it this attempt begins, bytes.
        code: the exit status, as `subprocess` has it.
    """
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; was there enough memory?" if -code == signal.SIGKILL else ""
        return f"ended by {name}{hint}"
    lines = _last_lines(log, start)
    told = [line.removeprefix("error:") for line in lines if line.startswith("error:")]
    return (told or lines or [f"ended with status {code} and wrote nothing"])[-1].strip()


def log_end(log: Path) -> int:
    """Return the length of a log in bytes; 0 where there is none."""
    return log.stat().st_size if log.is_file() else 0


def _last_lines(log: Path, start: int) -> list[str]:
    with log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(start, end - _TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    # A progress bar's steps end in a carriage return.
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


@contextlib.contextmanager
def claim(job: Task) -> Iterator[BinaryIO | None]:
    """Yield a job's lock, or None where another process is running the job.

    The lock is free again after the block, unless a process that was started holds it too.

    Raises:
        OSError: the job's folder can't be written.
    """
    job.work_dir.mkdir(parents=True, exist_ok=True)
    with (job.work_dir / LOCK).open("a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield lock


def holder(job: Task) -> str:
    """Return the id of the process that runs a job elsewhere, as its lock tells it."""
    try:
        return (job.work_dir / LOCK).read_text(encoding="utf-8").strip() or "unknown"
    except (OSError, ValueError):
        return "unknown"
