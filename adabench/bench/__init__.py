"""Result records and the leaderboard. Imports neither torch nor mmengine, so that it is instant."""

from adabench.bench.record import (
    CONSTANT,
    Cost,
    Flags,
    Measured,
    Metrics,
    Prediction,
    Record,
    Reported,
)
from adabench.bench.results import Problem, read_record, read_records, write_record

__all__ = [
    "CONSTANT",
    "Cost",
    "Flags",
    "Measured",
    "Metrics",
    "Prediction",
    "Problem",
    "Record",
    "Reported",
    "read_record",
    "read_records",
    "write_record",
]
