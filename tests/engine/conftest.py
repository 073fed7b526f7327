"""The tiny runs that several rooms' tests share."""

from broken_selectors import broken_selectors
from tiny_runs import tiny, tiny_encoder

__all__ = ["broken_selectors", "tiny", "tiny_encoder"]
