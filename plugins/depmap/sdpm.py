"""SDPM, semantic disambiguation prototypes: a set of unit vectors per severity level."""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from .sinkhorn import KAPPA, sinkhorn
from .sparsity import SAMPLING_FACTOR

#: Which of three prototype sets each of four severity levels belongs to: healthy, potentially
#: depressed and depressed, the names of the paper's figure 4. Otherwise each level has its own.
JOINED = (0, 1, 1, 2)
#: K, the paper's.
PROTOTYPES = 8
#: β, not printed.
MOMENTUM = 0.99


def momentum_step(prototypes: Tensor, total: Tensor, count: Tensor, momentum: float) -> Tensor:
    """Eq 11, read as P ← β P + (1 − β) F̄, then unit length; without a token a prototype stays.

    Args:
        prototypes: (A, K, L), unit vectors.
        total: (A, K, L), the sum of the tokens assigned to each.
        count: (A, K), how many were.
        momentum: β in [0, 1).

    Returns:
        (A, K, L).
    """
    mean = total / count.clamp_min(1)[..., None]
    moved = F.normalize(momentum * prototypes + (1 - momentum) * mean, dim=-1)
    return torch.where(count[..., None] > 0, moved, prototypes)


class SDPM(nn.Module):
    """The prototypes, which token belongs to which, and their momentum update.

    Prototypes are a buffer: they travel with checkpoints, and no optimiser touches them.

    Args:
        length: L of a token.
        severities: how many severity levels the corpus's scale has; the paper's has four.
        levels: A, how many of them have prototypes of their own: all by default, or of four three,
            which joins the middle two.
        prototypes: K per level.
        momentum: β.
        kappa: κ of the balanced assignment.
        sampling: c of u = c · ln T.
        seed: of the prototypes' random start, apart from the global random state.

    Raises:
        ValueError: a value out of its range.
    """

    prototypes: Tensor

    def __init__(
        self,
        *,
        length: int,
        severities: int = len(JOINED),
        levels: int | None = None,
        prototypes: int = PROTOTYPES,
        momentum: float = MOMENTUM,
        kappa: float = KAPPA,
        sampling: float = SAMPLING_FACTOR,
        seed: int = 0,
    ) -> None:
        super().__init__()
        sets = tuple(range(severities))
        if levels is not None and levels != severities:
            if (severities, levels) != (len(JOINED), len(set(JOINED))):
                either = "3 or 4" if severities == len(JOINED) else f"{severities}, the scale's"
                raise ValueError(f"sdpm.levels is {either}; got {levels}")
            sets = JOINED
        self._sets = sets
        levels = len(set(sets))
        if not 0 <= momentum < 1:
            raise ValueError(f"sdpm.momentum (β) lies in [0, 1); got {momentum}")
        for name, value in (("prototypes", prototypes), ("kappa", kappa), ("sampling", sampling)):
            if value <= 0:
                raise ValueError(f"sdpm.{name} is above 0; got {value}")
        self.momentum, self.kappa, self.sampling = momentum, kappa, sampling
        source = torch.Generator().manual_seed(seed)
        start = torch.randn(levels, prototypes, length, generator=source)
        self.register_buffer("prototypes", F.normalize(start, dim=-1))

    @property
    def levels(self) -> int:
        """A, how many levels have prototypes."""
        return self.prototypes.shape[0]

    def own_level(self, severity: Tensor) -> Tensor:
        """Map the scale's severity levels (B,) to the levels 0 … A−1 of the prototypes (B,)."""
        return torch.tensor(self._sets, device=severity.device)[severity]

    def similarity(self, tokens: Tensor) -> Tensor:
        """Cosine of tokens (…, L) to every prototype: (…, A, K), in float32."""
        levels, count, length = self.prototypes.shape
        with torch.autocast(tokens.device.type, enabled=False):
            unit = F.normalize(tokens.float(), dim=-1)
            flat = unit @ self.prototypes.view(levels * count, length).t()
        return flat.unflatten(-1, (levels, count))

    @torch.no_grad()
    def assign(self, tokens: Tensor, key: Tensor, level: Tensor) -> Tensor:
        """Index k of the prototype, within its clip's level, to which each token belongs.

        Args:
            tokens: (B, T, S, L).
            key: (B, T, S) bool; key tokens are balanced over the batch (Eq 7 to 10), others take
                the nearest prototype.
            level: (B,) long, each clip's level among the prototypes' own.

        Returns:
            (B, T, S) long in [0, K).
        """
        similarity = self.similarity(tokens)
        own = similarity[torch.arange(len(level), device=level.device), ..., level, :]
        nearest = own.argmax(-1)
        for value in range(self.levels):
            chosen = key & (level == value)[:, None, None]
            if chosen.any():
                nearest[chosen] = sinkhorn(own[chosen], self.kappa).argmax(-1)
        return nearest

    @torch.no_grad()
    def update(self, tokens: Tensor, key: Tensor, level: Tensor) -> None:
        """Move prototypes toward the key tokens assigned to them (Eq 11).

        Args:
            tokens: (B, T, S, L).
            key: (B, T, S) bool.
            level: (B,) long, as in :meth:`assign`.
        """
        levels, count, length = self.prototypes.shape
        index = level[:, None, None] * count + self.assign(tokens, key, level)
        unit = F.normalize(tokens.float(), dim=-1)
        total = unit.new_zeros(levels * count, length).index_add_(0, index[key], unit[key])
        number = torch.bincount(index[key], minlength=levels * count).to(unit.dtype)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(total)
            dist.all_reduce(number)
        moved = momentum_step(
            self.prototypes,
            total.view_as(self.prototypes),
            number.view(levels, count),
            self.momentum,
        )
        self.prototypes.copy_(moved)
