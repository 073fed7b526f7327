"""Where plugins are looked for; nothing is imported to find them."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from adabench.plugins import places
from adabench.plugins.held import HOLDER
from adabench.plugins.modules import root_of
from adabench.plugins.places import is_own, is_required
from adabench.plugins.unit import Unit, unit_at

ENTRY_POINTS = "adabench.plugins"
ENVIRONMENT = "ADABENCH_PLUGINS"


@dataclass(frozen=True)
class Candidate:
    """A plugin to import.

    Attributes:
        module: its name.
        root: where its code lies.
        load: imports it.
        unit: its code, where it is from outside; read when asked for.
        named_by: what the user wrote: ``--plugins FOLDER``; empty where the plugin was found.
    """

    module: str
    root: str
    load: Callable[[], Any]
    unit: Callable[[], Unit] | None = None
    named_by: str = ""


@dataclass(frozen=True)
class UserPaths:
    """The plugins in the user's folders.

    Attributes:
        found: path → what named it.
        skipped: folders that look like a package but lack ``__init__.py``.
        empty: what named a folder that holds no plugin.
    """

    found: dict[Path, str]
    skipped: tuple[Path, ...]
    empty: tuple[str, ...]


def installed() -> Iterator[Candidate]:
    """Yield the plugins of the package ``adabench_plugins``."""
    spec = importlib.util.find_spec(places.INSTALLED)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for found in pkgutil.iter_modules([place]):
            module = f"{places.INSTALLED}.{found.name}"
            path = Path(place, found.name if found.ispkg else f"{found.name}.py")
            load = functools.partial(importlib.import_module, module)
            foreign = not is_own(path / "__init__.py" if found.ispkg else path)
            unit = functools.partial(unit_at, path, module) if foreign else None
            yield Candidate(module, str(Path(place, found.name)), load, unit)


def by_entry_point() -> Iterator[Candidate]:
    """Yield the plugins that distributions name."""
    for point in entry_points(group=ENTRY_POINTS):
        root = point.module.replace(".", os.sep)
        yield Candidate(point.module, root, point.load, _unit_of_point(point))


def _unit_of_point(point: EntryPoint) -> Callable[[], Unit] | None:
    """Return what reads the code behind an entry point: its top package, or its file."""
    top, *rest = point.module.split(".")
    spec = importlib.util.find_spec(top) if not is_required(top) else None
    if spec is None:
        return None  # importing it will tell what is the matter
    module, file = top, Path(spec.origin or "")
    if spec.origin is None:
        # A namespace has no file of its own; what lies below it may be in several places.
        below = [Path(place, *rest) for place in spec.submodule_search_locations or ()]
        files = [f for p in below for f in (p / "__init__.py", p.with_suffix(".py"))]
        module, file = point.module, next((f for f in files if f.is_file()), Path())
    if file.suffix != ".py" or is_own(file):
        return None
    return functools.partial(unit_at, root_of(file), module, point.dist)


def of_user(paths: UserPaths) -> Iterator[Candidate]:
    """Yield the plugins in the user's folders."""
    for path, origin in paths.found.items():
        module = HOLDER.name_of(path)
        load = functools.partial(importlib.import_module, module)
        own = is_own(path / "__init__.py" if path.is_dir() else path)
        unit = None if own else functools.partial(unit_at, path, module)
        yield Candidate(module, str(path), load, unit, origin)


def user_paths(folders: Sequence[Path]) -> UserPaths:
    """Return the plugins in the folders that are named, and that the environment lists.

    Raises:
        FileNotFoundError: a named folder that does not exist.
    """
    found: dict[Path, str] = {}
    skipped: list[Path] = []
    empty: list[str] = []
    for folder, origin in _named(folders):
        if not folder.exists():
            raise FileNotFoundError(
                f"plugin folder {folder}, named by {origin}, does not exist; name a folder with "
                "packages or .py files, or leave it out"
            )
        inside = _inside(folder.resolve())
        whole = [p for p in inside if p.is_file() or (p / "__init__.py").is_file()]
        skipped += [path for path in inside if path not in whole]
        for path in whole:
            found.setdefault(path, f"{origin} {folder}")
        if not whole:
            empty.append(f"{origin} {folder}")
    return UserPaths(found, tuple(dict.fromkeys(skipped)), tuple(empty))


def any_outside(folders: Sequence[Path] = ()) -> bool:
    """Whether there is a plugin from outside the repository; nothing is imported to tell."""
    if _named(folders):
        return True
    return any(candidate.unit is not None for candidate in (*installed(), *by_entry_point()))


def _named(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    listed = os.environ.get(ENVIRONMENT, "").split(os.pathsep)
    return [
        *((Path(folder), "--plugins") for folder in folders),
        *((Path(folder), ENVIRONMENT) for folder in listed if folder.strip()),
    ]


def _inside(folder: Path) -> list[Path]:
    if folder.is_file() or (folder / "__init__.py").is_file():
        return [folder]
    entries = [p for p in sorted(folder.iterdir()) if not p.name.startswith((".", "_"))]
    return [p for p in entries if p.suffix == ".py" or (p.is_dir() and any(p.glob("*.py")))]
