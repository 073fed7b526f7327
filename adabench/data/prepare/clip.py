"""Preparing one clip: what a worker process does, and the note that it leaves when done."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import pandas as pd

from adabench.data.corpora import SourceClip
from adabench.data.files import write_bytes, write_text
from adabench.data.manifest import ClipRecord
from adabench.data.prepare.crop import crop_face
from adabench.data.prepare.decode import UnreadableVideoError, Video
from adabench.data.prepare.detect import DETECTORS, detect, make_detector
from adabench.data.prepare.smooth import FaceTrack, track
from adabench.data.prepared import FACES, SIGNALS
from adabench.data.store import JPEG_QUALITY, SUFFIX, JpegPack

VERSION = 1
"""Raised whenever the same video gives other crops than before."""
NOTES = ".clips"
SHORT, TRUNCATED = 0.99, 0.95
"""A clip with a smaller share of the frames that its header states is suspicious, or left out."""
FEW_FACES = 0.5
"""A clip with a smaller face rate is suspicious."""

OK = "ok"
_SUSPICIOUS = {"short", "few_faces"}


@dataclass(frozen=True)
class PrepareSettings:
    """How faces are found and cropped.

    Args:
        size: side of the stored crops in pixels.
        margin: added on each side of the face's box, as a share of the box's side.
        detect_every: faces are looked for in each n-th frame.
        detector: name in ``DETECTORS``.

    Raises:
        ValueError, TypeError: a setting is outside its range.
    """

    size: int = 64
    margin: float = 0.1
    detect_every: int = 5
    detector: str = "haar"

    def __post_init__(self) -> None:
        for name, low, high in (("size", 16, 1024), ("detect_every", 1, 1000)):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name}: expected an integer from {low} to {high}, got {value!r}")
        if not 0 <= self.margin <= 2:
            raise ValueError(f"margin: expected a number from 0 to 2, got {self.margin!r}")
        if self.detector not in DETECTORS:
            make_detector(self.detector)  # raises, with the names that exist

    def record(self) -> dict[str, Any]:
        """What a prepared corpus says of them."""
        store = {"store": "jpegs", "quality": JPEG_QUALITY}
        return {**dataclasses.asdict(self), **store, "version": VERSION}


@dataclass(frozen=True)
class ClipJob:
    """One clip to prepare: its source, the root of the raw corpus, and where it goes."""

    clip: SourceClip
    src: Path
    out: Path
    settings: PrepareSettings

    @property
    def store(self) -> Path:
        """The clip's frames."""
        return self.out / FACES / f"{self.clip.clip}{SUFFIX}"

    @property
    def signals(self) -> Path:
        """The clip's signals, where the corpus has some."""
        return self.out / SIGNALS / f"{self.clip.clip}.csv"

    @property
    def note(self) -> Path:
        """The note that says that the clip is done."""
        return self.out / NOTES / f"{self.clip.clip}.json"

    def sources(self) -> list[Path]:
        """The files that the clip is made from."""
        return [self.clip.video, *([self.clip.signals] if self.clip.signals else [])]


@dataclass(frozen=True)
class ClipNote:
    """How a clip came out; a finished one is not prepared again while this still fits.

    Args:
        status: ``ok``, or one word for what is wrong.
        detail: what is wrong; empty if nothing.
        settings: record of the settings.
        stats: size in bytes and time of change of the source files.
        checksums: SHA-256 of the source files, the video's first.
        stored: sizes in bytes of the written files, frames first; empty for a clip left out.
        fps, frames, face_rate: as in the manifest; 0 for a clip left out.
    """

    status: str
    detail: str
    settings: dict[str, Any]
    stats: list[list[int]]
    checksums: list[str]
    stored: list[int] = dataclasses.field(default_factory=list)
    fps: float = 0.0
    frames: int = 0
    face_rate: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether the clip belongs to the prepared corpus."""
        return self.status == OK or self.status in _SUSPICIOUS

    def row(self, job: ClipJob) -> ClipRecord:
        """The clip's row of the manifest."""
        clip = job.clip
        return ClipRecord(
            clip=clip.clip,
            subject=clip.subject,
            session=clip.session,
            task=clip.task,
            split=clip.split,
            score=clip.score,
            fps=self.fps,
            frames=self.frames,
            face_rate=self.face_rate,
            source=clip.video.relative_to(job.src).as_posix(),
            source_sha256=self.checksums[0],
        )


def face_boxes(
    video: Path | Video, *, detect_every: int = 5, detector: str = "haar"
) -> FaceTrack | None:
    """The face in every frame of a video, before the margin; None if there is none.

    Raises:
        UnreadableVideoError: the file is no video.
    """
    video = video if isinstance(video, Video) else Video(video)
    return track(detect(video.frames(), make_detector(detector), detect_every), video.fps)


def finished(job: ClipJob) -> ClipNote | None:
    """The note of a clip that is done and whose source looks unchanged, else None."""
    note = _read_note(job)
    try:
        same = note is not None and note.stats == _stats(job)
    except OSError:
        return None
    return note if same else None


def prepare_clip(job: ClipJob) -> ClipNote:
    """Prepares one clip, unless it was done before from a source of the same content.

    A video that can't be prepared gives a note that says why.

    Raises:
        OSError: the result can't be written.
    """
    settings = job.settings.record()
    try:
        stats, checksums = _stats(job), [_sha256(path) for path in job.sources()]
    except OSError as error:
        # no note is left: the next run tries again
        return ClipNote("unreadable", str(error), settings, [], [])
    before = _read_note(job)
    if before is not None and before.checksums == checksums:
        note = dataclasses.replace(before, stats=stats)
    else:
        note = _prepare(job, ClipNote(OK, "", settings, stats, checksums))
    write_text(job.note, json.dumps(dataclasses.asdict(note), indent=1) + "\n")
    return note


def _prepare(job: ClipJob, note: ClipNote) -> ClipNote:
    # these are what a damaged or unusual video can lead to, here or in the libraries
    failures = (ValueError, RuntimeError, MemoryError, cv2.error, av.error.FFmpegError)
    try:
        return _crop(job, note)
    except UnreadableVideoError as error:
        return dataclasses.replace(note, status="unreadable", detail=str(error))
    except failures as error:
        detail = f"{job.clip.video}: {type(error).__name__}: {error}"
        return dataclasses.replace(note, status="failed", detail=detail)


def _crop(job: ClipJob, note: ClipNote) -> ClipNote:
    video, settings = Video(job.clip.video), job.settings
    face = face_boxes(video, detect_every=settings.detect_every, detector=settings.detector)
    if face is None:
        detail = f"{job.clip.video}: no face found in any frame"
        return dataclasses.replace(note, status="no_face", detail=detail)
    frames, rate = len(face.boxes), round(face.face_rate, 4)
    status, detail = _judge(job, video, frames, rate)
    note = dataclasses.replace(note, status=status, detail=detail)
    if not note.kept:
        return note
    crops = (
        crop_face(frame.rgb(), box, settings.margin, settings.size)
        for frame, box in zip(video.frames(), face.boxes, strict=True)
    )
    JpegPack.write(job.store, crops)
    written = [job.store]
    if job.clip.signals is not None:
        write_bytes(job.signals, job.clip.signals.read_bytes())
        written.append(job.signals)
    stored = [path.stat().st_size for path in written]
    fps = round(video.fps, 6)
    return dataclasses.replace(note, stored=stored, fps=fps, frames=frames, face_rate=rate)


def _judge(job: ClipJob, video: Video, frames: int, face_rate: float) -> tuple[str, str]:
    """Status and detail of a decoded clip."""
    if job.clip.signals is not None:
        rows = len(pd.read_csv(job.clip.signals))
        if rows != frames:
            detail = f"{job.clip.signals}: {rows} rows for {frames} frames of {job.clip.video}"
            return "bad_signals", detail
    stated = max(video.stated_frames, 1)
    if frames / stated < SHORT or video.broken:
        share = f"{frames} of {video.stated_frames or 'unknown'} frames can be decoded"
        detail = f"{job.clip.video}: {share}" + (f" ({video.broken})" if video.broken else "")
        return ("truncated" if frames / stated < TRUNCATED else "short"), detail
    if face_rate < FEW_FACES:
        detail = f"{job.clip.video}: a face in only {face_rate:.0%} of the frames looked at"
        return "few_faces", detail
    return OK, ""


def _read_note(job: ClipJob) -> ClipNote | None:
    """The clip's note, if its settings are the job's and the files that it names are there."""
    try:
        note = ClipNote(**json.loads(job.note.read_text(encoding="utf-8")))
        files = [job.store, job.signals][: len(note.stored)]
        whole = [path.stat().st_size for path in files] == note.stored
    except (OSError, ValueError, TypeError):
        return None
    return note if whole and note.settings == job.settings.record() else None


def _stats(job: ClipJob) -> list[list[int]]:
    stats = [path.stat() for path in job.sources()]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
