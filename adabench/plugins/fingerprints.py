"""What code a result rests on: a fingerprint of each part that comes from outside the repository."""

from __future__ import annotations

import hashlib
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine import registry as mm

from adabench import registry
from adabench.plugins.held import HOLDER, Held
from adabench.plugins.places import is_own, is_required
from adabench.plugins.standing import standing_of
from adabench.plugins.unit import unit_of_module

# Code that lies in no file (a notebook's) is found again by nobody but this process.
_NOWHERE = hashlib.sha256(uuid.uuid4().bytes).hexdigest()


def code_of(*configs: Any) -> dict[str, str]:
    """Return type → sha256 of every type in nested configs whose class comes from outside.

    Only what is loaded counts; nothing is imported. The sha256 is over the unit of the class, of the
    classes from outside that it is derived from, and of the parts that these units name.
    """
    names = {name for _, name in registry.types_in(list(configs)) if isinstance(name, str)}
    found: dict[str, str] = {}
    for name in sorted(names):
        shas = code_of_classes(_registered_as(name))
        if shas:
            found[name] = _together(shas)
    return found


def code_of_classes(classes: Iterable[Any]) -> list[str]:
    """Return the sha256 of each unit from outside behind classes, sorted."""
    return sorted({_sha_of(module) for module in _behind(classes)})


def code_record(code: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return what a record says of a resolved config's ``code``.

    Args:
        code: type → sha256, as `code_of` gives.

    Returns:
        Type → unit, kind (``folder``, ``file``, ``distribution``), version, sha256, commit and clean:
        the commit of the repository that the unit lies in, and whether it holds these very bytes.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, sha256 in code.items():
        held = next(iter(units_of(name)), None)
        standing = [standing_of(one) for one in units_of(name)]
        found[name] = {
            # Code of a notebook lies in no file.
            "unit": "notebook" if held is None else held.unit.name,
            "kind": "file" if held is None else held.unit.kind,
            "version": None if held is None else held.unit.version,
            "sha256": sha256,
            "commit": standing[0][0] if standing else None,
            "clean": bool(standing) and all(clean for _, clean in standing),
        }
    return found


def requirements_of(code: Mapping[str, str]) -> dict[str, str]:
    """Return distribution → version of what the code from outside imports; adabench's own are left out."""
    units = (held.unit for name in code for held in units_of(name))
    return {name: version for unit in units for name, version in unit.requires.items()}


def units_of(name: str) -> list[Held]:
    """Return the units from outside behind a type, that of its own class first."""
    found = [held for held in map(_held, _behind(_registered_as(name))) if held is not None]
    return list({held.unit.path: held for held in found}.values())


def _registered_as(name: str) -> Iterator[Any]:
    """Yield what is registered under a name, in adabench's registries and those above them."""
    every = [*vars(registry).values(), *vars(mm).values()]
    scope, _, own = name.rpartition(".")
    for each in {id(one): one for one in every if isinstance(one, mm.Registry)}.values():
        if not scope or scope == each.scope:
            found = each.module_dict.get(own)
            if found is not None:
                yield found


def _behind(classes: Iterable[Any]) -> list[str]:
    """Return the modules from outside of classes and their bases, and of the parts that they name."""
    found = [module for module in _modules(classes) if _is_outside(module)]
    for module in found:
        held = _held(module)
        # A part that builds another one by its registered name rests on its code too.
        for name in sorted(held.unit.names) if held is not None else ():
            named = _modules(_registered_as(name))
            found += [one for one in named if one not in found and _is_outside(one)]
    return found


def _modules(classes: Iterable[Any]) -> list[str]:
    lines = [getattr(one, "__mro__", (one,)) for one in classes]
    return list(dict.fromkeys(str(getattr(k, "__module__", "")) for line in lines for k in line))


def _is_outside(module: str) -> bool:
    if not module or is_required(module):
        return False
    file = _file_of(module)
    return file is None or not is_own(file)


def _file_of(module: str) -> Path | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(os.path.realpath(file)) if isinstance(file, str) else None


def _held(module: str) -> Held | None:
    """Return the unit that a module belongs to; one that no search loaded is read now."""
    file = _file_of(module)
    held = HOLDER.holding(module, file)
    if held is not None or file is None:
        return held
    return HOLDER.hold(unit_of_module(module, file))


def _sha_of(module: str) -> str:
    held = _held(module)
    return _NOWHERE if held is None else held.sha256


def _together(shas: list[str]) -> str:
    return shas[0] if len(shas) == 1 else hashlib.sha256("".join(shas).encode()).hexdigest()
