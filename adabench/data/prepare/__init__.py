"""From raw videos to a prepared corpus: decode, detect, smooth, crop, store."""

from adabench.data.prepare.clip import PrepareSettings, face_boxes
from adabench.data.prepare.run import PrepareReport, prepare

__all__ = ["PrepareReport", "PrepareSettings", "face_boxes", "prepare"]
