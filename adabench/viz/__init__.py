"""Figures."""

from adabench.viz.curve import training_curve
from adabench.viz.scatter import prediction_scatter

__all__ = ["prediction_scatter", "training_curve"]
