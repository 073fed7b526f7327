"""A generated corpus in the other layouts that users have.

AVEC 2013's, AVEC 2014's under other names, a table, and OpenFace 2's output. All are made from the
files of a complete corpus, so that every path of preparation can be tried on the same sessions.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np

from adabench.synthface.faces.head import FACE_CENTRE_Y, FRAME_HEIGHT, FRAME_WIDTH, HEAD_DOWN_SHIFT
from adabench.synthface.parameters import SynthfaceParameters
from adabench.synthface.sessions.plan import TASKS, Session, draw_sessions
from adabench.synthface.signals import AU_COLUMNS, ClipTruth, read_truth
from adabench.synthface.writing.corpus import LABEL_FOLDERS, SPLIT_FOLDERS
from adabench.synthface.writing.store import RECORD_NAME, read_parameters

OPENFACE_LAYOUTS = ("avec2014", "avec2013")
ALIGNED_SIZE = 112
# half a face height of a drawn face (45 pixels) in the aligned picture
ALIGNED_HALF_FACE = 50.0
DRAWN_HALF_FACE = 45.0

# OpenFace 2 gives intensities of 17 action units in 0..5; a drawn face never shows the others
OPENFACE_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
LARGEST_INTENSITY, PRESENT = 5.0, 1.0
LARGEST_GAZE = 0.5
MILLIMETRES_PER_PIXEL, CAMERA_DISTANCE = 2.4, 600.0
OPENFACE_COLUMNS = (
    *("frame", "face_id", "timestamp", "confidence", "success", "gaze_angle_x", "gaze_angle_y"),
    *("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"),
    *(f"AU{unit:02d}_r" for unit in OPENFACE_UNITS),
    *(f"AU{unit:02d}_c" for unit in OPENFACE_UNITS),
)


def write_avec2013(source: Path, out: Path, *, task: str = "Freeform") -> Path:
    """Write AVEC 2013's layout: one clip a session, `NNN_M_cut_combined.mp4`, without task folders.

    Args:
        source: a complete corpus.
        out: a new folder.
        task: whose clips stand for the sessions.

    Raises:
        FileNotFoundError: `source` is no complete corpus.
        FileExistsError: `out` exists.
        ValueError: an unknown task, or `source` holds expression clips.
    """
    _check_task(task)
    with _new_corpus(source, out) as (folder, sessions, _):
        for session in sessions:
            split = SPLIT_FOLDERS[session.split]
            target = folder / split / f"{session.name}_cut_combined.mp4"
            _copy(_video(source, session, task), target)
            _copy(source / _label(session), folder / _label_2013(session))
    return out


def write_renamed(source: Path, out: Path) -> Path:
    """Write AVEC 2014's layout under the names that some copies have.

    `{train,dev,test}/{freeform,northwind}/NNN_M_freeform_video.mp4`, all labels in `labels/`.
    Arguments and errors as `write_avec2013`.
    """
    with _new_corpus(source, out) as (folder, sessions, _):
        for session in sessions:
            for task in TASKS:
                video = _video(source, session, task)
                _copy(video, folder / session.split / task.lower() / video.name.lower())
            label = _label(session)
            _copy(source / label, folder / "labels" / label.name)
    return out


def write_table(source: Path, out: Path) -> Path:
    """Write a corpus of one's own: `clips.csv`, and all videos in `videos/`.

    Arguments and errors as `write_avec2013`.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("clip", "video", "score", "subject", "session", "task", "split"))
    with _new_corpus(source, out) as (folder, sessions, _):
        for session in sessions:
            for task in TASKS:
                clip, person = session.clip_name(task), session.subject
                video = f"videos/{clip}_video.mp4"
                _copy(_video(source, session, task), folder / video)
                rows.writerow(
                    (clip, video, session.score, person, session.name, task, session.split)
                )
        (folder / "clips.csv").write_text(text.getvalue(), encoding="utf-8")
    return out


def write_openface(
    source: Path, out: Path, *, layout: str = "avec2014", task: str = "Freeform", image: str = "bmp"
) -> Path:
    """Write what OpenFace 2 would leave of each clip, from the truth: a table and aligned faces.

    `SPLIT/TASK/<clip>_video.csv` (intensities, gaze and pose in OpenFace's units) beside
    `<clip>_video_aligned/frame_det_00_000001.bmp` (112x112), and the labels. A minute of video
    takes 34 MiB at 15 frames a second.

    Args:
        source: a complete corpus.
        out: a new folder.
        layout: "avec2014", or "avec2013" for `SPLIT/NNN_M_cut_combined.csv` and so on.
        task: whose clips stand for the sessions of AVEC 2013.
        image: the format of the aligned faces, as a file's ending; OpenFace 2 writes bmp.

    Raises:
        FileNotFoundError, FileExistsError, ValueError: as `write_avec2013`, or an unknown layout
            or format.
    """
    _check_task(task)
    if layout not in OPENFACE_LAYOUTS:
        raise ValueError(f"layout: expected one of {OPENFACE_LAYOUTS}, got {layout!r}")
    if not cv2.haveImageWriter(f"face.{image}"):
        raise ValueError(f"image: expected an image format such as bmp or png, got {image!r}")
    with _new_corpus(source, out) as (folder, sessions, fps):
        for session in sessions:
            split = SPLIT_FOLDERS[session.split]
            if layout == "avec2013":
                table = folder / split / f"{session.name}_cut_combined.csv"
                _write_openface_clip(source, table, session, task, fps, image)
                _copy(source / _label(session), folder / _label_2013(session))
                continue
            for each in TASKS:
                table = _video(folder, session, each).with_suffix(".csv")
                _write_openface_clip(source, table, session, each, fps, image)
            _copy(source / _label(session), folder / _label(session))
    return out


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise ValueError(f"task: expected one of {TASKS}, got {task!r}")


def _corpus_parameters(source: Path) -> SynthfaceParameters:
    parameters = read_parameters(source)
    if not isinstance(parameters, SynthfaceParameters):
        raise ValueError(f"{source}: expected a corpus with labels, found expression clips")
    return parameters


@contextmanager
def _new_corpus(source: Path, out: Path) -> Iterator[tuple[Path, list[Session], int]]:
    """A folder that appears as `out` once it is whole, with the sessions and fps of `source`."""
    parameters = _corpus_parameters(source)
    if out.exists():
        raise FileExistsError(f"{out}: exists already; choose a new folder or delete it")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary, draw_sessions(parameters), parameters.fps
        _copy(source / RECORD_NAME, temporary / RECORD_NAME)
        temporary.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _video(root: Path, session: Session, task: str) -> Path:
    folder = root / SPLIT_FOLDERS[session.split] / task
    return folder / f"{session.clip_name(task)}_video.mp4"


def _label(session: Session) -> Path:
    """A session's label in AVEC 2014's layout, relative to the corpus."""
    return LABEL_FOLDERS[session.split] / f"{session.name}_Depression.csv"


def _label_2013(session: Session) -> Path:
    return Path(f"{SPLIT_FOLDERS[session.split]}_DepressionLabels", _label(session).name)


def _write_openface_clip(
    source: Path, table: Path, session: Session, task: str, fps: int, image: str
) -> None:
    truth = read_truth(source / "truth" / f"{session.clip_name(task)}.csv")
    aligned = table.with_name(f"{table.stem}_aligned")
    aligned.mkdir(parents=True)
    table.write_text(openface_text(truth, fps), encoding="utf-8")
    with av.open(str(_video(source, session, task))) as container:
        for number, frame in enumerate(container.decode(video=0)):
            face = cv2.warpAffine(
                frame.to_ndarray(format="bgr24"),
                _alignment(truth, number),
                (ALIGNED_SIZE, ALIGNED_SIZE),
            )
            cv2.imwrite(str(aligned / f"frame_det_00_{number + 1:06d}.{image}"), face)


def _alignment(truth: ClipTruth, frame: int) -> np.ndarray:
    """The similarity transform (2, 3) that puts a frame's face upright into the aligned picture."""
    x = FRAME_WIDTH / 2 + truth.column("shift_x")[frame]
    y = FRAME_HEIGHT / 2 + FACE_CENTRE_Y + truth.column("shift_y")[frame]
    y += HEAD_DOWN_SHIFT * truth.column("head_down")[frame]
    scale = ALIGNED_HALF_FACE / DRAWN_HALF_FACE
    matrix = cv2.getRotationMatrix2D((x, y), float(truth.column("roll")[frame]), scale)
    matrix[:, 2] += ALIGNED_SIZE / 2 - np.array([x, y])
    return np.asarray(matrix)


def openface_text(truth: ClipTruth, fps: int) -> str:
    """A clip's table in OpenFace 2's format: frames from 1, AUs in 0..5, angles in radians."""
    frames = len(truth.key)
    columns = {name: np.zeros(frames) for name in OPENFACE_COLUMNS}
    columns["frame"] = np.arange(1.0, frames + 1)
    columns["timestamp"] = np.arange(frames) / fps
    columns["confidence"] = np.full(frames, 0.98)
    columns["success"] = np.ones(frames)
    columns["gaze_angle_x"] = -LARGEST_GAZE * truth.column("gaze_x")
    columns["gaze_angle_y"] = LARGEST_GAZE * truth.column("gaze_down")
    columns["pose_Tx"] = MILLIMETRES_PER_PIXEL * truth.column("shift_x")
    columns["pose_Ty"] = MILLIMETRES_PER_PIXEL * truth.column("shift_y")
    columns["pose_Tz"] = np.full(frames, CAMERA_DISTANCE)
    for axis, angle in (("x", "pitch"), ("y", "yaw"), ("z", "roll")):
        columns[f"pose_R{axis}"] = np.deg2rad(truth.column(angle))
    for name in AU_COLUMNS:
        columns[f"{name}_r"] = LARGEST_INTENSITY * truth.column(name)
        columns[f"{name}_c"] = (columns[f"{name}_r"] >= PRESENT).astype(float)
    whole = {"frame", "face_id", "success"}
    rows = [
        ", ".join(
            f"{values[frame]:.0f}" if name in whole else f"{values[frame]:.3f}"
            for name, values in columns.items()
        )
        for frame in range(frames)
    ]
    return "\n".join([", ".join(OPENFACE_COLUMNS), *rows]) + "\n"
