"""How fast clips are drawn and encoded, in frames a second of one core's time."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from adabench.synthface.faces.drawing import one_thread
from adabench.synthface.faces.face import ClipRenderer
from adabench.synthface.parameters import SynthfaceParameters
from adabench.synthface.writing.corpus import corpus_jobs
from adabench.synthface.writing.video import encode


@dataclass(frozen=True)
class Speed:
    """Frames a second of processor time; `whole` also simulates and writes the truth."""

    drawing: float
    encoding: float
    whole: float


def measure_speed(seed: int, *, clips: int = 12) -> Speed:
    """Measure on the first clips of the demo corpus of `seed`."""
    jobs = corpus_jobs(SynthfaceParameters.demo(seed))[:clips]
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        contents = [job.draw() for job in jobs]
        start = time.process_time()
        drawn = [
            list(ClipRenderer(content.truth, content.identity, content.scene).frames(content.noise))
            for content in contents
        ]
        drawing = time.process_time() - start
        start = time.process_time()
        for number, (job, frames) in enumerate(zip(jobs, drawn, strict=True)):
            encode(frames, Path(folder, f"{number}.mp4"), fps=job.fps)
        encoding = time.process_time() - start
        start = time.process_time()
        for job in jobs:
            job.write(Path(folder))
        whole = time.process_time() - start
    total = sum(len(frames) for frames in drawn)
    return Speed(total / drawing, total / encoding, total / whole)
