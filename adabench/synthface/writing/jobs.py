"""One clip to write: what it shows and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adabench.synthface.faces.face import ClipRenderer
from adabench.synthface.faces.identity import Identity, Scene
from adabench.synthface.signals import ClipTruth, truth_text
from adabench.synthface.writing.store import replacing, write_text
from adabench.synthface.writing.video import encode


@dataclass(frozen=True)
class ClipContent:
    """All that the frames of a clip depend on."""

    truth: ClipTruth
    identity: Identity
    scene: Scene
    noise: np.random.Generator


@dataclass(frozen=True)
class ClipJob:
    """A clip and its files, relative to the corpus' root.

    Attributes:
        video: the mp4 file.
        signals: the CSV file of its truth.
        with_key: whether the CSV file says which frames are key frames.
        fps: frames per second.
        draw: draws the content; the same at every call.
    """

    video: Path
    signals: Path
    with_key: bool
    fps: int
    draw: Callable[[], ClipContent]

    def done(self, root: Path) -> bool:
        return (root / self.video).is_file() and (root / self.signals).is_file()

    def write(self, root: Path) -> None:
        """Write both files under `root`, each atomically."""
        content = self.draw()
        write_text(root / self.signals, truth_text(content.truth, with_key=self.with_key))
        renderer = ClipRenderer(content.truth, content.identity, content.scene)
        with replacing(root / self.video) as temporary:
            encode(renderer.frames(content.noise), temporary, fps=self.fps)
