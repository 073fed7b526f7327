"""The faces of a clip, from its video or from what OpenFace 2 left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adabench.data.corpora import SourceClip
from adabench.data.prepare.cutting import CutFaces
from adabench.data.prepare.detection.detect import FaceDetector, make_detector
from adabench.data.prepare.detection.quality import FaceQuality
from adabench.data.prepare.detection.search import NoFaceError, Search
from adabench.data.prepare.detection.smooth import FaceTrack
from adabench.data.prepare.judge import Finding, of_clip, of_faces, of_times, of_video, settle
from adabench.data.prepare.openface.images import AlignedFaces, images_table
from adabench.data.prepare.openface.table import OpenFaceTable, UnusableOpenFaceError
from adabench.data.prepare.settings import PrepareSettings
from adabench.data.prepare.videos.decode import Video
from adabench.data.store import jpeg_encoder

STRAY_ROWS = 0.01
"""Share of a video's frames by which the number of OpenFace's rows may differ from theirs."""

__all__ = ["BadSignalsError", "FoundFaces", "NoFaceError", "face_boxes", "faces_of"]

_CHUNK = 1 << 20
_Given = TypeVar("_Given")


class BadSignalsError(ValueError):
    """Signals that don't fit the frames; the message names both files."""

    status = "bad_signals"


@dataclass(frozen=True)
class FoundFaces:
    """The faces of a clip; nothing of it grows with the clip but a few numbers a frame.

    Args:
        frames: number of frames.
        fps: frames per second.
        face_rate: share of the frames looked at in which the face was found, 0 to 1.
        crops: gives the face in every frame, (size, size, 3) uint8 RGB, each time from the first.
        made: gives the same as JPEG images, of which some were made already; None where none was.
        signals: gives the content of the clip's signals file in pieces; None where it has none.
        video: the video that the faces come from, after a full pass over its frames.
        table: OpenFace's table that they come from instead.
        findings: what is unusual about OpenFace's output, for the report.
        quality: gives how well the face was seen, whole once the crops or images were given.
    """

    frames: int
    fps: float
    face_rate: float
    crops: Callable[[], Iterator[NDArray[np.uint8]]]
    signals: Callable[[], Iterator[bytes]] | None = None
    video: Video | None = None
    table: OpenFaceTable | None = None
    findings: tuple[Finding, ...] = ()
    quality: Callable[[], FaceQuality] | None = None
    made: Callable[[], Iterator[bytes]] | None = None

    def images(self) -> Iterator[bytes]:
        """The face in every frame, as the clip's store keeps it."""
        if self.made is not None:
            return self.made()
        return map(jpeg_encoder(), self.crops())

    def judge(self) -> tuple[str, str]:
        """Status and detail, as :func:`adabench.data.prepare.judge.judge`."""
        found = [*self.findings, *of_clip(self.fps, self.face_rate)]
        if self.video is not None:
            seen = () if self.quality is None else of_faces(self.quality())
            return settle(self.video.path, [*of_video(self.video, self.frames), *found, *seen])
        return settle(self.table.path if self.table is not None else Path(), found)


def faces_of(
    clip: SourceClip, settings: PrepareSettings, folder: Path | None = None
) -> FoundFaces | None:
    """The faces of a clip, or None if there is none in any row of OpenFace's.

    With ``settings.source`` ``video`` they are detected in its video; its signals are those of the
    corpus, or OpenFace's if the clip has them. OpenFace's rows go to the video's frames by their
    numbers, and nothing is stretched. Two decoders may differ by a few frames: as many as 1 % of
    the video's frames may lack a row (their signals are empty), and as many rows may lack a frame
    (they are left off); if it is more, the table is taken for another video's. Where OpenFace
    followed several faces, the signals are those of the one that it saw most, which nothing
    compares with the one in the crops; that there were several is told.

    With ``openface`` each row of its table is a frame and the aligned images are the crops; a frame
    that failed repeats the crop before. The frame rate comes from the timestamps, or from the
    clip's video where those tell nothing. Without a table each number between the images' is a
    frame, and the rate that of the clip's video or its corpus.

    Args:
        clip: the clip.
        settings: how faces are found and cropped.
        folder: where images that are made in passing may wait on disk; the system's for None.

    Raises:
        UnreadableVideoError: the video can't be decoded.
        NoFaceError: no face was found in the video.
        UnusableOpenFaceError: OpenFace's output is missing or damaged.
        BadSignalsError: the signals don't fit the frames.
        ValueError, OSError: a file can't be read.
    """
    if settings.source == "openface":
        return _aligned(clip, settings)
    return _detected(clip, settings, folder)


def face_boxes(
    video: Path | Video,
    *,
    detect_every: int = 5,
    detector: str | FaceDetector = "mtcnn",
    aligned: bool = False,
) -> FaceTrack | None:
    """The face in every frame of a video, before the margin; None if there is none.

    Args:
        video: the video.
        detect_every: faces are looked for in each n-th frame, and around cuts in the others.
        detector: a detector, or the name of one that needs no model.
        aligned: set the boxes by the face's points, and turn them with it.

    Raises:
        UnreadableVideoError: the file is no video.
    """
    video = video if isinstance(video, Video) else Video(video)
    finder = make_detector(detector) if isinstance(detector, str) else detector
    return Search(finder, detect_every, aligned).track(video)[0]


def _detected(clip: SourceClip, settings: PrepareSettings, folder: Path | None) -> FoundFaces:
    video = Video(_given(clip.video, clip, "video", "give the folder with its video"))
    faces = CutFaces(video, settings, folder)
    frames, rate = len(faces.face.boxes), round(faces.face.face_rate, 4)
    signals, findings = _signals(clip, frames)
    return FoundFaces(
        frames,
        video.fps,
        rate,
        faces.crops,
        signals,
        video,
        findings=findings,
        quality=faces.quality,
        made=faces.images,
    )


def _aligned(clip: SourceClip, settings: PrepareSettings) -> FoundFaces | None:
    files = _given(clip.openface, clip, "OpenFace output", "give its folder with --openface")
    images = _given(files.aligned, clip, "aligned faces", "give their folder with --openface")
    table = images_table(images) if files.table is None else OpenFaceTable.read(files.table)
    if not table.success.any():
        return None
    faces = AlignedFaces(images, table, settings.size)
    if not faces.good.any():
        raise UnusableOpenFaceError(f"{table.path}: {faces.lost()}", "no_face")
    findings = [("short", told) for told in (table.gaps(), faces.lost()) if told]
    fps, rate = _frame_rate(table, clip), round(faces.face_rate, 4)
    if fps is None:
        fps = _given(clip.fps, clip, "frame rate", "give its video too, or OpenFace's table")
        told = f"no file tells its frames per second: the corpus's {fps:g} are taken"
        findings.append(("assumed_rate", told))
    steps = table.steps()
    findings += [*of_times(steps.uneven(), steps.spacing(), steps.pauses(), fps), *_several(table)]
    signals = None if files.table is None else table.signals
    return FoundFaces(
        len(table), fps, rate, faces.crops, signals, table=table, findings=tuple(findings)
    )


def _several(table: OpenFaceTable) -> list[Finding]:
    return [("several_faces", table.several)] if table.several else []


def _frame_rate(table: OpenFaceTable, clip: SourceClip) -> float | None:
    """Frames per second by the timestamps or the clip's video; None if images alone are there."""
    fps = table.fps()
    if fps is None and clip.video is not None:
        fps = Video(clip.video).fps or None
    if fps is None and clip.openface is not None and clip.openface.table is not None:
        raise UnusableOpenFaceError(
            f"{table.path}: column timestamp: the times of its {len(table)} frames give no frame "
            "rate: give the clip's video too, whose rate is then taken"
        )
    return fps


def _signals(
    clip: SourceClip, frames: int
) -> tuple[Callable[[], Iterator[bytes]] | None, tuple[Finding, ...]]:
    """What gives the signals of a clip whose faces come from its video, and what is odd of them."""
    if clip.openface is not None and clip.openface.table is not None:
        table = OpenFaceTable.read(clip.openface.table)
        fitting, most = table.fitting(frames), STRAY_ROWS * frames
        if max(len(table) - fitting, frames - fitting) > most:
            raise BadSignalsError(
                f"{table.path}: {len(table)} rows, of which {fitting} belong to the {frames} "
                f"frames of {clip.video}: run OpenFace on this video"
            )
        several = [(word, f"{table.path}: {told}") for word, told in _several(table)]
        return lambda: table.signals(frames), tuple(several)
    source = clip.signals
    if source is None:
        return None, ()
    rows = len(pd.read_csv(source, usecols=[0]))
    if rows != frames:
        raise BadSignalsError(f"{source}: {rows} rows for {frames} frames of {clip.video}")

    def content() -> Iterator[bytes]:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    return content, ()


def _given(value: _Given | None, clip: SourceClip, what: str, remedy: str) -> _Given:
    if value is None:
        raise UnusableOpenFaceError(f"{clip.clip}: no {what} of this clip: {remedy}", "no_source")
    return value
