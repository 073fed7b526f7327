"""The unit of a plugin: which files its code is, and which installed distributions it rests on.

That is a package's folder, or a single file; to both belong the files beside them that they import, in
functions too, and files of data whose names they write down: ``Path(__file__).with_name("table.json")``,
``f"{name}.csv"``, ``"*.json"``. Data that is found without its ending being written is not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.metadata import Distribution
from pathlib import Path
from typing import Literal

from adabench.plugins.distributions import distribution_of, listed_files, version_of
from adabench.plugins.modules import code_in, files_in, modules_in, on_path, root_of
from adabench.plugins.places import CORE, INSTALLED, USER, is_own, is_required

#: Begins the names of files that lie elsewhere than the plugin: in a folder of one's own on the path.
BESIDE = "beside"
_MODULE = re.compile(r"\.*[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
# Parts of a name that only the run knows.
_ANY = re.compile(r"\*+|%[sd]|\{[^{}]*\}")
_LONGEST_NAME = 200
_Kind = Literal["folder", "file", "distribution"]


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
        requires: distribution → version, of those that it imports; adabench's own are left out.
        names: what its code writes that may be names of registered parts.
    """

    name: str
    kind: _Kind
    files: dict[str, Path]
    module: str
    path: Path
    version: str | None = None
    requires: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


def unit_at(path: Path, module: str, installed_by: Distribution | None = None) -> Unit:
    """Return the unit of a plugin.

    Args:
        path: its package's folder or its file.
        module: by which it is imported.
        installed_by: its distribution. One whose file list does not hold the plugin is an editable
            install, which counts as a folder.
    """
    link, path = path.parent.resolve(), path.resolve()
    version = None if installed_by is None else installed_by.version
    if installed_by is not None:
        listed = listed_files(installed_by)
        if any(file.is_relative_to(path) for file in listed.values()):
            name, base = str(installed_by.name), Path(str(installed_by.locate_file(""))).resolve()
            found = _Closure(base, base, name)
            found.add_listed(listed)
            return found.unit(name, "distribution", module, path, version)
    found = _Closure(path.parent, link)
    found.add(path)
    return found.unit(path.name, "folder" if path.is_dir() else "file", module, path, version)


def unit_of_module(module: str, file: Path) -> Unit:
    """Return the unit of a module that no search for plugins found; of a distribution its version."""
    top, by = module.partition(".")[0], distribution_of(module, file)
    if by is not None:
        name = str(by.name)
        return Unit(name, "distribution", {}, top, file, by.version, {name: version_of(by)})
    root = root_of(file)
    return unit_at(root, module if root == file else top)


@dataclass
class _Closure:
    """Gathers files, and those that they import or name.

    Attributes:
        base: the folder that the plugin lies in; names are relative to it.
        link: the folder in which the user named it, where that is a link to it.
        installed_by: its distribution, all of whose files are gathered.
        files: name → real path.
        requires: distribution → version.
        names: texts that may be names of parts.
    """

    base: Path
    link: Path
    installed_by: str = ""
    files: dict[str, Path] = field(default_factory=dict)
    requires: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    _roots: dict[Path, Path] = field(default_factory=dict)
    _trees: dict[Path, list[str]] = field(default_factory=dict)
    _installed: dict[Path, Distribution | None] = field(default_factory=dict)

    def unit(self, name: str, kind: _Kind, module: str, path: Path, version: str | None) -> Unit:
        """Return what was gathered as a unit, whose other fields are given."""
        names = frozenset(self.names)
        return Unit(name, kind, self.files, module, path, version, self.requires, names)

    def add(self, path: Path) -> None:
        """Add a file, or a package's folder, and what these import."""
        near = path.is_relative_to(self.base)
        for file in code_in(self._tree(path)) if path.is_dir() else [path]:
            own = file.relative_to(self.base if near else self._roots.get(path, path.parent))
            name = (own if near else Path(BESIDE) / own).as_posix()
            if name not in self.files:
                self.files[name] = file.resolve()
                self._follow(file)

    def add_listed(self, listed: dict[str, Path]) -> None:
        """Add a distribution's code files, and what these import."""
        code = {*code_in(map(str, listed.values()))}
        self.files |= {name: path for name, path in listed.items() if path in code}
        for path in code:
            self._follow(path)

    def _tree(self, folder: Path) -> list[str]:
        if folder not in self._trees:
            self._trees[folder] = [*files_in(folder)]
        return self._trees[folder]

    def _follow(self, file: Path) -> None:
        if file.suffix != ".py":
            return
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
            names = [alias.name for alias in node.names]
            if node.level:
                yield from self._relative(node.level, node.module or "", file, names)
            else:
                yield from self._absolute(node.module or "", file, names)
        elif isinstance(node, ast.Call) and _imports(node):
            yield from self._called(node, file)
        elif isinstance(node, ast.JoinedStr):
            parts = (str(p.value) if isinstance(p, ast.Constant) else "*" for p in node.values)
            yield from self._written("".join(parts), file)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from self._written(node.value, file)
            if len(node.value) < _LONGEST_NAME and _MODULE.fullmatch(node.value):
                self.names.add(node.value)
                yield from self._spelled(node.value, file)

    def _relative(
        self, level: int, module: str, file: Path, names: Sequence[str] = ()
    ) -> Iterator[Path]:
        folder = file
        for _ in range(level):
            folder = folder.parent
        for place in self._places(folder):
            yield from modules_in(place, module.split(".") if module else [], names)

    def _places(self, *folders: Path) -> list[Path]:
        """Return folders, and with the plugin's own the one that links to it."""
        both = ((f, self.link) if f == self.base else (f,) for f in folders)
        return list(dict.fromkeys(folder for some in both for folder in some))

    def _absolute(self, module: str, file: Path, names: Sequence[str] = ()) -> Iterator[Path]:
        top, *rest = module.split(".")
        if top in (INSTALLED, USER):
            yield from modules_in(self.base, rest, names)
        elif top and top != CORE.name:
            # A file beside it may hide a module of Python's own.
            places = self._places(file.parent, self.base)
            near = ([*modules_in(place, [top, *rest], names)] for place in places)
            found = next(filter(None, near), None)
            if found is None:
                found = [] if is_required(top) else [*on_path(top, rest, names)]
            for path in found:
                # A namespace's files are told apart by the folders above them.
                above = (one.parent for one in path.parents if one.name == top)
                self._roots[path] = next(above, path.parent)
                yield from self._unless_installed(top, path)

    def _unless_installed(self, top: str, path: Path) -> Iterator[Path]:
        """Yield a module's folder or file, or note the distribution that it comes from."""
        if path not in self._installed:
            file = path / "__init__.py" if path.is_dir() else path
            self._installed[path] = distribution_of(top, file.resolve())
        by = self._installed[path]
        if by is None:
            yield path
        elif by.name != self.installed_by and not is_required(top):
            self.requires[str(by.name)] = version_of(by)

    def _called(self, node: ast.Call, file: Path) -> Iterator[Path]:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            if not first.value.startswith("."):
                yield from self._absolute(first.value, file)
        elif not self.installed_by:
            # Which one is known only when it runs: it may be any file beside this one.
            yield from (path for path in sorted(file.parent.glob("*.py")) if not is_own(path))

    def _spelled(self, text: str, file: Path) -> Iterator[Path]:
        """Yield the module beside a file that a text names: what imports it may be called anything."""
        if not self.installed_by:
            name = text.lstrip(".")
            yield from self._relative(max(1, len(text) - len(name)), name, file)

    def _written(self, text: str, file: Path) -> Iterator[Path]:
        """Yield the files that a text names, by a pattern where a part of it is filled in."""
        if not 1 < len(text) < _LONGEST_NAME or "\0" in text or text[0] == "/":
            return
        pattern = _ANY.sub("*", text)
        if pattern.startswith(".") and "/" not in pattern:
            found = [file.with_suffix(pattern)] if pattern.count(".") == 1 else []
        elif Path(pattern).suffix[1:].isalnum():
            found = [*self._matching(pattern, file)]
        else:
            return
        for path in found:
            inside = any(path.resolve().is_relative_to(top) for top in (self.base, self.link))
            if inside and path.is_file() and not is_own(path):
                yield path

    def _matching(self, pattern: str, file: Path) -> Iterator[Path]:
        root, is_exact = root_of(file), "*" not in pattern
        for name in self._tree(root) if root != file else []:
            if name.endswith(f"/{pattern}") if is_exact else fnmatchcase(name, f"*/{pattern}"):
                yield Path(name)
        places = self._places(file.parent, self.base)
        if not self.installed_by:
            inner = (path for path in file.parent.iterdir() if path.name[0] not in "._")
            places += sorted(path for path in inner if path.is_dir())
        for place in places:
            yield from [place / pattern] if is_exact else sorted(place.glob(pattern))


def _imports(node: ast.Call) -> bool:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("import_module", "__import__")
