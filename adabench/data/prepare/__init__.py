"""From raw videos to a prepared corpus: decode, detect, smooth, crop, store."""

from adabench.data.prepare.check import CheckReport, check
from adabench.data.prepare.clip import PrepareSettings, face_boxes
from adabench.data.prepare.report import PrepareReport
from adabench.data.prepare.run import StoppedError, prepare

__all__ = [
    "CheckReport",
    "PrepareReport",
    "PrepareSettings",
    "StoppedError",
    "check",
    "face_boxes",
    "prepare",
]
