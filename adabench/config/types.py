"""Which names a config may give as a ``type``, at any depth. Imports nothing that a config names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adabench.registry import SCOPES, is_type_name, types_in

_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_types(config: Any) -> None:
    """Refuse what is no name of a registered part: a dotted path would be imported by who looks it up.

    Raises:
        ValueError: naming the place.
    """
    for where, name in types_in(config):
        if not isinstance(name, str) or not is_type_name(name):
            raise ValueError(
                f"{where}.type: expected the name that a part is registered by, Name or scope.Name "
                f"with scope one of {', '.join(sorted(SCOPES))}; got {name!r}. A path to a Python "
                "object is not taken: register it in a plugin"
            )


def check_optimiser(optimiser: Mapping[str, Any]) -> None:
    """Refuse an optimiser's config that holds more than a name and plain values.

    Raises:
        ValueError: naming the option.
    """
    _check_name(optimiser.get("type"), "a torch optimiser's name, e.g. 'AdamW' or 'SGD'")
    for key, value in _options(optimiser, "an optimiser", "lr"):
        if not _is_plain(value):
            raise ValueError(
                f"{key}: expected a number, true or false, None, or a list of numbers; got {value!r}"
            )


def check_scheduler(scheduler: Mapping[str, Any]) -> None:
    """Refuse a parameter scheduler's config that holds more than a name, plain values and words.

    Raises:
        ValueError: naming the option.
    """
    _check_name(
        scheduler.get("type"), "an mmengine scheduler's name, e.g. 'StepLR' or 'CosineAnnealingLR'"
    )
    for key, value in _options(scheduler, "a scheduler", "gamma"):
        if not isinstance(value, str) and not _is_plain(value):
            raise ValueError(
                f"{key}: expected a number, a word, true or false, None, or a list of numbers; "
                f"got {value!r}"
            )


def _check_name(name: Any, expected: str) -> None:
    if not isinstance(name, str) or not is_type_name(name) or "." in name:
        raise ValueError(f"type: expected {expected}; got {name!r}")


def _options(config: Mapping[str, Any], owner: str, example: str) -> Iterator[tuple[str, Any]]:
    """Yield each option but the type."""
    for key, value in config.items():
        if not _OPTION.fullmatch(key):
            raise ValueError(f"{key!r} is no option of {owner}; options are names like {example!r}")
        if key != "type":
            yield key, value


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(item, (int, float)) for item in value)
    return value is None or isinstance(value, (int, float))
