"""Whether the parts that a config names are there and take what they are given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adabench.config.experiment import Experiment
from adabench.config.reading.origin import Origin
from adabench.hints import did_you_mean, quoted
from adabench.plugins.annotations import misfit
from adabench.plugins.signatures import Signature, Signatures

# Keys under which a part holds another of adabench's; elsewhere a type may be a library's.
_ROLES = ("backbone", "trunk", "aggregator", "selector", "head", "extractor")
_VIEWS = ("train", "test", "select", "augment")
# What the builder passes, which no config gives.
_PASSED = frozenset(("units", "features", "scale", "signals"))
# What the builder itself takes of a part in one of these places, if the part does not.
_LOADED = ("backbone", "aggregator", "selector", "head")
_WEIGHTS = str | None
# Lists of what is computed of predictions, and the registries of what they hold.
_AFTER = {"metrics": "METRICS", "intervals": "CALIBRATORS"}


@dataclass(frozen=True)
class Known:
    """What parts there are.

    Attributes:
        parts: what each takes.
        is_all: whether there are no others.
        origin: where the config's values come from, if that is known.
    """

    parts: Signatures
    is_all: bool = True
    origin: Origin | None = None


def check_parts(experiment: Experiment, known: Known) -> None:
    """Refuse a part that nothing registered, and arguments that a part does not take.

    Args:
        experiment: whose parts.
        known: what is registered, and what it takes.

    Raises:
        ValueError: naming the place, what was expected and what could have been meant.
    """
    for place, part in _parts(experiment):
        name = part.get("type")
        if not isinstance(name, str) or "." in name:
            continue
        expected = _registry_at(place)
        there = [known.parts[expected]] if expected else [*known.parts.values()]
        found = next((parts[name] for parts in there if name in parts), None)
        if found is not None:
            _check_arguments(place, part, found, known.origin)
        elif expected and known.is_all:
            raise ValueError(f"{place}.type: {_unknown(name, known.parts[expected])}")


def _parts(experiment: Experiment) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (place, config) of every part, outer ones first."""
    method = {name: value for name, value in experiment.method.items() if name != "name"}
    sections = {
        **experiment.sections(),
        "method": {"type": "Assessor", **method},
        "metrics": list(experiment.metrics),
        "intervals": list(experiment.intervals),
    }
    # These have checks of their own.
    for name in ("training", "data", "protocol"):
        sections.pop(name)
    for name, section in sections.items():
        yield from parts_within(section, name)


def parts_within(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (place, config) of every part in a section at a place, outer ones first."""
    if isinstance(value, Mapping):
        if "type" in value:
            yield place, value
        for key, item in value.items():
            if key != "optimiser":
                yield from parts_within(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from parts_within(item, f"{place}[{index}]")


def _registry_at(place: str) -> str | None:
    """Return the registry that a type at a place has to come from; None where it may be any."""
    # A stage that trains a method has views as a run has.
    place = re.sub(r"^stages\.\w+\.views\.", "views.", place)
    top, _, rest = place.partition(".")
    last = rest.rpartition(".")[2]
    for place_of, registry in _AFTER.items():
        if top.startswith(f"{place_of}["):
            return registry
    if top == "views" and rest.partition("[")[0] in _VIEWS:
        return "TRANSFORMS"
    if place in ("semantics", "signals"):
        return place.upper()
    if top == "stages" and "." not in rest:
        return "STAGES"
    return "MODELS" if place == "method" or (top != "views" and last in _ROLES) else None


def _check_arguments(
    place: str, part: Mapping[str, Any], takes: Signature, origin: Origin | None
) -> None:
    # A hook's is taken out before it is built.
    own = sorted(takes.names - _PASSED)
    given = {
        k: v for k, v in part.items() if k != "type" and (k, place[:6]) != ("priority", "hooks[")
    }
    loaded = place.rpartition(".")[2] in _LOADED
    for key, value in given.items():
        builders = key == "weights" and loaded and key not in takes.names
        if key not in takes.names and not takes.is_open and not builders:
            told = (
                f"{place}.{key}: {part['type']} takes no {key!r}.{did_you_mean(key, own)} It takes: "
                f"{', '.join(own) or 'nothing'}."
            )
            left = "" if origin is None else origin.left_of(place, key, part["type"])
            # It is the config that left it, whichever file set it.
            raise ValueError(f"{origin.path}: {told} {left}" if origin and left else told)
        wrong = misfit(value, _WEIGHTS if builders else takes.kinds.get(key, Any))
        if wrong is not None:
            raise ValueError(f"{place}.{key}: {wrong}{quoted(f'{place}.{key}', value)}")
    missing = sorted(takes.required - _PASSED - given.keys())
    if missing:
        raise ValueError(
            f"{place}.{missing[0]}: it is missing, and {part['type']} needs it. It takes: {', '.join(own)}."
        )


def _unknown(name: str, known: Iterable[str]) -> str:
    there = sorted(known)
    hint = did_you_mean(name, there, most=3, cutoff=0.5)
    return f"nothing is called {name!r}.{hint} Known: {', '.join(there)}"
