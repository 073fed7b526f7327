"""Which files modules are, without importing one."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from adabench.plugins.places import CORE, is_own

# Endings of what is compiled, here or elsewhere.
_CODE = (".py", ".pyx", ".so", ".pyd", ".c", ".cc", ".cpp", ".h", ".hpp", ".cu", ".cuh")


def root_of(file: Path) -> Path:
    """Return the topmost package's folder that a module's file lies in, or the file itself."""
    root = file = file.resolve()
    folder = file.parent
    if file.is_relative_to(CORE):
        return file
    while (folder / "__init__.py").is_file() and not is_own(folder / "__init__.py"):
        root, folder = folder, folder.parent
    return root


def modules_in(folder: Path, parts: Sequence[str], names: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the package's folder or the file of a module, unless it is the repository's own.

    Args:
        folder: where it is looked for.
        parts: of its dotted name. A folder without ``__init__.py`` is a namespace, and looked into.
        names: what is imported from it; of a folder these may be modules.
    """
    if not parts:
        for name in names:
            yield from modules_in(folder, [name])
        return
    package = folder / parts[0]
    files = [folder / f"{parts[0]}{ending}" for ending in (".py", *EXTENSION_SUFFIXES)]
    for marker, found in ((package / "__init__.py", package), *((file, file) for file in files)):
        if marker.is_file():
            if not is_own(marker):
                yield found
            return
    if package.is_dir():
        yield from modules_in(package, parts[1:], names)


def on_path(top: str, rest: Sequence[str], names: Sequence[str]) -> Iterator[Path]:
    """Yield the package's folder or the file of a module that Python would find.

    Args:
        top: the first part of its name.
        rest: its other parts.
        names: what is imported from it.
    """
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    if spec.origin is None:
        for place in spec.submodule_search_locations or ():
            yield from modules_in(Path(place), rest, names)
    elif spec.has_location and not is_own(Path(spec.origin)):
        yield root_of(Path(spec.origin))


def files_in(folder: Path) -> Iterator[str]:
    """Yield a folder's files, sorted; links are followed, what is hidden and bytecode left out."""
    seen: set[str] = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        if os.path.realpath(here) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        folders[:] = sorted(f for f in folders if f[0] != "." and f != "__pycache__")
        yield from (f"{here}/{name}" for name in sorted(names) if name[0] != ".")


def code_in(files: Iterable[str]) -> Iterator[Path]:
    """Yield those of some files that are code."""
    return (path for path in map(Path, files) if path.name.endswith(_CODE) and path.is_file())
