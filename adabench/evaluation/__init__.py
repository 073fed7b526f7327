"""Evaluation: metrics, severity levels and intervals; numpy only."""

from adabench.evaluation.intervals import bootstrap_interval, metric_intervals
from adabench.evaluation.levels import LEVEL_NAMES, level_bounds, severity_level
from adabench.evaluation.metrics import ccc, mae, pcc, rmse, score_metrics

__all__ = [
    "LEVEL_NAMES",
    "bootstrap_interval",
    "ccc",
    "level_bounds",
    "mae",
    "metric_intervals",
    "pcc",
    "rmse",
    "score_metrics",
    "severity_level",
]
