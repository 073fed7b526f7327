"""Writes a corpus with several processes; it can be cut off at any moment and taken up again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adabench.synthface.faces.drawing import one_thread
from adabench.synthface.parameters import ExpressionParameters, SynthfaceParameters
from adabench.synthface.writing.corpus import corpus_jobs, corpus_labels
from adabench.synthface.writing.expressions import expression_jobs
from adabench.synthface.writing.jobs import ClipJob
from adabench.synthface.writing.store import (
    RECORD_NAME,
    UNFINISHED_NAME,
    AnyParameters,
    begin,
    complete,
    is_complete,
    only_writer,
    read_record,
    write_text,
)

WORKER_MODULE = "adabench.synthface.writing.worker"
# starting a process costs as much as drawing this many clips
CLIPS_WORTH_A_PROCESS = 8
PROGRESS_SHARE = 0.1
WAIT_SECONDS = 0.5


def generate(
    parameters: SynthfaceParameters, out: Path, *, processes: int = 2, progress: bool = True
) -> Path:
    """Write a corpus in AVEC 2014's layout.

    A run that was cut off is taken up where it stopped; a complete corpus is left as it is. The
    files do not depend on the number of processes.

    Args:
        parameters: the corpus.
        out: its folder, made if missing.
        processes: how many processes draw.
        progress: say on standard error how far it is.

    Returns:
        `out`.

    Raises:
        ValueError: `out` holds something else, or a corpus of other parameters.
    """
    return _generate(parameters, Path(out), processes, progress)


def generate_expressions(
    parameters: ExpressionParameters, out: Path, *, processes: int = 2, progress: bool = True
) -> Path:
    """Write the expression clips; arguments, result and errors as `generate`."""
    return _generate(parameters, Path(out), processes, progress)


def jobs_of(parameters: AnyParameters) -> list[ClipJob]:
    """The clips of a corpus or of expression clips, in a fixed order."""
    if isinstance(parameters, SynthfaceParameters):
        return corpus_jobs(parameters)
    return expression_jobs(parameters)


def _labels_of(parameters: AnyParameters) -> dict[Path, str]:
    return corpus_labels(parameters) if isinstance(parameters, SynthfaceParameters) else {}


def _generate(parameters: AnyParameters, out: Path, processes: int, progress: bool) -> Path:
    if processes < 1:
        raise ValueError(f"processes: expected at least 1, got {processes}")
    out.mkdir(parents=True, exist_ok=True)
    if (out / RECORD_NAME).exists() and is_complete(out, parameters):
        return out
    with only_writer(out):
        if not is_complete(out, parameters):
            begin(out, parameters)
            jobs = jobs_of(parameters)
            for path, text in _labels_of(parameters).items():
                if not (out / path).is_file():
                    write_text(out / path, text)
            _write_clips(jobs, out, processes, _Progress(jobs, out, shown=progress))
            complete(out)
    return out


class _Progress:
    """Says on standard error how many clips there are, at most once each tenth."""

    def __init__(self, jobs: list[ClipJob], out: Path, *, shown: bool) -> None:
        self.waiting, self.total, self.out, self.shown = list(jobs), len(jobs), out, shown
        self.said = -PROGRESS_SHARE

    def __call__(self) -> None:
        if not self.shown:
            return
        self.waiting = [job for job in self.waiting if not job.done(self.out)]
        done = self.total - len(self.waiting)
        if done / self.total >= self.said + PROGRESS_SHARE or done == self.total:
            self.said = done / self.total
            print(f"synthface: {done} of {self.total} clips in {self.out}", file=sys.stderr)


def write_share(
    jobs: list[ClipJob],
    out: Path,
    index: int,
    count: int,
    after_each: Callable[[], None] = lambda: None,
) -> None:
    """Write every `count`-th clip from `index` on that is not there yet."""
    with one_thread():
        for job in jobs[index::count]:
            if not job.done(out):
                job.write(out)
                after_each()


def _write_clips(jobs: list[ClipJob], out: Path, processes: int, progress: _Progress) -> None:
    missing = sum(not job.done(out) for job in jobs)
    count = max(1, min(processes, missing // CLIPS_WORTH_A_PROCESS))
    with _workers(out, count) as workers:
        write_share(jobs, out, 0, count, after_each=progress)
        for worker in workers:
            while worker.poll() is None:
                try:
                    worker.wait(timeout=WAIT_SECONDS)
                except subprocess.TimeoutExpired:
                    progress()
            if worker.returncode != 0:
                raise RuntimeError(
                    f"{out}: a drawing process ended with code {worker.returncode}, its message is "
                    "on standard error; generating again takes up where this run stopped"
                )
    progress()


@contextmanager
def _workers(out: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the processes 1 to `count` - 1; this process is number 0.

    They are plain child processes rather than a multiprocessing pool: a pool re-imports the
    caller's main module, and its workers outlive a killed parent.
    """
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    command = [sys.executable, "-m", WORKER_MODULE, str(out.resolve())]
    workers = [
        subprocess.Popen([*command, str(index), str(count), str(os.getpid())], env=environment)
        for index in range(1, count)
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
            worker.wait()


def run_worker(out: Path, index: int, count: int, parent: int) -> None:
    """Write a share of the unfinished corpus in `out`, as long as process `parent` waits for it."""

    def stop_without_parent() -> None:
        if os.getppid() != parent:
            raise SystemExit("synthface: the generating process is gone")

    parameters = read_record(out / UNFINISHED_NAME).read_parameters()
    write_share(jobs_of(parameters), out, index, count, after_each=stop_without_parent)
