"""How the weights of a training were chosen, as the record says it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from adabench.config.fields.training import Training
from adabench.engine.training.fit import Fit
from adabench.records.schema.sections import Metrics, Selection
from adabench.records.schema.values import METRIC_NAMES

#: What a stage measures of its own selection; counts, as those are what a reader needs of it.
_COUNTS = ("epoch", "epochs", "looks")


def selection_of(training: Training, done: Fit) -> Selection:
    """Return how the weights were chosen; the development labels are read at each validation."""
    found = {name: done.development[name] for name in METRIC_NAMES if name in done.development}
    validated = "value" in done.best
    rule = "the last epoch: nothing validates"
    if validated:
        rule = f"lowest {done.best['metric']} of the development sessions, the first of equal ones"
    return Selection(
        metrics=Metrics(**found) if found else None,
        epoch=done.best["epoch"],
        epochs=done.epochs,
        schedule=training.epochs,
        looks=math.ceil(done.epochs / training.validate_every) if validated else 0,
        budget=1,
        rule=rule,
    )


def counts_of(selection: Selection) -> dict[str, float]:
    """Return the counts of a stage's selection as that stage measures them."""
    told = {name: getattr(selection, name) for name in _COUNTS}
    return {name: float(value) for name, value in told.items() if value is not None}


def selection_told(measured: Mapping[str, float]) -> Selection | None:
    """Return the selection of a finished stage; None of one that says nothing of it."""
    told = {name: int(measured[name]) for name in _COUNTS if name in measured}
    return Selection.model_validate(told) if "looks" in told else None
