"""The unit of a plugin: which files its code is.

That is a package's folder, or a single file; to both belong the files beside them that they import, in
functions too, and files whose names they write down (``Path(__file__).with_name("table.json")``).
"""

from __future__ import annotations

import ast
import importlib.util
import os
import site
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution
from pathlib import Path
from typing import Literal

from adabench.plugins.places import CORE, INSTALLED, USER, is_own, is_required

#: Begins the names of files that lie elsewhere than the plugin: in a folder of one's own on the path.
BESIDE = "beside"
# Endings of what is compiled, here or elsewhere.
_CODE = (".py", ".pyx", ".so", ".pyd", ".c", ".cc", ".cpp", ".h", ".hpp", ".cu", ".cuh")


@dataclass(frozen=True)
class Unit:
    """What is edited, kept and told together.

    Attributes:
        name: of the folder, the file or the distribution; no path.
        kind: what it is.
        files: name → real path, of what its results depend on.
        version: of the distribution that it is installed by, if any.
        module: by which it is imported.
        path: the folder, the file, or a distribution's first file.
    """

    name: str
    kind: Literal["folder", "file", "distribution"]
    files: dict[str, Path]
    module: str
    path: Path
    version: str | None = None


def unit_at(path: Path, module: str, installed_by: Distribution | None = None) -> Unit:
    """Return the unit of a plugin.

    Args:
        path: its package's folder or its file.
        module: by which it is imported.
        installed_by: its distribution. One whose file list does not hold the plugin is an editable
            install, which counts as a folder.
    """
    path = path.resolve()
    version = None if installed_by is None else installed_by.version
    if installed_by is not None:
        listed = _listed(installed_by)
        if any(Path(os.path.realpath(p)).is_relative_to(path) for p in listed.values()):
            name = str(installed_by.name)
            return Unit(name, "distribution", listed, module, path, version)
    found = _Closure(path.parent)
    found.add(path)
    kind: Literal["folder", "file"] = "folder" if path.is_dir() else "file"
    return Unit(path.name, kind, found.files, module, path, version)


def root_of(file: Path) -> Path:
    """Return the topmost package's folder that a module's file lies in, or the file itself."""
    root = file = file.resolve()
    folder = file.parent
    if file.is_relative_to(CORE):
        return file
    while (folder / "__init__.py").is_file() and not is_own(folder / "__init__.py"):
        root, folder = folder, folder.parent
    return root


def _listed(distribution: Distribution) -> dict[str, Path]:
    """Return the code files in a distribution's list that are there."""
    paths = {str(one): Path(str(one.locate())) for one in distribution.files or ()}
    return {n: p.resolve() for n, p in paths.items() if n.endswith(_CODE) and p.is_file()}


@dataclass
class _Closure:
    """Gathers files, and those that they import or name.

    Attributes:
        base: the folder that the plugin lies in; names are relative to it.
        files: name → real path.
    """

    base: Path
    files: dict[str, Path] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Add a file, or a package's folder, and what these import."""
        near = path.is_relative_to(self.base)
        for file in _code_in(path) if path.is_dir() else [path]:
            own = file.relative_to(self.base if near else path.parent)
            name = (own if near else Path(BESIDE) / own).as_posix()
            if name in self.files:
                continue
            self.files[name] = file.resolve()
            if file.suffix == ".py":
                self._follow(file)

    def _follow(self, file: Path) -> None:
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            return  # importing it will tell
        for node in ast.walk(tree):
            for found in self._named_by(node, file):
                self.add(found)

    def _named_by(self, node: ast.AST, file: Path) -> Iterator[Path]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from self._absolute(alias.name, file)
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".") if node.module else []
            names = [alias.name for alias in node.names]
            if node.level:
                yield from _below(_upwards(file.parent, node.level - 1), parts, names)
            else:
                yield from self._absolute(node.module or "", file, names)
        elif isinstance(node, ast.Call) and _imports(node):
            yield from self._called(node, file)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from self._written(node.value, file)

    def _absolute(self, module: str, file: Path, names: list[str] | None = None) -> Iterator[Path]:
        top, *rest = module.split(".")
        if top in (INSTALLED, USER):
            yield from _below(self.base, rest, names or [])
            return
        if not top or top == CORE.name or is_required(top):
            return
        for folder in dict.fromkeys((file.parent, self.base)):
            found = _module_in(folder, top)
            if found is not None:
                yield found
                return
        loose = _loose(top)
        if loose is not None:
            yield loose

    def _called(self, node: ast.Call, file: Path) -> Iterator[Path]:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            name = first.value
            level = len(name) - len(name.lstrip("."))
            if level:
                parts = name.lstrip(".").split(".")
                yield from _below(_upwards(file.parent, level - 1), parts, [])
            else:
                yield from self._absolute(name, file)
        else:
            # Which one is known only when it runs: it may be any file beside this one.
            yield from (path for path in sorted(file.parent.glob("*.py")) if not is_own(path))

    def _written(self, text: str, file: Path) -> Iterator[Path]:
        if not 1 < len(text) < 200 or "\0" in text or "." not in text or set(text) <= {".", "/"}:
            return
        if text.startswith(".") and "/" not in text:
            places = [file.with_suffix(text)] if text.count(".") == 1 else []
        else:
            inner = sorted(p for p in file.parent.iterdir() if p.is_dir() and p.name[0] not in "._")
            places = [folder / text for folder in (file.parent, self.base, *inner)]
        found = next((path for path in places if path.is_file()), None)
        if found is not None and found.resolve().is_relative_to(self.base) and not is_own(found):
            yield found


def _imports(node: ast.Call) -> bool:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("import_module", "__import__")


def _upwards(folder: Path, steps: int) -> Path:
    for _ in range(steps):
        folder = folder.parent
    return folder


def _below(folder: Path, parts: list[str], names: list[str]) -> Iterator[Path]:
    """Yield what a relative import finds: the module itself, and modules among its names."""
    if parts:
        found = _module_in(folder, parts[0])
        if found is not None:
            yield found
        return
    for name in names:
        found = _module_in(folder, name)
        if found is not None:
            yield found


def _module_in(folder: Path, name: str) -> Path | None:
    """Return the package's folder or the file of a module, unless it is the repository's own."""
    for marker, found in (
        (folder / name / "__init__.py", folder / name),
        (folder / f"{name}.py", folder / f"{name}.py"),
    ):
        if marker.is_file():
            return None if is_own(marker) else found
    return None


def _loose(top: str) -> Path | None:
    """Return a module that lies in no installed package: a folder of one's own on the path."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin).resolve()
    installed = {sysconfig.get_paths()[key] for key in ("stdlib", "purelib", "platlib")}
    folders = {Path(name).resolve() for name in (*installed, site.getusersitepackages())}
    if any(file.is_relative_to(folder) for folder in folders) or is_own(file):
        return None
    return root_of(file)


def _code_in(folder: Path) -> Iterator[Path]:
    """Yield a folder's code files, sorted; links are followed, hidden folders and bytecode left out."""
    seen: set[str] = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        if os.path.realpath(here) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        folders[:] = sorted(f for f in folders if f[0] != "." and f != "__pycache__")
        yield from (Path(here, name) for name in sorted(names) if name.endswith(_CODE))
