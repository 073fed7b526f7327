"""The controls of a run's data, as runs of their own. Imports no torch."""

from __future__ import annotations

from typing import Any

from adabench.config.experiment import Experiment
from adabench.config.fields.estimators import ESTIMATOR
from adabench.evaluation.controls import CONSTANT, FACELESS

#: The type of a config's ``method`` that is one of `FACELESS`.
FACELESS_CONTROL = "FacelessControl"


def constant_of(experiment: Experiment) -> Experiment:
    """Return the constant predictor on a run's track, data and protocol.

    Its hash depends on these alone, so that runs of different methods ask for one and the same.
    """
    return _control(experiment, CONSTANT, {"name": CONSTANT, "type": ESTIMATOR})


def faceless_of(experiment: Experiment) -> tuple[Experiment, ...]:
    """Return the controls that read no face, on a run's track, data and protocol.

    None of folds together, each of which has other training persons.
    """
    if experiment.members():
        return ()
    return tuple(
        _control(experiment, "faceless", {"name": name, "type": FACELESS_CONTROL})
        for name in FACELESS
    )


def _control(experiment: Experiment, name: str, method: dict[str, Any]) -> Experiment:
    return Experiment.model_validate(
        {
            "name": name,
            "method": method,
            "track": experiment.track,
            "data": experiment.corpora,
            "protocol": experiment.protocol.model_dump(by_alias=True),
            "is_demo": experiment.is_demo,
        }
    )


def constants_of(experiment: Experiment) -> tuple[Experiment, ...]:
    """Return the constant predictors that a run's tables need.

    One of its own track, and one of each track that a model per task adds a row to. A single fold
    needs none: the folds together have one.
    """
    if experiment.is_fold:
        return ()
    tasks = experiment.members() if experiment.is_fused else ()
    return tuple(constant_of(run) for run in (experiment, *tasks))
