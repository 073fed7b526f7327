"""Videos of drawn faces at places that are known."""

from fractions import Fraction
from functools import cache

import av
import cv2
import numpy as np

from adabench.synthface.sheet import draw_still

FPS = 15
WIDTH, HEIGHT = 320, 240
# the cascade's box on a drawn picture of 160x120 pixels
FACE_X, FACE_Y, FACE_SIDE = 80.5, 66.5, 82.0


@cache
def drawn(person, yaw=0):
    return np.ascontiguousarray(draw_still(3, person, {"yaw": yaw})[..., ::-1])


@cache
def wall():
    noise = np.random.default_rng(0).normal(130, 4, (HEIGHT, WIDTH, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)


def put(frame, person, x, y, side, yaw=0):
    """Draws a face with its box's centre at x, y; the last one lies on top."""
    scale = side / FACE_SIDE
    picture = cv2.resize(drawn(person, yaw), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = picture[:, round(28 * scale) : round(132 * scale)]
    left, top = round(x - (FACE_X - 28) * scale), round(y - FACE_Y * scale)
    height, width = picture.shape[:2]
    rows = slice(max(0, top), min(frame.shape[0], top + height))
    columns = slice(max(0, left), min(frame.shape[1], left + width))
    frame[rows, columns] = picture[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]


def scene(*faces):
    """A frame with faces, each (person, x, y, side) or with a yaw in degrees."""
    frame = wall().copy()
    for face in faces:
        put(frame, *face)
    return frame


def write(path, frames, fps=FPS):
    """Encodes frames of whatever sizes, each as a JPEG."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p"
        for number, frame in enumerate(frames):
            encoded = cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]))[1].tobytes()
            packet = av.Packet(encoded)
            packet.stream, packet.time_base = stream, Fraction(1, fps)
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
    return path
