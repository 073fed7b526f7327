"""How fast a corpus is prepared, over decoding the same videos alone."""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av

from adabench.data.corpora import CorpusReader, Scan
from adabench.data.prepare import prepare
from adabench.data.prepare.run import reader_of, settings_of
from adabench.synthface.faces.drawing import one_thread


@dataclass(frozen=True)
class PrepareSpeed:
    """Frames a second with a number of processes, medians; ``ratio`` is of the two, turn by turn.

    With 0 processes frames a second of CPU time, each the best of the turns, which says most where
    others use the machine too.

    Args:
        processes: clips at once; 0 for one after another in the process that measures.
        bare: decoding the videos, one thread a process, without converting their pixels.
        prepared: preparing them, from nothing to a complete corpus.
        ratio: ``prepared`` over ``bare``.
    """

    processes: int
    bare: float
    prepared: float
    ratio: float


@dataclass(frozen=True)
class PrepareProfile:
    """What :func:`profile_prepare` measured.

    Args:
        about: what was measured on, in words.
        speeds: one for each number of processes.
    """

    about: str
    speeds: tuple[PrepareSpeed, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def format(self) -> str:
        """Return a Markdown table."""
        rows = [
            f"| {s.processes} | {s.bare:,.0f} | {s.prepared:,.0f} | {s.ratio:.3f} |"
            for s in self.speeds
        ]
        head = "| processes | bare decoding, frames/s | prepare, frames/s | ratio |"
        by_cpu = any(not speed.processes for speed in self.speeds)
        note = ["0 processes: by CPU time, the best turn", ""] if by_cpu else []
        return "\n".join([self.about, "", *note, head, "|--:|--:|--:|--:|", *rows])


class _First:
    """A reader that finds only so many clips."""

    def __init__(self, reader: CorpusReader, clips: int) -> None:
        self._reader = reader
        self._clips = clips

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def scan(self, src: Path) -> Scan:
        scan = self._reader.scan(src)
        with_video = [clip for clip in scan.clips if clip.video is not None]
        return replace(scan, clips=tuple(with_video[: self._clips]))


def profile_prepare(
    corpus: str,
    src: Path,
    *,
    processes: Sequence[int] = (1, 2),
    clips: int = 24,
    repeats: int = 1,
    **settings: Any,
) -> PrepareProfile:
    """Decode and prepare the first clips of a raw corpus, in turn.

    Args:
        corpus: name of a reader.
        src: the raw corpus.
        processes: how many clips at once; each number is measured, see :class:`PrepareSpeed`.
        clips: how many are taken.
        repeats: turns behind the medians.
        settings: of :func:`adabench.data.prepare.prepare`, e.g. ``size``.

    Raises:
        ValueError: a count below its least, or a setting that ``prepare`` refuses.
        FileNotFoundError: ``src`` holds no such corpus.
    """
    counts = {"clips": (clips, 1), "repeats": (repeats, 1)}
    counts["processes"] = (min(processes, default=-1), 0)
    for name, (value, least) in counts.items():
        if value < least:
            raise ValueError(f"{name}: expected {least} or more, got {value}")
    reader: Any = _First(reader_of(corpus), clips)
    settings_of(reader, **settings)  # refuses wrong ones before anything is decoded
    videos = [clip.video for clip in reader.scan(src).clips]
    load, frames = os.getloadavg()[0], 0
    rates: dict[int, list[tuple[float, float]]] = {number: [] for number in processes}
    for _ in range(repeats):
        for number in processes:
            frames, bare = _bare(videos, number)
            rates[number].append((bare, _prepared(reader, src, number, settings)))
    return PrepareProfile(
        f"{len(videos)} clips, {frames} frames of {src.name}, median of {repeats}, wall-clock "
        f"time with the processes' start; load {load:.1f} on {os.cpu_count()} cores",
        tuple(_speed(number, pairs) for number, pairs in rates.items()),
    )


def _prepared(reader: Any, src: Path, processes: int, settings: dict[str, Any]) -> float:
    """Frames a second of preparing all clips."""
    with tempfile.TemporaryDirectory() as made, one_thread():
        out, begin = Path(made, "corpus"), time.process_time()
        report = prepare(reader, src, out, processes=processes, progress=False, **settings)
        used = time.process_time() - begin
    return report.frames / (report.seconds if processes else used)


def _bare(videos: list[Path], processes: int) -> tuple[int, float]:
    """Frames, and frames a second, of decoding all videos."""
    if not processes:
        begin = time.process_time()
        frames = sum(map(decode, videos))
        return frames, frames / (time.process_time() - begin)
    # as prepare's, so that no process inherits locks of threads that it doesn't have
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        # every process has started and imported before the clock does
        list(pool.map(decode, videos[:1] * processes, [1] * processes))
        begin = time.perf_counter()
        frames = sum(pool.map(decode, sorted(videos, key=lambda video: -video.stat().st_size)))
        return frames, frames / (time.perf_counter() - begin)


def _speed(processes: int, pairs: list[tuple[float, float]]) -> PrepareSpeed:
    bare, prepared = zip(*pairs, strict=True)
    if not processes:
        return PrepareSpeed(processes, max(bare), max(prepared), max(prepared) / max(bare))
    return PrepareSpeed(
        processes,
        statistics.median(bare),
        statistics.median(prepared),
        statistics.median(made / decoded for decoded, made in pairs),
    )


def decode(video: Path, most: int | None = None) -> int:
    """Decode the first ``most`` frames in order, or all, with one thread; return how many there were."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in itertools.islice(container.decode(stream), most))
