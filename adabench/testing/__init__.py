"""The contract as one list of checks, for plugins, trainings and tests, and small batches to run it on."""

from adabench.testing.contract import check_assessor, check_contract, check_view
from adabench.testing.estimators import check_estimator
from adabench.testing.examples import SIGNAL_NAMES, example_batch, example_id, example_truth
from adabench.testing.outputs import check_selection, check_spans
from adabench.testing.plugin import check_plugin, report_plugin
from adabench.testing.readers import READER_RULES, check_reader, report_reader
from adabench.testing.report import ContractError, ContractReport, Finding, Rule, refuse_broken
from adabench.testing.rules import RULES

__all__ = [
    "READER_RULES",
    "RULES",
    "SIGNAL_NAMES",
    "ContractError",
    "ContractReport",
    "Finding",
    "Rule",
    "check_assessor",
    "check_contract",
    "check_estimator",
    "check_plugin",
    "check_reader",
    "check_selection",
    "check_spans",
    "check_view",
    "example_batch",
    "example_id",
    "example_truth",
    "refuse_broken",
    "report_plugin",
    "report_reader",
]
