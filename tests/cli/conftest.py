"""The tiny run that tools start from."""

from tiny_runs import tiny

__all__ = ["tiny"]
