"""The result record: its `schema`, its `files` and what lies beside them, `checks` of what must hold of one.

Where its numbers come from is told by `provenance`, of folds by `protocols`, of drawn faces by `drawn`.

Imports neither torch nor mmengine, so that reading records is instant.
"""

from adabench.evaluation.controls import CONSTANT
from adabench.records.files.results import Problem, read_record, read_records, write_record
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Cost, Flags, Measured, Metrics, Prediction, Reported

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
