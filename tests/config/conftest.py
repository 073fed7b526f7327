"""The tiny runs that several rooms' tests share."""

from tiny_runs import tiny, tiny_encoder

__all__ = ["tiny", "tiny_encoder"]
