"""What keeping a clip's frames costs, for every candidate, beside decoding the video itself."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adabench.data.store import FrameStore, jpeg_encoder
from adabench.data.stores import KEPT, Candidate, find_candidates
from adabench.profiling.clips import Source, decode, sources
from adabench.synthface.drawing import one_thread

STRIDED, SEGMENT, SEGMENTS = 50, 32, 4
"""Frames of the strided read; of a segment; and how many segments of a clip are read."""

ENOUGH = 0.8
"""What a store's reading must reach of bare decoding."""
SHARP = 40.0
"""The least peak signal-to-noise ratio, in dB, of what comes back."""
BUDGET = 33_000
"""The most bytes a frame: AVEC 2013, some 3 million frames, on 100 GB."""

SOURCE, SOURCE_RGB, MEMORY = "source video", "source video, as RGB", f"{KEPT}'s images in memory"
_READS = ("strided", "segments", "whole")
_COLD = "strided, cold"
_LOSSLESS = 100.0


@dataclass(frozen=True)
class StoreFigures:
    """A candidate's figures; rates are frames a second, medians over the repeats.

    Args:
        name, kind, detail: see :class:`adabench.data.stores.Candidate`.
        size: bytes a frame.
        psnr: of the frames read against the crops, mean in dB; None without loss.
        rates: ``write``, ``strided``, ``segments``, ``whole``, and ``strided, cold`` where the page
            cache could be emptied of the file.
        ratios: the three reads over bare decoding of the source, in the same turn.
    """

    name: str
    kind: str
    detail: str
    size: float
    psnr: float | None
    rates: Mapping[str, float]
    ratios: Mapping[str, float]

    def faults(self) -> list[str]:
        """What keeps it from being chosen; empty if nothing."""
        slow = min(_READS, key=lambda read: self.ratios[read])
        tests = {
            f"{slow} {self.ratios[slow]:.2f}": self.ratios[slow] < ENOUGH,
            f"{self.psnr or 0:.1f} dB": self.psnr is not None and self.psnr < SHARP,
            f"{self.size / 1000:.0f} kB a frame": self.size > BUDGET,
        }
        return [fault for fault, true in tests.items() if true]

    def training_rate(self) -> float:
        """Frames a second of the slower of the two reads that training does."""
        return min(self.rates["strided"], self.rates["segments"])

    def row(self) -> str:
        """Its line of the table."""
        psnr = "lossless" if self.psnr is None else f"{self.psnr:.1f}"
        reads = [f"{self.rates[read]:,.0f} ({self.ratios[read]:.2f})" for read in _READS]
        cold = f"{self.rates[_COLD]:,.0f}" if _COLD in self.rates else "–"
        kept = f"**{self.name}**" if self.name == KEPT else self.name
        start = [kept, self.detail, f"{self.size:,.0f}", psnr, f"{self.rates['write']:,.0f}"]
        return f"| {' | '.join([*start, *reads, cold])} |"


@dataclass(frozen=True)
class StoreProfile:
    """What :func:`profile_stores` measured.

    Args:
        about: what was measured on, in words.
        bare: frames a second of decoding without a store, by what is decoded.
        stores: the candidates.
    """

    about: str
    bare: Mapping[str, float]
    stores: tuple[StoreFigures, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "verdict": self.verdict()}

    def verdict(self) -> str:
        """Which store the figures choose, and what they hold against the others."""
        good = [store for store in self.stores if not store.faults()]
        good.sort(key=lambda store: -store.training_rate())
        ranking = ", ".join(f"{s.name} ({s.kind}) {s.training_rate():,.0f}" for s in good)
        out = ", ".join(f"{s.name} ({'; '.join(s.faults())})" for s in self.stores if s.faults())
        kept = "".join(
            f" Kept: {s.name}, at {min(s.ratios.values()):.2f} of bare decoding or more."
            for s in self.stores
            if s.name == KEPT
        )
        return (
            f"What decides: every read at {ENOUGH} of bare decoding or more, {SHARP:.0f} dB or "
            f"more, at most {BUDGET / 1000:.0f} kB a frame; of these, the frames a second of the "
            f"slower of strided and segment reads: {ranking or 'none'}. Out: {out or 'none'}.{kept}"
        )

    def format(self) -> str:
        """Return a Markdown table between what was measured and what decides."""
        bare = ", ".join(f"{name} {rate:,.0f}" for name, rate in self.bare.items())
        return "\n".join(
            [
                self.about,
                "",
                f"| store | settings | bytes a frame | PSNR, dB | write | {STRIDED} strided | "
                f"{SEGMENT}-frame segments | whole clip | {STRIDED} strided, cold |",
                "|---|---|--:|--:|--:|--:|--:|--:|--:|",
                *(store.row() for store in self.stores),
                "",
                f"Frames a second; in brackets over bare decoding of the {SOURCE}. Bare: {bare}.",
                self.verdict(),
            ]
        )


@dataclass
class _Run:
    """A candidate in a measurement: its files, a clip each, and what was measured so far."""

    candidate: Candidate
    paths: list[Path]
    rates: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, rate: float | None) -> None:
        if rate is not None:
            self.rates.setdefault(what, []).append(rate)


def profile_candidates(
    src: Path | None,
    *,
    candidates: Sequence[str] = (),
    clips: int = 4,
    frames: int = 900,
    size: int = 112,
    **options: Any,
) -> StoreProfile:
    """Measure candidates by name on a folder's videos, or on a generated one.

    Args:
        src, clips, frames, size: see :func:`adabench.profiling.clips.sources`.
        candidates: see :func:`adabench.data.stores.find_candidates`.
        options: of :func:`profile_stores`.

    Raises:
        ValueError, FileNotFoundError: as these do.
    """
    found = find_candidates(candidates)
    with tempfile.TemporaryDirectory() as made:
        measured = sources(src, Path(made), clips=clips, frames=frames, size=size)
        return profile_stores(measured, found, **options)


def profile_stores(
    sources: Sequence[Source],
    candidates: Sequence[Candidate],
    *,
    repeats: int = 5,
    folder: Path | None = None,
    cpu_time: bool = False,
) -> StoreProfile:
    """Measure candidates in turn, and bare decoding beside them, ``repeats`` times.

    A store is opened anew for every strided, segment and whole read, and that counts. All is done in
    one thread.

    Args:
        sources: the clips.
        candidates: the stores.
        repeats: turns behind the medians.
        folder: where the stores are written, on the disk to be measured; a temporary folder in it
            is used and removed. None takes the system's.
        cpu_time: count the processor's time, not the clock's: for a machine that has other work.
            Reads from a cold cache always take the clock's.

    Raises:
        ValueError: fewer than one repeat.
    """
    if repeats < 1:
        raise ValueError(f"repeats: expected 1 or more, got {repeats}")
    clock = time.process_time if cpu_time else time.perf_counter
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=folder) as made, one_thread():
        runs = [
            _Run(candidate, [Path(made, f"{candidate.name}-{i}.mp4") for i in range(len(sources))])
            for candidate in candidates
        ]
        bare = _turns(runs, sources, repeats, clock)
        stores = tuple(_figures(run, sources, bare[SOURCE]) for run in runs)
    cold = all(_COLD in store.rates for store in stores)
    return StoreProfile(
        _about(sources, repeats, cpu_time, load, cold),
        {name: statistics.median(rates) for name, rates in bare.items()},
        stores,
    )


def dropped_from_cache(path: Path) -> bool:
    """Ask the system to forget a file's content; returns whether it has."""
    if not hasattr(os, "posix_fadvise") or not hasattr(os, "RWF_NOWAIT"):
        return False
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        # a read that may not wait for the disk tells whether the middle is in memory
        os.preadv(handle, [bytearray(1)], os.fstat(handle).st_size // 2, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _turns(
    runs: list[_Run], sources: Sequence[Source], repeats: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Fills ``runs``; returns the rates of bare decoding, turn by turn."""
    bare: dict[str, list[float]] = {SOURCE: [], SOURCE_RGB: [], MEMORY: []}
    encode = jpeg_encoder()
    images = [encode(crop) for source in sources for crop in source.crops]
    for turn in range(repeats):
        for rgb, name in ((False, SOURCE), (True, SOURCE_RGB)):
            bare[name].append(_rate(clock, _decode_all, sources, rgb))
        bare[MEMORY].append(_rate(clock, _decode_images, images))
        # another order in each turn: whoever comes first finds other caches
        for run in [*runs[turn % len(runs) :], *runs[: turn % len(runs)]]:
            run.note("write", _rate(clock, _write_all, run, sources))
            rng = np.random.default_rng(turn)
            for read, index in (("strided", _strided), ("segments", _segments), ("whole", _whole)):
                indices = [list(index(len(source.crops), rng)) for source in sources]
                run.note(read, _rate(clock, _read_all, run, indices))
            run.note(_COLD, _cold_rate(run, sources, rng))
    return bare


def _rate(clock: Callable[[], float], work: Callable[..., int], *arguments: Any) -> float:
    begin = clock()
    frames = work(*arguments)
    return frames / max(clock() - begin, 1e-9)


def _decode_all(sources: Sequence[Source], rgb: bool) -> int:
    return sum(decode(source.video, len(source.crops), rgb=rgb) for source in sources)


def _decode_images(images: list[bytes]) -> int:
    for image in images:
        cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    return len(images)


def _write_all(run: _Run, sources: Sequence[Source]) -> int:
    written = zip(run.paths, sources, strict=True)
    return sum(run.candidate.write(path, iter(source.crops)) for path, source in written)


def _read_all(run: _Run, indices: list[list[NDArray[np.int64]]]) -> int:
    count = 0
    for path, clip in zip(run.paths, indices, strict=True):
        for index in clip:
            count += len(_read(run.candidate.open(path), index))
    return count


def _read(store: FrameStore, index: NDArray[np.int64]) -> NDArray[np.uint8]:
    frames = store.read(index)
    store.close()
    return frames


def _cold_rate(run: _Run, sources: Sequence[Source], rng: np.random.Generator) -> float | None:
    indices = [list(_strided(len(source.crops), rng)) for source in sources]
    if not all(dropped_from_cache(path) for path in run.paths):
        return None
    return _rate(time.perf_counter, _read_all, run, indices)


def _strided(frames: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    stride = -(-frames // STRIDED)
    yield np.arange(rng.integers(stride), frames, stride)


def _segments(frames: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    length = min(SEGMENT, frames)
    for start in rng.integers(0, frames - length + 1, SEGMENTS):
        yield np.arange(start, start + length)


def _whole(frames: int, _: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    yield np.arange(frames)


def _figures(run: _Run, sources: Sequence[Source], bare: list[float]) -> StoreFigures:
    ratios = {
        read: statistics.median(a / b for a, b in zip(run.rates[read], bare, strict=True))
        for read in _READS
    }
    frames = sum(len(source.crops) for source in sources)
    psnr = _psnr(run, sources)
    candidate = run.candidate
    return StoreFigures(
        name=candidate.name,
        kind=candidate.kind,
        detail=candidate.detail,
        size=sum(path.stat().st_size for path in run.paths) / frames,
        psnr=None if psnr > _LOSSLESS else psnr,
        rates={what: statistics.median(rates) for what, rates in run.rates.items()},
        ratios=ratios,
    )


def _psnr(run: _Run, sources: Sequence[Source]) -> float:
    values: list[float] = []
    for path, source in zip(run.paths, sources, strict=True):
        stored = _read(run.candidate.open(path), np.arange(len(source.crops)))
        values += [cv2.PSNR(a, b) for a, b in zip(source.crops, stored, strict=True)]
    return statistics.fmean(values)


def _about(sources: Sequence[Source], repeats: int, cpu_time: bool, load: float, cold: bool) -> str:
    frames, size = sum(len(source.crops) for source in sources), sources[0].crops.shape[1]
    state = "dropped before the cold reads (checked)" if cold else "could not be dropped"
    return (
        f"{len(sources)} clips, {frames} frames, crops of {size} px, medians of {repeats}, one "
        f"thread, {'processor' if cpu_time else 'wall-clock'} time; load {load:.1f} on "
        f"{os.cpu_count()} cores; page cache warm, {state}."
    )
