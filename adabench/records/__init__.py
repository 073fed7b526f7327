"""The result record: its schema, its files and what lies beside them, what must hold of one.

Imports neither torch nor mmengine, so that reading records is instant.
"""

from adabench.evaluation.controls import CONSTANT
from adabench.records.record import (
    Cost,
    Flags,
    Measured,
    Metrics,
    Prediction,
    Record,
    Reported,
)
from adabench.records.results import Problem, read_record, read_records, write_record

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
