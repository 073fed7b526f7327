"""Evaluation: metrics, scales, intervals, relevance and order of rows; no torch."""

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
from adabench.evaluation.metrics import ccc, mae, pcc, rmse, score_metrics
from adabench.evaluation.ranking import RankAgreement, rank_agreement
from adabench.evaluation.scale import BDI_II, PHQ_8, Level, Scale
from adabench.evaluation.session_metric import SessionMetric

__all__ = [
    "BDI_II",
    "PHQ_8",
    "ClipRelevance",
    "Level",
    "RankAgreement",
    "Scale",
    "SessionMetric",
    "bootstrap_interval",
    "calibration_of",
    "ccc",
    "clip_relevance_auc",
    "frame_relevance",
    "join_views",
    "mae",
    "mean_relevance_auc",
    "metric_intervals",
    "pcc",
    "rank_agreement",
    "relevance_auc",
    "rmse",
    "score_metrics",
]
