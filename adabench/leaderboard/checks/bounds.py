"""Whether a bound is the generator's own: computed again from the parameters in its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from adabench.leaderboard.checks.claims import bound_name
from adabench.records.schema.record import Record

if TYPE_CHECKING:
    from adabench.config.experiment import Experiment

# points: sums in another order, on another machine, differ by far less.
_SAME: Final = 1e-3


def bound_reasons(record: Record, experiment: Experiment | None) -> Iterator[str]:
    """Yield why a bound is not the generator's own.

    Args:
        record: of kind ``bound``.
        experiment: that its config describes; without one nothing can be computed.
    """
    if experiment is None:
        yield "it is a bound without its config, so nobody can compute it again"
        return
    name = bound_name(experiment.method)
    if name is None or record.method != experiment.method["name"]:
        yield f"its config is of {experiment.method['name']!r}, which is no bound of the generator"
        return
    try:
        expected = _predictions(experiment)[name]
    except (ValueError, KeyError) as error:
        yield f"its bound can't be computed from its config: {error}"
        return
    given = {entry.session: entry.prediction for entry in record.entries}
    if given.keys() != expected.keys():
        yield f"the generator's own bound has other sessions: {len(expected)}, not {len(given)}"
    elif any(abs(given[session] - value) > _SAME for session, value in expected.items()):
        yield "its predictions are not those of the generator's own bound"


def _predictions(experiment: Experiment) -> Mapping[str, Mapping[str, float]]:
    from adabench.config.fields.generated import synthface_parameters

    if not experiment.track_.is_demo:
        raise ValueError(f"track {experiment.track!r} is of no generated corpus")
    tasks = experiment.track_.tasks
    parameters = synthface_parameters(experiment.corpora.synthface)
    return _computed(parameters.model_dump_json(), tasks[0] if len(tasks) == 1 else None)


@lru_cache(maxsize=8)
def _computed(parameters: str, task: str | None) -> Mapping[str, Mapping[str, float]]:
    """Return bound → session → points; all of a corpus take a second, as one does."""
    from adabench.synthface import SynthfaceParameters, bounds

    found = bounds(SynthfaceParameters.model_validate_json(parameters), task=task)
    return {name: bound.predictions for name, bound in found.items()}
