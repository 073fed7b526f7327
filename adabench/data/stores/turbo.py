"""The kept store's files, decoded by another library."""

from __future__ import annotations

import importlib

import numpy as np
from numpy.typing import NDArray

from adabench.data.store import JpegPack


class TurboPack(JpegPack):
    """:class:`JpegPack` through simplejpeg, straight into the result."""

    def _decode(self, data: memoryview, number: int, out: NDArray[np.uint8]) -> None:
        # no dependency of adabench's
        simplejpeg = importlib.import_module("simplejpeg")
        try:
            simplejpeg.decode_jpeg(data, "RGB", buffer=out)
        except ValueError as error:
            raise ValueError(f"{self.path}: frame {number}: {error}") from error
