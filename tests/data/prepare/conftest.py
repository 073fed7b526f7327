"""Videos with a known face: a photograph that moves, nears and is mirrored over time."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from prepared_files import content, run
from skimage import data

from adabench.data.corpora.base import OpenFaceFiles

PICTURE = data.astronaut()
FACE = (177, 66, 95, 95)  # x, y, width, height, as OpenCV's frontal cascade finds it


@dataclass(frozen=True)
class FaceClip:
    """Frames (N, H, W, 3) uint8 RGB and the face's true boxes (N, 4)."""

    frames: np.ndarray
    boxes: np.ndarray


def make_face_clip(count, width=320, height=240, seed=0, light=1.0):
    """The photograph under a similarity transform that changes with time."""
    begin = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
    face_x, face_y, side = FACE[0] + FACE[2] / 2, FACE[1] + FACE[3] / 2, FACE[2]
    frames, boxes = [], []
    for t in range(count):
        zoom = height / 512 * (1.4 + 0.25 * np.sin(begin[0] + t / 20))
        mirror = -1 if t // 45 % 2 else 1
        x = width / 2 + 0.12 * width * np.sin(begin[1] + t / 15)
        y = height / 2 + 0.08 * height * np.sin(begin[2] + t / 12)
        place = np.array(
            [[mirror * zoom, 0, x - mirror * zoom * face_x], [0, zoom, y - zoom * face_y]]
        )
        picture = cv2.warpAffine(
            PICTURE, place, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        frames.append((picture * light).astype(np.uint8))
        boxes.append([x - zoom * side / 2, y - zoom * side / 2, zoom * side, zoom * side])
    return FaceClip(np.stack(frames), np.array(boxes))


def write_video_file(path, frames, fps=15, container_options=None):
    """Encodes ``frames`` with H.264; the container by the name's suffix."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "ultrafast"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


OPENFACE_COLUMNS = (
    *("frame", "face_id", "timestamp", "confidence", "success", "gaze_0_x", "gaze_angle_y"),
    *("eye_lmk_X_3", "pose_Tx", "pose_Rz", "x_0", "Y_67", "p_rx", "AU04_r", "AU28_c", "AU04_c"),
)


def openface_row(number, face=0, seconds=None, success=1, fps=30, **values):
    """A row of OpenFace's table as a dict; what isn't given depends on the number."""
    row = {name: f"{number + i / 100:.2f}" for i, name in enumerate(OPENFACE_COLUMNS)}
    seconds = (number - 1) / fps if seconds is None else seconds
    row |= {"frame": number, "face_id": face, "timestamp": f"{seconds:.3f}", "success": success}
    return row | values


def openface_text(rows, columns=OPENFACE_COLUMNS):
    lines = [", ".join(columns), *(", ".join(str(row[name]) for name in columns) for row in rows)]
    return "\n".join(lines) + "\n"


def write_openface_files(folder, rows, *, suffix=".bmp", side=112, columns=OPENFACE_COLUMNS):
    """A table and an image a row: red 200, green 20 times the face's number, blue the frame's."""
    aligned = Path(folder) / "clip_aligned"
    aligned.mkdir(parents=True, exist_ok=True)
    table = Path(folder) / "clip.csv"
    table.write_text(openface_text(rows, columns))
    for row in rows:
        image = np.full((side, side, 3), (row["frame"], 20 * row["face_id"], 200), np.uint8)
        name = f"frame_det_{row['face_id']:02d}_{row['frame']:06d}{suffix}"
        assert cv2.imwrite(str(aligned / name), image)
    return OpenFaceFiles(table, aligned)


@pytest.fixture(scope="session")
def openface_rows():
    """Gives the rows of a table for numbers of frames; see :func:`openface_row`."""
    return lambda numbers, **values: [openface_row(number, **values) for number in numbers]


@pytest.fixture(scope="session")
def write_openface():
    """See :func:`write_openface_files`."""
    return write_openface_files


@pytest.fixture(scope="session")
def face_clip():
    """See :func:`make_face_clip`."""
    return make_face_clip


@pytest.fixture(scope="session")
def write_video():
    """See :func:`write_video_file`."""
    return write_video_file


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """A video of 20 frames with a face."""
    clip = make_face_clip(20)
    return write_video_file(tmp_path_factory.mktemp("video") / "face.mp4", clip.frames)


@pytest.fixture(scope="module")
def expected(template, tmp_path_factory):
    """What an undisturbed run writes of a test module's own raw corpus."""
    out = tmp_path_factory.mktemp("expected") / "out"
    run(template, out)
    return content(out)
