"""The network of a part whose weights a stage trained: the stage's own, written once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adabench.config.references import REFERENCE


def with_stage_networks(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config's content in which parts over a stage's weights have its network's options.

    A part of the type and ``name`` of the stage's ``trunk`` can be no other network, so that what it
    does not say itself (its ``options``) is what the stage says. Parts that name another network are
    left as they are; loading the weights tells of them.
    """
    stages = content.get("stages")
    trunks = {
        f"{REFERENCE}{name}": stage["trunk"]
        for name, stage in (stages.items() if isinstance(stages, dict) else ())
        if isinstance(stage, dict) and isinstance(stage.get("trunk"), dict)
    }
    return {key: _filled(value, trunks) for key, value in content.items()}


def _filled(value: Any, trunks: Mapping[str, dict[str, Any]]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(item, trunks) for item in value)
    if not isinstance(value, dict):
        return value
    found = {key: _filled(item, trunks) for key, item in value.items()}
    weights = found.get("weights")
    trunk = trunks.get(weights) if isinstance(weights, str) else None
    if trunk is None or any(found.get(key) != trunk.get(key) for key in ("type", "name")):
        return found
    return {**{key: item for key, item in trunk.items() if key not in found}, **found}
