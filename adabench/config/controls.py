"""The constant predictor of a run's data, as a run of its own. Imports no torch."""

from __future__ import annotations

from adabench.config.estimators import ESTIMATOR
from adabench.config.experiment import Experiment
from adabench.evaluation.controls import CONSTANT


def constant_of(experiment: Experiment) -> Experiment:
    """Return the constant predictor on a run's track, data and protocol.

    Its hash depends on these alone, so that runs of different methods ask for one and the same.
    """
    return Experiment.model_validate(
        {
            "name": CONSTANT,
            "method": {"name": CONSTANT, "type": ESTIMATOR},
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
