"""Kinds of numbers for the arguments of parts: an annotation with its range, told before a part is built.

A config's value is held to it wherever arguments are held to their annotations; to type checkers
these are ``int`` and ``float``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Bounds:
    """The range of a number, both ends included; without ``most`` it has no upper end."""

    least: float
    most: float = math.inf

    def hold(self, value: float) -> bool:
        """Whether a number is within."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        if self.most == math.inf:
            return f"of at least {self.least:g}"
        return f"from {self.least:g} to {self.most:g}"


Count = Annotated[int, Bounds(1)]
"""How many there are of what can't be missing: channels, layers, heads."""
Natural = Annotated[int, Bounds(0)]
"""How many there are of what may be missing: 0 is none."""
Share = Annotated[float, Bounds(0, 1)]
"""A part of a whole."""
