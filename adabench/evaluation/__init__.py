"""Evaluation: metrics, scales, intervals, relevance and order of rows; no torch."""

from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.explanation import ClipRelevance, frame_relevance, join_views
from adabench.evaluation.intervals import bootstrap_interval, metric_intervals
from adabench.evaluation.localisation import (
    ceiling_localisation,
    chance_localisation,
    clip_localisation,
    localisation,
    mean_localisation,
)
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
    "ceiling_localisation",
    "chance_localisation",
    "clip_localisation",
    "frame_relevance",
    "join_views",
    "mae",
    "localisation",
    "mean_localisation",
    "metric_intervals",
    "pcc",
    "rank_agreement",
    "rmse",
    "score_metrics",
]
