"""Whether the parts that a config names are there and take what they are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adabench.config.experiment import Experiment
from adabench.hints import did_you_mean
from adabench.plugins.signatures import Signature, Signatures

# Keys under which a part holds another of adabench's; elsewhere a type may be a library's.
_ROLES = ("backbone", "trunk", "aggregator", "selector", "head", "extractor")
_VIEWS = ("train", "test", "select", "augment")
# What the builder passes, which no config gives.
_PASSED = frozenset(("units", "features", "scale", "signals"))


def check_parts(experiment: Experiment, known: Signatures) -> None:
    """Refuse a part that nothing registered, and arguments that a part does not take.

    Args:
        experiment: whose parts.
        known: what is registered, and what it takes.

    Raises:
        ValueError: naming the place, what could have been meant, and what there is.
    """
    for place, part in _parts(experiment):
        name = part.get("type")
        if not isinstance(name, str) or "." in name:
            continue
        expected = _registry_at(place)
        there = [known[expected]] if expected else [*known.values()]
        found = next((parts[name] for parts in there if name in parts), None)
        if found is not None:
            _check_arguments(place, name, part, found)
        elif expected:
            raise ValueError(f"{place}.type: {_unknown(name, known[expected])}")


def _parts(experiment: Experiment) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (place, config) of every part, outer ones first."""
    method = {name: value for name, value in experiment.method.items() if name != "name"}
    sections = {
        **experiment.sections(),
        "method": {"type": "Assessor", **method},
        "metrics": list(experiment.metrics),
    }
    # These have checks of their own.
    for name in ("training", "data", "protocol"):
        sections.pop(name)
    for name, section in sections.items():
        yield from _within(section, name)


def _within(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if "type" in value:
            yield place, value
        for key, item in value.items():
            if key != "optimiser":
                yield from _within(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _within(item, f"{place}[{index}]")


def _registry_at(place: str) -> str | None:
    """Return the registry that a type at a place has to come from; None where it may be any."""
    top, _, rest = place.partition(".")
    last = rest.rpartition(".")[2]
    if top.startswith("metrics["):
        return "METRICS"
    if top == "views" and rest.partition("[")[0] in _VIEWS:
        return "TRANSFORMS"
    if place in ("semantics", "signals"):
        return place.upper()
    if top == "stages" and "." not in rest:
        return "STAGES"
    return "MODELS" if place == "method" or (top != "views" and last in _ROLES) else None


def _check_arguments(place: str, name: str, part: Mapping[str, Any], takes: Signature) -> None:
    odd = [key for key in part if key != "type" and key not in takes.names]
    if takes.is_open or not odd:
        return
    own = sorted(takes.names - _PASSED)
    hint = did_you_mean(odd[0], own)
    raise ValueError(
        f"{place}.{odd[0]}: {name} takes no {odd[0]!r}.{hint} It takes: {', '.join(own) or 'nothing'}. "
        f"Where it is left of the part that stood there before, {place}._delete_=True leaves it out"
    )


def _unknown(name: str, known: Iterable[str]) -> str:
    there = sorted(known)
    hint = did_you_mean(name, there, most=3, cutoff=0.5)
    return f"nothing is called {name!r}.{hint} Known: {', '.join(there)}"
