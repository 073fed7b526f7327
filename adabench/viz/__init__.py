"""Figures."""

from adabench.viz.scatter import prediction_scatter

__all__ = ["prediction_scatter"]
