"""What only a network has a use for, and a method that is no network is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adabench.config.fields.training import Training

ESTIMATOR = "EstimatorMethod"

#: Fields of ``training`` that ask for more than the schedule, which configs of all kinds share by a base.
_ASKS_FOR = {
    "sampler": "it is fitted once, on every training clip",
    "groups": "it has no parameters by name",
    "log": "it has no epochs to tell of",
}


def refuse_what_networks_have(
    *,
    hooks: Sequence[Any],
    training: Training | None,
    semantics: Mapping[str, Any] | None,
    stages: Mapping[str, Any],
) -> None:
    """Refuse sections of an estimator's config that would be of no effect.

    Args:
        hooks, training, semantics, stages: as `Experiment` has them.

    Raises:
        ValueError: with the field and the reason.
    """
    if hooks:
        raise ValueError(
            f"hooks run in a network's training, and an {ESTIMATOR} has no epochs: leave them out "
            "(hooks=[])"
        )
    if semantics is not None and not stages:
        raise ValueError(
            f"semantics are read by networks, and an {ESTIMATOR} without stages has none: leave the "
            "section out (semantics=None)"
        )
    for name, reason in _ASKS_FOR.items():
        default = Training.model_fields[name].get_default(call_default_factory=True)
        if training is not None and getattr(training, name) != default:
            raise ValueError(
                f"training.{name} is for networks, and this is an {ESTIMATOR}: {reason}; leave it out"
            )
