"""A run of a generated corpus's bound: a regressor over the true curves, which no method can read."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from adabench.config.experiment import Experiment
from adabench.config.fields.generated import synthface_parameters
from adabench.engine.kinds.method_run import MethodRun
from adabench.engine.recording.reporting import Facts
from adabench.evaluation.controls import CONSTANT
from adabench.synthface import Bound, SynthfaceParameters, bounds
from adabench.synthface.bounds import BOUNDS

BOUND = "GeneratorBound"


def bounds_of(experiment: Experiment) -> tuple[Experiment, ...]:
    """Return the bounds of a run's corpus, a run each; none where they would not hold.

    They are fitted and tested on the official splits, and hold for protocols that test the same
    sessions.
    """
    tested = getattr(experiment.protocol, "test", ())
    if not experiment.track_.is_demo or tuple(tested) != ("test",):
        return ()
    return tuple(
        Experiment.model_validate(
            {
                "name": "bounds",
                "method": {"name": f"bound: {name}", "type": BOUND, "bound": name},
                "track": experiment.track,
                "data": experiment.corpora,
                "is_demo": experiment.is_demo,
            }
        )
        for name in BOUNDS[synthface_parameters(experiment.data.synthface).world]
        if name != CONSTANT
    )


class BoundRun(MethodRun):
    """One of `adabench.synthface.bounds`."""

    bound: Bound

    def fit(self) -> None:
        """Draw the curves and fit what reads them."""
        tasks = self.experiment.track_.tasks
        parameters = synthface_parameters(self.experiment.corpora.synthface)
        found = _bounds(parameters.model_dump_json(), tasks[0] if len(tasks) == 1 else None)
        self.bound = found[self.experiment.method["bound"]]

    def predict(self) -> dict[str, float]:
        """Return session → points."""
        return dict(self.bound.predictions)

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """What it reads."""
        del labels
        return Facts(kind="bound", notes=(self.bound.description,))


@functools.lru_cache(maxsize=1)
def _bounds(parameters: str, task: str | None) -> dict[str, Bound]:
    """Return all bounds of a corpus, which cost little more than one."""
    return bounds(SynthfaceParameters.model_validate_json(parameters), task=task)
