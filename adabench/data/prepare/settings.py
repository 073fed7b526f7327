"""How faces are found and cropped: the settings of a prepared corpus."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adabench.data.prepare.detection.detect import (
    POINTED,
    FaceDetector,
    check_detector,
    make_detector,
)
from adabench.data.store import JPEG_QUALITY

VERSION = 1
"""Raised whenever the same video gives other crops than before."""
SOURCES = ("video", "openface")
CUTS = ("box", "aligned")


@dataclass(frozen=True)
class PrepareSettings:
    """How faces are found and cropped.

    Args:
        size: side of the stored crops in pixels.
        margin: added on each side of the face's box, as a share of the box's side.
        detect_every: faces are looked for in each n-th frame.
        detector: name in ``DETECTORS``.
        cut: ``box`` cuts a square about the face as it is; ``aligned`` turns it so that the eyes
            are level, and sets it by the face's points, one scale for all directions.
        model: the detector's file, for one that needs it; a ``Path`` or its text.
        source: ``video`` detects faces; ``openface`` takes the aligned faces that OpenFace 2 cut,
            so that the margin and the detector don't matter.

    Attributes:
        model_sha256: the model file's checksum, None without one.

    Raises:
        ValueError, TypeError: a setting is outside its range, or the model file is no such model.
        FileNotFoundError: the model file is missing.
    """

    size: int = 64
    margin: float = 0.1
    detect_every: int = 5
    detector: str = "mtcnn"
    model: Path | None = None
    source: str = "video"
    cut: str = "box"
    model_sha256: str | None = dataclasses.field(default=None, init=False)

    def __post_init__(self) -> None:
        for name, low, high in (("size", 16, 1024), ("detect_every", 1, 1000)):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name}: expected an integer from {low} to {high}, got {value!r}")
        if not 0 <= self.margin <= 2:
            raise ValueError(f"margin: expected a number from 0 to 2, got {self.margin!r}")
        for name, known in (("source", SOURCES), ("cut", CUTS)):
            if getattr(self, name) not in known:
                told = ", ".join(map(repr, known))
                raise ValueError(f"{name}: expected one of {told}, got {getattr(self, name)!r}")
        model = None if self.model is None else Path(self.model)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "model_sha256", check_detector(self.detector, model))
        if self.cut == "aligned" and self.detector not in POINTED:
            raise ValueError(
                f"cut: 'aligned' needs the five points of a face, which the detector "
                f"{self.detector!r} doesn't give: take {' or '.join(map(repr, POINTED))}"
            )

    def make_detector(self) -> FaceDetector:
        """The detector.

        Raises:
            ValueError, FileNotFoundError: its model file is no longer the one of these settings.
        """
        detector = make_detector(self.detector, self.model)
        if detector.model_sha256 != self.model_sha256:
            raise ValueError(
                f"{self.model}: the file has changed since preparing began: begin again, with one "
                "model for the whole corpus"
            )
        return detector

    def record(self) -> dict[str, Any]:
        """What a prepared corpus says of them: what its frames depend on, and no path."""
        store = {"store": "jpegs", "quality": JPEG_QUALITY, "version": VERSION}
        if self.source == "openface":
            return {"size": self.size, "source": self.source, **store}
        fields = ("size", "margin", "detect_every", "detector")
        record = {name: getattr(self, name) for name in fields}
        # corpora of before there was a choice say nothing of it
        if self.cut != "box":
            record["cut"] = self.cut
        if self.model_sha256 is not None:
            record["model_sha256"] = self.model_sha256
        return {**record, **store}
