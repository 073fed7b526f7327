"""The contract as a test suite for plugins, and small batches to run it on."""

from adabench.testing.contract import (
    ContractError,
    check_assessor,
    check_checkpoint,
    check_gradients,
    check_independence,
    check_label_free,
    check_plugin,
    check_selection,
    check_shapes,
    check_spans,
)
from adabench.testing.examples import example_batch, example_id, example_truth

__all__ = [
    "ContractError",
    "check_assessor",
    "check_checkpoint",
    "check_gradients",
    "check_independence",
    "check_label_free",
    "check_plugin",
    "check_selection",
    "check_shapes",
    "check_spans",
    "example_batch",
    "example_id",
    "example_truth",
]
