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
        other: whether tokens that are not key have a set of their own, as in the authors' code, and
            not the nearest prototype of their clip's level. It stands behind the levels' sets.
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
        other: bool = False,
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
        self.levels, self.other = len(set(sets)), other
        if not 0 <= momentum < 1:
            raise ValueError(f"sdpm.momentum (β) lies in [0, 1); got {momentum}")
        for name, value in (("prototypes", prototypes), ("kappa", kappa), ("sampling", sampling)):
            if value <= 0:
                raise ValueError(f"sdpm.{name} is above 0; got {value}")
        self.momentum, self.kappa, self.sampling = momentum, kappa, sampling
        source = torch.Generator().manual_seed(seed)
        start = torch.randn(self.levels + other, prototypes, length, generator=source)
        self.register_buffer("prototypes", F.normalize(start, dim=-1))

    def own_level(self, severity: Tensor) -> Tensor:
        """Map the scale's severity levels (B,) to the levels 0 … A−1 of the prototypes (B,)."""
        return torch.tensor(self._sets, device=severity.device)[severity]

    def similarity(self, tokens: Tensor) -> Tensor:
        """Cosine of tokens (…, L) to every prototype: (…, A, K), in float32; A + 1 with ``other``."""
        sets, count, length = self.prototypes.shape
        with torch.autocast(tokens.device.type, enabled=False):
            unit = F.normalize(tokens.float(), dim=-1)
            flat = unit @ self.prototypes.view(sets * count, length).t()
        return flat.unflatten(-1, (sets, count))

    def sets_of(self, key: Tensor, level: Tensor) -> Tensor:
        """Number of the set to which each token belongs: (B, T, S) long.

        Args:
            key: (B, T, S) bool; with ``other``, a token that isn't key belongs to set A.
            level: (B,) long, each clip's level among the prototypes' own.
        """
        own = level[:, None, None].expand_as(key)
        return torch.where(key, own, self.levels) if self.other else own

    def clustered(self, key: Tensor, valid: Tensor) -> Tensor:
        """Tokens that are balanced over a set's prototypes and move them: (B, T, S) bool.

        The key ones; with ``other`` all of valid frames (B, T).
        """
        return valid[..., None].expand_as(key) if self.other else key

    @torch.no_grad()
    def assign(self, tokens: Tensor, key: Tensor, level: Tensor, valid: Tensor) -> Tensor:
        """Index k of the prototype, within its set, to which each token belongs.

        Args:
            tokens: (B, T, S, L).
            key: (B, T, S) bool; key tokens are balanced over the batch (Eq 7 to 10), others take
                the nearest prototype, or are balanced over the set ``other``.
            level: (B,) long, each clip's level among the prototypes' own.
            valid: (B, T) bool.

        Returns:
            (B, T, S) long in [0, K).
        """
        sets = self.sets_of(key, level)
        similarity = self.similarity(tokens)
        place = sets[..., None, None].expand(*sets.shape, 1, similarity.shape[-1])
        own = similarity.gather(-2, place).squeeze(-2)
        nearest = own.argmax(-1)
        balanced = self.clustered(key, valid)
        for value in range(len(self.prototypes)):
            chosen = balanced & (sets == value)
            if chosen.any():
                nearest[chosen] = sinkhorn(own[chosen], self.kappa).argmax(-1)
        return nearest

    @torch.no_grad()
    def update(
        self,
        tokens: Tensor,
        key: Tensor,
        level: Tensor,
        valid: Tensor,
        *,
        assigned: Tensor | None = None,
    ) -> None:
        """Move prototypes toward the tokens assigned to them (Eq 11): key ones, or :meth:`clustered`.

        Args:
            tokens: (B, T, S, L).
            key: (B, T, S) bool.
            level: (B,) long, as in :meth:`assign`.
            valid: (B, T) bool.
            assigned: what :meth:`assign` says of them, where it has been asked.
        """
        if assigned is None:
            assigned = self.assign(tokens, key, level, valid)
        sets, count, length = self.prototypes.shape
        index = self.sets_of(key, level) * count + assigned
        unit = F.normalize(tokens.float(), dim=-1)
        moves = self.clustered(key, valid)
        total = unit.new_zeros(sets * count, length).index_add_(0, index[moves], unit[moves])
        number = torch.bincount(index[moves], minlength=sets * count).to(unit.dtype)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(total)
            dist.all_reduce(number)
        moved = momentum_step(
            self.prototypes,
            total.view_as(self.prototypes),
            number.view(sets, count),
            self.momentum,
        )
        self.prototypes.copy_(moved)
