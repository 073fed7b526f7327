"""The kinds of method that a run can be of, behind one interface: `MethodRun`."""

from __future__ import annotations

from adabench.config.controls import FACELESS_CONTROL
from adabench.config.experiment import Experiment
from adabench.config.fields.estimators import ESTIMATOR
from adabench.engine.kinds.bound import BOUND, BoundRun
from adabench.engine.kinds.estimator import EstimatorRun
from adabench.engine.kinds.faceless import FacelessRun
from adabench.engine.kinds.joined import JoinedRun
from adabench.engine.kinds.method_run import MethodRun, Place
from adabench.engine.kinds.network import NetworkRun

__all__ = [
    "BoundRun",
    "EstimatorRun",
    "FacelessRun",
    "JoinedRun",
    "MethodRun",
    "NetworkRun",
    "Place",
    "kind_of",
    "kind_of_method",
]

_BY_TYPE: dict[str, type[MethodRun]] = {
    ESTIMATOR: EstimatorRun,
    BOUND: BoundRun,
    FACELESS_CONTROL: FacelessRun,
}


def kind_of(experiment: Experiment) -> type[MethodRun]:
    """Return what runs an experiment: records joined, or else what runs its method."""
    return JoinedRun if experiment.members() else kind_of_method(experiment)


def kind_of_method(experiment: Experiment) -> type[MethodRun]:
    """Return what runs a method by itself: as an estimator, bound or control, or else a network."""
    return _BY_TYPE.get(experiment.method.get("type", ""), NetworkRun)
