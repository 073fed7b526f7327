"""Plugins' code as it was read: what is hashed is what runs, bytecode caches and later edits aside."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import sys
import time
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path

from adabench.plugins.places import USER
from adabench.plugins.unit import Unit

# What changed later was not what an import before found.
_BEGAN = time.time()


@dataclass(frozen=True)
class Held:
    """A unit with the bytes of its files.

    Attributes:
        unit: which files.
        content: name → bytes.
        sha256: over names and bytes, and the versions of distributions that the unit imports.
    """

    unit: Unit
    content: Mapping[str, bytes]
    sha256: str


def read_unit(unit: Unit) -> Held:
    """Read a unit's files.

    Raises:
        OSError: one can't be read.
    """
    content = {name: path.read_bytes() for name, path in unit.files.items()}
    return Held(unit, content, digest_of(content, unit.requires))


def changed_data(held: Held) -> list[str]:
    """Return a unit's files of data that are not as they were read: which content a part saw is open.

    Code runs as it was read, whatever lies there now.
    """
    data = {name: path for name, path in held.unit.files.items() if path.suffix != ".py"}
    return [
        name
        for name, path in sorted(data.items())
        if not path.is_file() or path.read_bytes() != held.content[name]
    ]


def digest_of(content: Mapping[str, bytes], requires: Mapping[str, str]) -> str:
    """Return the sha256 over file names and bytes; where the files lie does not matter.

    Args:
        content: file name → bytes.
        requires: distribution → version.
    """
    told = {name: hashlib.sha256(text).hexdigest() for name, text in content.items()}
    told |= {f"distribution {name}": version for name, version in requires.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _edited(path: str) -> bool:
    """Return whether a file is there and was edited since this process began."""
    try:
        return Path(path).stat().st_mtime > _BEGAN
    except OSError:
        return False


class Holder(MetaPathFinder):
    """Finds user plugins below a package of their own, and runs held code from memory.

    Attributes:
        units: what is held, by the module that it is imported by.
    """

    def __init__(self) -> None:
        self.units: dict[str, Held] = {}
        self._paths: dict[str, Path] = {}
        self._bytes: dict[str, bytes] = {}

    def name_of(self, path: Path) -> str:
        """Return the module name under which the plugin at ``path`` is imported."""
        stem = path.stem if path.is_file() else path.name
        name = f"{USER}.{''.join(c if c.isalnum() else '_' for c in stem)}"
        if self._paths.get(name, path) != path:
            name = f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        self._paths[name] = path
        return name

    def hold(self, unit: Unit) -> Held:
        """Read a unit and keep its bytes for the imports to come; one that is held stays as it was."""
        if unit.module not in self.units:
            # What a plugin loads by itself must not find bytecode of a text that was edited since.
            sys.dont_write_bytecode = True
            held = read_unit(unit)
            self.units[unit.module] = held
            for name, path in unit.files.items():
                # Of a file in two units the first reading runs, and both are hashed by it.
                self._bytes.setdefault(str(path), held.content[name])
            content = {name: self._bytes[str(path)] for name, path in unit.files.items()}
            self.units[unit.module] = Held(unit, content, digest_of(content, unit.requires))
        return self.units[unit.module]

    def refuse_stale(self, unit: Unit) -> None:
        """Refuse a plugin that was imported before it is held, and edited since: the old text runs.

        Raises:
            ImportError: with the file, and what to do.
        """
        if unit.module in self.units:
            return
        files = {str(path) for path in unit.files.values()}
        for name, module in [*sys.modules.items()]:
            told = getattr(module, "__file__", None) or ""
            # Of thousands of modules few were edited; where a file really lies takes longer to find.
            file = os.path.realpath(told) if _edited(told) else ""
            if file in files and file not in self._bytes:
                raise ImportError(
                    f"{file} was edited after it was imported as {name}: start Python anew"
                )

    def release(self, module: str) -> None:
        """Forget a unit that could not be imported, so that a mended one is read anew."""
        gone = self.units.pop(module, None)
        if gone is None:
            return
        kept = {str(path) for held in self.units.values() for path in held.unit.files.values()}
        for path in gone.unit.files.values():
            if str(path) not in kept:
                self._bytes.pop(str(path), None)

    def clear(self) -> None:
        """Forget everything."""
        self.units.clear()
        self._paths.clear()
        self._bytes.clear()

    def holding(self, module: str, file: Path | None) -> Held | None:
        """Return the unit that a module belongs to: by its name, or else by its file."""
        for name, held in self.units.items():
            if module == name or module.startswith(f"{name}."):
                return held
        if file is not None:
            for held in self.units.values():
                if file in held.unit.files.values():
                    return held
        return None

    def install(self) -> None:
        """Ask this finder before Python's own looks into folders."""
        if self not in sys.meta_path:
            places = [getattr(finder, "__name__", "") for finder in sys.meta_path]
            at = places.index("PathFinder") if "PathFinder" in places else len(places)
            sys.meta_path.insert(at, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find ``adabench_user_plugins``, the plugins below it, and every module that is held."""
        if fullname == USER:
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec = self._plugin(fullname) or (self._elsewhere(fullname, path, target))
        if spec is None or spec.origin is None:
            return None
        origin = os.path.realpath(spec.origin)
        if origin not in self._bytes or type(spec.loader) is not _FROM_FILE:
            return spec if fullname in self._paths else None
        spec.loader = HeldLoader(fullname, spec.origin, self._bytes[origin])
        return spec

    def _plugin(self, fullname: str) -> importlib.machinery.ModuleSpec | None:
        found = self._paths.get(fullname) or self._beside(fullname)
        if found is None:
            return None
        if found.is_file():
            return importlib.util.spec_from_file_location(fullname, found)
        return importlib.util.spec_from_file_location(
            fullname, found / "__init__.py", submodule_search_locations=[str(found)]
        )

    def _beside(self, fullname: str) -> Path | None:
        """Return a file, or package, beside a plugin that imports it and was named without its folder."""
        package, _, name = fullname.rpartition(".")
        if package != USER:
            return None
        for held in self.units.values():
            if not held.unit.module.startswith(f"{USER}."):
                continue
            package_file = held.unit.files.get(f"{name}/__init__.py")
            if package_file is not None:
                return package_file.parent
            if f"{name}.py" in held.unit.files:
                return held.unit.files[f"{name}.py"]
        return None

    def refuse_hidden(self, unit: Unit) -> None:
        """Refuse a plugin that would import another folder's file in place of the one beside it.

        Raises:
            ImportError: with both files.
        """
        for name, path in unit.files.items():
            top = Path(name).parts[0].removesuffix(".py")
            taken = self._paths.get(f"{USER}.{top}")
            own = path if Path(name).name == name else unit.path.parent / top
            # A plugin of a taken name is imported under another; what it imports is not.
            if own != unit.path and taken is not None and taken.resolve() != own.resolve():
                raise ImportError(
                    f"{own} and {taken} are both called {top}, and an import of .{top} finds the "
                    "second: rename one"
                )

    def _elsewhere(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return what the finders after this one find, where something is held at all."""
        later = sys.meta_path[sys.meta_path.index(self) + 1 :] if self._bytes else []
        for finder in later:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


_FROM_FILE = importlib.machinery.SourceFileLoader


class HeldLoader(importlib.machinery.SourceFileLoader):
    """Compiles a module from bytes in memory: no bytecode is read or written.

    Args:
        fullname: of the module.
        path: of its file, for tracebacks.
        source: its bytes.
    """

    def __init__(self, fullname: str, path: str, source: bytes) -> None:
        super().__init__(fullname, path)
        self.source = source

    def get_data(self, path: str) -> bytes:
        """Return the bytes of the module's own file as they were read, others' from the disk."""
        return self.source if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> types.CodeType:
        """Compile the bytes."""
        del fullname
        return self.source_to_code(self.source, self.path)


#: The one of this process.
HOLDER = Holder()
