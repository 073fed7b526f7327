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

from adabench.data.corpora import SourceClip
from adabench.data.files import atomic_path, write_text
from adabench.data.manifest import ClipRecord
from adabench.data.prepare.faces import (
    BadSignalsError,
    FoundFaces,
    NoFaceError,
    face_boxes,
    faces_of,
)
from adabench.data.prepare.judge import OK, kept
from adabench.data.prepare.openface.images import images_sha256, images_state
from adabench.data.prepare.openface.table import UnusableOpenFaceError
from adabench.data.prepare.pulse import file_sha256
from adabench.data.prepare.settings import VERSION, PrepareSettings
from adabench.data.prepare.videos.decode import UnreadableVideoError
from adabench.data.prepared import FACES, NOTES, SIGNALS, digest_book
from adabench.data.store import SUFFIX, JpegPack

__all__ = [
    "OK",
    "VERSION",
    "ClipJob",
    "ClipNote",
    "PrepareSettings",
    "face_boxes",
    "finished",
    "prepare_clip",
]

READING = 4
"""Raised when sources are read otherwise: clips that were not plainly right are looked at again."""


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

    @property
    def source(self) -> Path:
        """What the clip's faces come from: its video, OpenFace's table, or its images alone."""
        clip = self.clip
        if clip.openface is not None and self.settings.source == "openface":
            return clip.source
        return clip.video or clip.source

    @property
    def source_name(self) -> str:
        """:attr:`source` as the manifest calls it: relative to the root that it was found under."""
        if self.clip.root is not None and self.source == self.clip.source:
            return self.clip.source_name
        within = self.source.is_relative_to(self.src)
        return self.source.relative_to(self.src if within else self.source.parent).as_posix()

    @property
    def images(self) -> Path | None:
        """The folder of images that the clip is made from."""
        files = self.clip.openface
        return files.aligned if files and self.settings.source == "openface" else None

    def sources(self) -> list[Path]:
        """The files that the clip is made from, :attr:`images` aside; its source first."""
        table = self.clip.openface.table if self.clip.openface else None
        further = table if table is not None else self.clip.signals
        files = [self.source, *([further] if further else [])]
        return [path for path in dict.fromkeys(files) if path != self.images]


@dataclass(frozen=True)
class ClipNote:
    """How a clip came out; a finished one is not prepared again while this still fits.

    Args:
        status: ``ok``, or one word for what is wrong.
        detail: what is wrong; empty if nothing.
        settings: record of the settings.
        stats: size in bytes and time of change of the source files, and the images' state.
        checksums: SHA-256 of the source files, the clip's source first, and of the images.
        stored: sizes in bytes of the written files, frames first; empty for a clip left out.
        fps, frames, face_rate: as in the manifest; 0 for a clip left out.
        digests: SHA-256 of the written files, in the order of ``stored``; earlier versions noted
            none.
        quality: how well the face was seen, see :class:`FaceQuality`; empty where nothing is known.
        reading: by which :data:`READING` the source was judged.
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
    digests: list[str] = dataclasses.field(default_factory=list)
    quality: dict[str, Any] = dataclasses.field(default_factory=dict)
    reading: int = 1

    @property
    def kept(self) -> bool:
        """Whether the clip belongs to the prepared corpus."""
        return kept(self.status)

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
            source=job.source_name,
            source_sha256=self._source_sha256(job),
            traits=clip.traits,
        )

    def _source_sha256(self, job: ClipJob) -> str:
        """The source's checksum; with OpenFace's output, one over all that it consists of."""
        if job.clip.openface is None:
            return self.checksums[0]
        return hashlib.sha256("\n".join(self.checksums).encode()).hexdigest()


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
        OSError: the result can't be written, or a source can no longer be read.
    """
    settings = job.settings.record()
    try:
        stats, checksums = _stats(job), _checksums(job)
    except OSError as error:
        # no note is left: the next run tries again
        return ClipNote("unreadable", str(error), settings, [], [])
    before = _read_note(job)
    if before is not None and before.checksums == checksums:
        note = dataclasses.replace(before, stats=stats)
    else:
        note = _prepare(job, ClipNote(OK, "", settings, stats, checksums, reading=READING))
    write_text(job.note, json.dumps(dataclasses.asdict(note), indent=1) + "\n")
    return note


def _prepare(job: ClipJob, note: ClipNote) -> ClipNote:
    # these are what a damaged or unusual video can lead to, here or in the libraries
    failures = (ValueError, RuntimeError, MemoryError, cv2.error, av.error.FFmpegError)
    try:
        return _crop(job, note)
    except (
        UnreadableVideoError,
        UnusableOpenFaceError,
        BadSignalsError,
        NoFaceError,
    ) as error:
        return dataclasses.replace(note, status=error.status, detail=str(error))
    except failures as error:
        detail = f"{job.source}: {type(error).__name__}: {error}"
        return dataclasses.replace(note, status="failed", detail=detail)


def _crop(job: ClipJob, note: ClipNote) -> ClipNote:
    found = faces_of(job.clip, job.settings, job.out if job.out.is_dir() else None)
    if found is None:
        detail = (
            f"{job.source}: no face found in any frame: column success is 0 in all rows; run OpenFace "
            "on the clip again, or give its video and leave --openface out"
        )
        return dataclasses.replace(note, status="no_face", detail=detail)
    status, detail = found.judge()
    note = dataclasses.replace(note, status=status, detail=detail)
    return _store(job, note, found) if note.kept else note


def _store(job: ClipJob, note: ClipNote, found: FoundFaces) -> ClipNote:
    JpegPack.write_images(job.store, found.images())
    written = [job.store]
    if found.signals is not None:
        with atomic_path(job.signals) as temporary, temporary.open("wb") as file:
            file.writelines(found.signals())
        written.append(job.signals)
    else:
        # of an earlier run with OpenFace's tables
        job.signals.unlink(missing_ok=True)
    digests = [file_sha256(path) for path in written]
    for path, sha256 in zip(written, digests, strict=True):
        digest_book(job.out).note(path.relative_to(job.out).as_posix(), sha256)
    return dataclasses.replace(
        note,
        stored=[path.stat().st_size for path in written],
        digests=digests,
        fps=round(found.fps, 6),
        frames=found.frames,
        face_rate=found.face_rate,
        quality={} if found.quality is None else found.quality().plain(),
    )


def _read_note(job: ClipJob) -> ClipNote | None:
    """The clip's note, if its settings are the job's and the files that it names are there."""
    try:
        note = ClipNote(**json.loads(job.note.read_text(encoding="utf-8")))
        files = [job.store, job.signals][: len(note.stored)]
        whole = [path.stat().st_size for path in files] == note.stored
    except (OSError, ValueError, TypeError):
        return None
    current = note.status == OK or note.reading == READING
    return note if whole and current and note.settings == job.settings.record() else None


def _stats(job: ClipJob) -> list[list[int]]:
    stats = [path.stat() for path in job.sources()]
    images = [] if job.images is None else [images_state(job.images)]
    return [*([stat.st_size, stat.st_mtime_ns] for stat in stats), *images]


def _checksums(job: ClipJob) -> list[str]:
    images = [] if job.images is None else [images_sha256(job.images)]
    return [*(file_sha256(path) for path in job.sources()), *images]
