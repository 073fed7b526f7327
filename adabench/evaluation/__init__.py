"""Evaluation: metrics, severity levels, intervals, relevance and order of rows; no torch."""

from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.explanation import (
    ClipRelevance,
    clip_relevance_auc,
    frame_relevance,
    join_views,
    mean_relevance_auc,
    relevance_auc,
)
from adabench.evaluation.intervals import bootstrap_interval, metric_intervals
from adabench.evaluation.levels import LEVEL_NAMES, level_bounds, severity_level
from adabench.evaluation.metrics import ccc, mae, pcc, rmse, score_metrics
from adabench.evaluation.ranking import RankAgreement, rank_agreement
from adabench.evaluation.session_metric import SessionMetric

__all__ = [
    "LEVEL_NAMES",
    "ClipRelevance",
    "RankAgreement",
    "SessionMetric",
    "bootstrap_interval",
    "calibration_of",
    "ccc",
    "clip_relevance_auc",
    "frame_relevance",
    "join_views",
    "level_bounds",
    "mae",
    "mean_relevance_auc",
    "metric_intervals",
    "pcc",
    "rank_agreement",
    "relevance_auc",
    "rmse",
    "score_metrics",
    "severity_level",
]
