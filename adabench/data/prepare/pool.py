"""Several processes that work off jobs: one that hangs or dies costs its job only."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import types
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2

from adabench.data.prepare import pulse
from adabench.data.prepare.pulse import Sign

PATIENCE = 30.0
"""Seconds without a new frame after which a decoder counts as hung."""

# beside decoding there is work without signs, flushing a large file to a slow disk above all
_MORE_PATIENCE = 10
_TICK = 0.5
_STARTS = 3
_GOODBYE = 2.0

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """A job without a result.

    Args:
        status: ``timeout``, ``crashed`` or ``failed``.
        detail: what happened.
    """

    status: str
    detail: str


@dataclass
class _Worker(Generic[Job]):
    process: BaseProcess
    channel: Any
    ready: bool = False
    job: Job | None = None
    sign: Sign = field(default_factory=Sign)
    silent: float = 0.0

    def give(self, job: Job) -> None:
        self.job, self.sign, self.silent = job, Sign(), 0.0
        # one that died meanwhile is noticed by its end
        with contextlib.suppress(BrokenPipeError):
            self.channel.send(job)

    def messages(self) -> Iterator[tuple[str, Any]]:
        """All that it has sent; it may have died in the middle of a message."""
        with contextlib.suppress(EOFError, OSError):
            while self.channel.poll():
                yield self.channel.recv()

    def end(self) -> None:
        """Ends it at once, whatever it is doing."""
        self.process.kill()
        # one that waits for a dead file server can't be ended; the rest needn't wait for it
        self.process.join(_GOODBYE)
        self.channel.close()


class Pool(Generic[Job, Result]):
    """Processes of its own that work off jobs.

    Args:
        function: what is done with a job; importable by name in another process.
        processes: how many work at once.
        patience: seconds without a new frame after which a decoder counts as hung, by
            :mod:`adabench.data.prepare.pulse`; ten times as long without any sign of other work.
        told: called with a job and each of its signs of life.
    """

    def __init__(
        self,
        function: Callable[[Job], Result],
        processes: int,
        *,
        patience: float = PATIENCE,
        told: Callable[[Job, Sign], object] = lambda _job, _sign: None,
    ) -> None:
        self.function = function
        self.processes = processes
        self.patience = patience
        self.told = told
        self._workers: list[_Worker[Job]] = []
        self._failed_starts = 0

    def work(self, jobs: Sequence[Job]) -> Generator[tuple[Job, Result | Lost], None, None]:
        """Yields each job with its result as it is finished.

        A job whose process dies is tried once more when nothing runs beside it, since memory may
        have been short.

        Raises:
            OSError: what ``function`` raised of that kind; nothing goes on then.
            RuntimeError: no process can be started.
        """
        again: list[Job] = []
        try:
            for job, result in self._work(jobs, self.processes):
                if isinstance(result, Lost) and result.status == "crashed" and self.processes > 1:
                    again.append(job)
                else:
                    yield job, result
            yield from self._work(again, 1)
        finally:
            self._stop()

    def _work(self, jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, Result | Lost]]:
        todo = deque(jobs)
        while todo or any(worker.job is not None for worker in self._workers):
            self._hire(min(processes, len(todo)))
            for worker in self._workers[:processes]:
                if todo and worker.ready and worker.job is None:
                    worker.give(todo.popleft())
            before = time.monotonic()
            sources = [part for w in self._workers for part in (w.channel, w.process.sentinel)]
            connection.wait(sources, _TICK)
            # a machine that slept meanwhile hung no decoder
            passed = min(time.monotonic() - before, 2 * _TICK)
            for worker in list(self._workers):
                yield from self._attend(worker, passed)

    def _hire(self, wanted: int) -> None:
        busy = sum(worker.job is not None for worker in self._workers)
        while len(self._workers) < min(self.processes, busy + wanted):
            self._workers.append(_start(self.function))

    def _attend(self, worker: _Worker[Job], passed: float) -> Iterator[tuple[Job, Result | Lost]]:
        worker.silent += passed
        for kind, content in worker.messages():
            worker.silent = 0.0
            if kind == "ready":
                worker.ready, self._failed_starts = True, 0
            elif kind == "sign" and worker.job is not None:
                worker.sign = content
                self.told(worker.job, content)
            elif kind == "stop":
                raise content
            elif worker.job is not None:
                job, worker.job = worker.job, None
                yield job, content
        lost = self._lost(worker)
        if lost is not None:
            worker.end()
            self._workers.remove(worker)
            if worker.job is not None:
                yield worker.job, lost

    def _lost(self, worker: _Worker[Job]) -> Lost | None:
        """Why a worker has to go, None if it may stay."""
        limit = self.patience * (1 if worker.sign.decoding else _MORE_PATIENCE)
        if not worker.process.is_alive():
            if not worker.ready:
                self._count_failed_start(worker.process.exitcode)
            return Lost("crashed", f"the process that prepared it died ({_told_end(worker)})")
        if worker.job is None or worker.silent <= limit:
            return None
        what = "no new frame" if worker.sign.decoding else "no sign of work"
        frames = f", after {worker.sign.frames} frames" if worker.sign.frames else ""
        return Lost("timeout", f"{what} for {limit:g} s{frames}: its process was ended")

    def _count_failed_start(self, code: int | None) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _STARTS:
            raise RuntimeError(
                f"processes that prepare clips end as soon as they start (exit code {code}): call "
                "prepare() with processes=0"
            )

    def _stop(self) -> None:
        idle = [worker for worker in self._workers if worker.ready and worker.job is None]
        for worker in idle:
            with contextlib.suppress(BrokenPipeError):
                worker.channel.send(None)
        deadline = time.monotonic() + _GOODBYE
        for worker in idle:
            worker.process.join(max(0.0, deadline - time.monotonic()))
        for worker in self._workers:
            worker.end()
        self._workers.clear()


def _start(function: Callable[[Any], Any]) -> _Worker[Any]:
    # forked from this process they would inherit the locks of its threads; forked from a server
    # without threads, which has imported what they need, they start at once
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["adabench.data.prepare.run"])
    mine, theirs = context.Pipe()
    # a server stands where it was started, whatever folder this process has gone to since
    arguments = (function, theirs, Path.cwd())
    process = context.Process(target=_serve, args=arguments, daemon=True)
    with _without_main(), _without_interrupts():
        process.start()
    theirs.close()
    return _Worker(process, mine)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the program that runs, which a new process would import, and torch with it, say."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back from the server and its processes while they import; they inherit this."""
    # Started by the server, this would let signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(function: Callable[[Any], Any], channel: Any, folder: Path) -> None:
    """What a worker's process does: job after job, until it is sent None or its parent is gone."""
    os.chdir(folder)
    cv2.setNumThreads(1)
    # Ctrl-C reaches the workers too: they end without a traceback each
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=_end_with, args=(sentinel,), daemon=True).start()
    # a killed parent is no error of the worker's
    with contextlib.suppress(EOFError, ConnectionError):
        channel.send(("ready", None))
        while (job := channel.recv()) is not None:
            pulse.listen(lambda sign: channel.send(("sign", sign)))
            channel.send(_answer(function, job))


def _answer(function: Callable[[Any], Any], job: Any) -> tuple[str, Any]:
    try:
        return "done", function(job)
    except OSError as error:
        return "stop", error
    except Exception as error:  # noqa: BLE001 - whatever a damaged video leads to in a library must cost this video only
        return "done", Lost("failed", _told_error(error))


def _end_with(sentinel: int) -> None:
    # a worker would outlive a killed parent, waiting for ever for another job
    connection.wait([sentinel])
    os._exit(1)


def _told_error(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"


def _told_end(worker: _Worker[Any]) -> str:
    code = worker.process.exitcode
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}, out of memory?" if name == "SIGKILL" else name
