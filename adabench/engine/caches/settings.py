"""What a part holds besides its tensors: two that differ there compute different features."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

# What every module has, and what changes as it is used.
_COMMON = frozenset(vars(nn.Module()))
_DEEPEST = 8


def settings_of(part: nn.Module) -> list[Any]:
    """Return plain values of the attributes of a part and of the modules within it.

    Of an object it is the class and its attributes in turn, of an array its digest, of anything else
    the class; where something lies in memory does not matter.
    """
    return [_of_object(module, ()) for module in part.modules()]


def objects_of(part: nn.Module) -> Iterator[Any]:
    """Yield what the modules of a part hold in attributes, singly, in lists or in dicts."""
    for module in part.modules():
        for value in _attributes(module).values():
            inner = value.values() if isinstance(value, Mapping) else value
            yield from inner if isinstance(value, (list, tuple, Mapping)) else [value]


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if isinstance(value, nn.Module) or id(value) in above or len(above) > _DEEPEST:
        return type(value).__qualname__
    above = (*above, id(value))
    if isinstance(value, Tensor):
        value = value.detach().cpu().float().numpy()
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return [list(value.shape), str(value.dtype), digest]
    if isinstance(value, Mapping):
        return sorted([repr(key), _plain(one, above)] for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return [_plain(one, above) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(_plain(one, above)) for one in value)
    if isinstance(value, functools.partial):
        return [_plain(one, above) for one in (value.func, value.args, value.keywords)]
    if callable(value) and hasattr(value, "__qualname__"):
        return value.__qualname__
    return _of_object(value, above)


def _of_object(value: Any, above: tuple[int, ...]) -> list[Any]:
    return [type(value).__qualname__, _plain(_attributes(value), above)]


def _attributes(value: Any) -> dict[str, Any]:
    slots = getattr(type(value), "__slots__", ())
    names = (slots,) if isinstance(slots, str) else slots
    inner = {name: getattr(value, name) for name in names if hasattr(value, name)}
    common = _COMMON if isinstance(value, nn.Module) else ()
    return {k: v for k, v in {**inner, **getattr(value, "__dict__", {})}.items() if k not in common}
