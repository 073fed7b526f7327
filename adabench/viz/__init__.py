"""Figures."""

from adabench.viz.critical_difference import critical_difference_diagram
from adabench.viz.curve import training_curve
from adabench.viz.scatter import prediction_scatter

__all__ = ["critical_difference_diagram", "prediction_scatter", "training_curve"]
