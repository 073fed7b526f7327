"""The order in which an epoch sees its clips, beside mmengine's `DefaultSampler`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler


class LevelSampler(Sampler[int]):
    """Gives as many items of each level; the order depends on (seed, epoch) alone.

    An epoch has as many items as there are. Those of a rare level come again once all of it have
    come; of a frequent level some are left out, others in each epoch.

    Args:
        levels: of each item.
        seed: of the order.
    """

    def __init__(self, levels: Sequence[int], seed: int) -> None:
        self.levels = np.asarray(levels)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Tell which epoch is next, as mmengine does."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.levels)

    def __iter__(self) -> Iterator[int]:
        """Yield items."""
        rng = np.random.default_rng([self.seed, self.epoch])
        # What does not divide goes to other levels in each epoch.
        levels = rng.permutation(np.unique(self.levels))
        shares = np.diff(np.arange(len(levels) + 1) * len(self) // len(levels))
        drawn = [
            _again(np.flatnonzero(self.levels == level), share, rng)
            for level, share in zip(levels, shares, strict=True)
        ]
        yield from rng.permutation(np.concatenate(drawn)).tolist()


def _again(items: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``count`` of some items, each once more before any comes twice more."""
    rounds = -(-count // len(items))
    return np.concatenate([rng.permutation(items) for _ in range(rounds)])[:count]
