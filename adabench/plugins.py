"""Finds and imports plugins, so that what they register can be named in a config.

Plugins are looked for in three places: the installed package ``adabench_plugins`` (the repository's
``plugins/`` folder), the entry points of group ``adabench.plugins``, and folders of the user's own.
One that can't be imported is reported, and takes nothing else down.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import pkgutil
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mmengine import registry as mm

from adabench import registry

#: The modules that register the repository's own parts: a room that has some adds its line here.
BUILT_IN = {
    registry.MODELS: ("adabench.models",),
    registry.TRANSFORMS: ("adabench.data.views", "adabench.data.augment"),
    registry.STAGES: ("adabench.engine.stages.pretrain", "adabench.engine.stages.method"),
    registry.SEMANTICS: ("adabench.models.semantics",),
}
for _registry, _modules in BUILT_IN.items():
    _registry.filled_by(*_modules)

INSTALLED = "adabench_plugins"
USER = "adabench_user_plugins"
ENTRY_POINTS = "adabench.plugins"
ENVIRONMENT = "ADABENCH_PLUGINS"


@dataclass(frozen=True)
class FailedPlugin:
    """A plugin that could not be imported.

    Attributes:
        name: its module, e.g. ``adabench_plugins.mine``.
        location: ``file:line`` of the plugin's own code where it went wrong.
        cause: the exception's type and message.
    """

    name: str
    location: str
    cause: str

    def __str__(self) -> str:
        return f"{self.name} ({self.location}): {self.cause}"


@dataclass(frozen=True)
class PluginReport:
    """What one search for plugins found.

    Attributes:
        loaded: module names of the plugins that are in place.
        failed: those that could not be imported.
        skipped: folders that look like a package but lack ``__init__.py``.
    """

    loaded: tuple[str, ...] = ()
    failed: tuple[FailedPlugin, ...] = ()
    skipped: tuple[Path, ...] = ()

    def __str__(self) -> str:
        lines = [f"plugins loaded: {', '.join(self.loaded) or 'none'}"]
        lines += [f"plugin failed: {failure}" for failure in self.failed]
        lines += [f"plugin skipped: {folder} has no __init__.py" for folder in self.skipped]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Candidate:
    """A plugin to import: the name of its module, where its code lies, and how to load it."""

    module: str
    root: str
    load: Callable[[], Any]


class _UserPluginFinder(MetaPathFinder):
    """Finds user plugins under a package of their own, so that none hides an installed module."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}

    def add(self, path: Path) -> str:
        """Return the module name under which the plugin at ``path`` is imported."""
        stem = path.stem if path.is_file() else path.name
        name = f"{USER}.{''.join(c if c.isalnum() else '_' for c in stem)}"
        if self.paths.get(name, path) != path:
            name = f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        self.paths[name] = path
        return name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find ``adabench_user_plugins`` itself and the plugins directly below it."""
        del path, target
        if fullname == USER:
            return importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        found = self.paths.get(fullname)
        if found is None:
            return None
        if found.is_file():
            return importlib.util.spec_from_file_location(fullname, found)
        return importlib.util.spec_from_file_location(
            fullname, found / "__init__.py", submodule_search_locations=[str(found)]
        )


_finder = _UserPluginFinder()
_failures: dict[str, FailedPlugin] = {}


def load_plugins(folders: Sequence[Path] = ()) -> PluginReport:
    """Import every plugin that can be found; calling it again changes nothing.

    A package decides in its ``__init__.py`` which of its modules register parts.

    Args:
        folders: folders that hold plugins (packages or ``.py`` files); one that has an
            ``__init__.py`` of its own, or a ``.py`` file, is one plugin. Those that the environment
            variable ``ADABENCH_PLUGINS`` lists are added.

    Returns:
        What was loaded, and what failed with file, line and cause. Failures are also noted in the
        registry, whose look-ups name them when a part is missing.

    Raises:
        FileNotFoundError: a named folder that does not exist.
    """
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)
    paths, skipped = _user_paths(folders)
    importlib.invalidate_caches()
    candidates: dict[str, _Candidate] = {}
    # Installed plugins come first: of two that register one name, the user's is told so.
    for candidate in (*_installed(), *_entry_points(), *_user_plugins(paths)):
        candidates.setdefault(candidate.module, candidate)
    loaded: list[str] = []
    failed: list[FailedPlugin] = []
    for candidate in candidates.values():
        failure = _load(candidate)
        if failure is None:
            loaded.append(candidate.module)
            _failures.pop(candidate.module, None)
        else:
            failed.append(failure)
            _failures[candidate.module] = failure
    registry.forget_failed_plugins()
    for name, failure in _failures.items():
        registry.note_failed_plugin(name, f"{failure.cause} ({failure.location})")
    return PluginReport(tuple(sorted(loaded)), tuple(failed), tuple(skipped))


def _installed() -> Iterator[_Candidate]:
    spec = importlib.util.find_spec(INSTALLED)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for found in pkgutil.iter_modules([place]):
            module = f"{INSTALLED}.{found.name}"
            load = functools.partial(importlib.import_module, module)
            yield _Candidate(module, str(Path(place, found.name)), load)


def _entry_points() -> Iterator[_Candidate]:
    for point in entry_points(group=ENTRY_POINTS):
        yield _Candidate(point.module, point.module.replace(".", os.sep), point.load)


def _user_plugins(paths: Sequence[Path]) -> Iterator[_Candidate]:
    for path in paths:
        module = _finder.add(path)
        yield _Candidate(module, str(path), functools.partial(importlib.import_module, module))


def _user_paths(folders: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the plugins in the user's folders, and folders that only look like one."""
    named = [(Path(folder), "--plugins") for folder in folders]
    listed = os.environ.get(ENVIRONMENT, "").split(os.pathsep)
    named += [(Path(folder), ENVIRONMENT) for folder in listed if folder.strip()]
    found: list[Path] = []
    skipped: list[Path] = []
    for folder, origin in named:
        if not folder.exists():
            raise FileNotFoundError(
                f"plugin folder {folder}, named by {origin}, does not exist; name a folder with "
                "packages or .py files, or leave it out"
            )
        for path in _inside(folder.resolve()):
            looks_like_package = path.is_dir() and not (path / "__init__.py").is_file()
            (skipped if looks_like_package else found).append(path)
    return list(dict.fromkeys(found)), list(dict.fromkeys(skipped))


def _inside(folder: Path) -> list[Path]:
    if folder.is_file() or (folder / "__init__.py").is_file():
        return [folder]
    entries = [p for p in sorted(folder.iterdir()) if not p.name.startswith((".", "_"))]
    return [p for p in entries if p.suffix == ".py" or (p.is_dir() and any(p.glob("*.py")))]


def _load(candidate: _Candidate) -> FailedPlugin | None:
    """Import one plugin; undo what it registered if that fails."""
    before = {id(r): dict(r.module_dict) for r in _registries()}
    modules = set(sys.modules)
    try:
        candidate.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin is foreign code: whatever it raises at import, SystemExit included, must stop only those who need it
        _undo(candidate.module, before, modules)
        return FailedPlugin(candidate.module, _where(error, candidate.root), _cause(error))
    return None


def _registries() -> list[mm.Registry]:
    own = [value for value in vars(registry).values() if isinstance(value, mm.Registry)]
    parents = [value for value in vars(mm).values() if isinstance(value, mm.Registry)]
    return own + parents


def _undo(module: str, before: dict[int, dict[str, Any]], modules: set[str]) -> None:
    """Take out what a half-imported plugin registered and its modules, so that a retry is clean."""
    for name in [name for name in sys.modules if _within(name, module)]:
        del sys.modules[name]
    for each in _registries():
        for key, value in list(each.module_dict.items()):
            owner = getattr(value, "__module__", "")
            # A plugin may register another package's class (module=nn.GRU): new, but not its own.
            # A module that its import brought in whole keeps what that module registered.
            foreign = isinstance(each, registry.Registry) and key not in before.get(id(each), {})
            whole = owner in sys.modules and owner not in modules
            if _within(owner, module) or (foreign and not whole):
                del each.module_dict[key]


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _where(error: BaseException, root: str) -> str:
    """``file:line`` of the last line of the plugin's own code before the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if root in frame.filename]
    if own:
        return f"{own[-1].filename}:{own[-1].lineno}"
    return f"{root}:1"


def _cause(error: BaseException) -> str:
    detail = str(error).strip()
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__
