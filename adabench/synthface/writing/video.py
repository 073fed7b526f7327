"""H.264 encoding: one thread and fixed settings, so that equal frames give equal bytes."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

CODEC = "libx264"
# with B-frames and its macroblock tree, libx264 gave equal frames different bytes from run to run
ENCODER_OPTIONS = {"crf": "28", "preset": "ultrafast", "bf": "0", "threads": "1"}


def encode(frames: Iterable[NDArray[np.uint8]], path: Path, *, fps: int) -> int:
    """Write frames to an mp4 file.

    Args:
        frames: each (H, W, 3) blue, green, red; H and W even.
        path: the file to write.
        fps: frames per second.

    Returns:
        The number of frames.
    """
    number = 0
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(CODEC, rate=Fraction(fps), options=ENCODER_OPTIONS)
        if not isinstance(stream, VideoStream):
            raise RuntimeError(f"{path}: PyAV gives no video stream for the codec {CODEC}")
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for image in frames:
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
            number += 1
        container.mux(stream.encode(None))
    return number
