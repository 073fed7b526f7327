"""scikit-learn's regressors and pipelines by name, built and checked without importing a path."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adabench.registry import UnknownTypeError

PLACE = "method.estimator"

# Arguments that would have an estimator read files which run code.
_REFUSED = {"memory": "it reads pickles from a folder"}


def build_regressor(config: Any) -> Any:
    """Return a regressor: of a config, of a list of configs (a pipeline), or an object as it is.

    Args:
        config: ``dict(type='SVR', C=1.0)``; arguments may be such configs in turn, and lists of them
            pipelines. In a list all but the last are transformers.

    Raises:
        UnknownTypeError: scikit-learn has no such estimator; the nearest names are given.
        TypeError, ValueError: an argument that it does not take, with its place in the config.
    """
    if isinstance(config, Mapping):
        return _build(config, PLACE, "regressor")
    if isinstance(config, list | tuple):
        return _pipeline(config, PLACE)
    usable = all(callable(getattr(config, name, None)) for name in ("fit", "predict"))
    if isinstance(config, type) or not usable:
        raise TypeError(
            f"{PLACE} is dict(type='SVR', …) or a scikit-learn regressor, or a list of such steps; "
            f"got {config!r}"
        )
    return config


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'X'?``, or nothing where no known name is near."""
    folded = {key.lower(): key for key in known}
    near = difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(folded[n]) for n in near)}?" if near else ""


def check_values(estimator: Any, place: str) -> None:
    """Ask an estimator of scikit-learn's whether its arguments' values are ones that it takes.

    Raises:
        ValueError: one is not, with the place.
    """
    # Some that are made of others (FeatureUnion) state nothing of their arguments.
    if not hasattr(estimator, "_parameter_constraints"):
        return
    try:
        estimator._validate_params()
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


@functools.cache
def _estimators(kind: str | None) -> dict[str, type]:
    # scikit-learn takes a second to import, and most runs are of networks.
    from sklearn.utils import all_estimators

    return dict(all_estimators(type_filter=kind))


def _pipeline(steps: Sequence[Any], place: str) -> Any:
    from sklearn.pipeline import make_pipeline

    if not steps:
        raise ValueError(f"{place} is an empty list; name at least a regressor")
    for index, step in enumerate(steps):
        if not isinstance(step, Mapping):
            raise TypeError(f"{place}[{index}]: a step is dict(type='Name', …); got {step!r}")
    before = [_build(step, f"{place}[{n}]", "transformer") for n, step in enumerate(steps[:-1])]
    return make_pipeline(*before, _build(steps[-1], f"{place}[{len(steps) - 1}]", "regressor"))


def _build(config: Mapping[str, Any], place: str, kind: str | None) -> Any:
    arguments = dict(config)
    name = arguments.pop("type", None)
    known = _estimators(kind)
    if name not in known:
        raise UnknownTypeError(
            f"{place}.type: scikit-learn has no {kind or 'estimator'} {name!r}."
            f"{nearest(str(name), known)} It has: {', '.join(sorted(known))}."
        )
    takes = inspect.signature(known[name]).parameters
    for key in arguments:
        if key not in takes:
            raise TypeError(
                f"{place}.{key}: {name} takes no {key!r}.{nearest(key, takes)} "
                f"It takes: {', '.join(takes) or 'nothing'}"
            )
        if key in _REFUSED:
            raise ValueError(f"{place}.{key} is not taken, since {_REFUSED[key]}; leave it out")
    values = {key: _value(value, f"{place}.{key}") for key, value in arguments.items()}
    try:
        built = known[name](**values)
    except TypeError as error:
        raise TypeError(f"{place}: {name}: {error}") from error
    check_values(built, place)
    return built


def _value(value: Any, place: str) -> Any:
    """Return an argument with the estimators that it names built."""
    if isinstance(value, Mapping) and "type" in value:
        return _build(value, place, None)
    if not isinstance(value, list | tuple):
        return value
    if value and all(isinstance(item, Mapping) and "type" in item for item in value):
        return _pipeline(value, place)
    return [_value(item, f"{place}[{number}]") for number, item in enumerate(value)]
