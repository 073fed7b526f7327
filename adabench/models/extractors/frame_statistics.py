"""The pixels themselves, as a baseline that knows nothing of faces."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike
from torch.nn.functional import adaptive_avg_pool2d

from adabench.models.extractors.extractor import Extractor, check_statistics, over_time
from adabench.registry import MODELS
from adabench.structures import Clip


@MODELS.register_module()
class FrameStatistics(Extractor):
    """Statistics over time of each pixel and colour of downscaled frames.

    Args:
        size: height and width that frames are averaged down to, pixels.
        statistics: some of ``mean``, ``deviation``, ``maximum``.

    Raises:
        ValueError: a size below 1, or an unknown statistic.
    """

    def __init__(self, *, size: int = 8, statistics: Sequence[str] = ("mean", "deviation")) -> None:
        if size < 1:
            raise ValueError(f"FrameStatistics.size is at least 1 pixel; got {size}")
        self.size = size
        self.statistics = check_statistics("FrameStatistics.statistics", statistics)

    def __call__(self, clip: Clip) -> ArrayLike:
        """Return (3 * size² * statistics,), of colours in [0, 1]."""
        if clip.frames is None:
            raise ValueError(f"FrameStatistics reads frames, and clip {clip.id.clip} has none")
        small = adaptive_avg_pool2d(clip.frames.float() / 255, self.size)
        return over_time(small.flatten(1), self.statistics).numpy()
