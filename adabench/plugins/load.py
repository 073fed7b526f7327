"""Imports plugins, and tells of those that can't be imported or register nothing."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine import registry as mm

from adabench import registry
from adabench.plugins.find import (
    Candidate,
    UserPaths,
    by_entry_point,
    installed,
    of_user,
    user_paths,
)
from adabench.plugins.held import HOLDER
from adabench.plugins.places import USER

_failures: dict[str, FailedPlugin] = {}
# Module → names that it registered, of those that are loaded.
_registered: dict[str, frozenset[str]] = {}


@dataclass(frozen=True)
class FailedPlugin:
    """A plugin that could not be imported.

    Attributes:
        name: its module, e.g. ``adabench_plugins.mine``.
        location: ``file:line`` of the plugin's own code where it went wrong.
        cause: the exception's type and message.
        named_by: what the user wrote, ``--plugins FOLDER``; empty where the plugin was found.
        contested: the name of a part that it wanted and that is taken, if that was it.
    """

    name: str
    location: str
    cause: str
    named_by: str = ""
    contested: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.location}): {self.cause}"


@dataclass(frozen=True)
class PluginReport:
    """What one search for plugins found.

    Attributes:
        loaded: module names of the plugins that are in place.
        failed: those that could not be imported.
        skipped: folders that look like a package but lack ``__init__.py``.
        idle: what was loaded and registered nothing, and is no part of another plugin.
        useless: what the user named, and nothing of it registered anything; with the reason.
    """

    loaded: tuple[str, ...] = ()
    failed: tuple[FailedPlugin, ...] = ()
    skipped: tuple[Path, ...] = ()
    idle: tuple[str, ...] = ()
    useless: tuple[str, ...] = ()

    def refuse_named(self) -> None:
        """Refuse to go on without a plugin that the user named.

        Raises:
            ValueError: one that failed, or a folder of which nothing registered anything, with the
                place and the mend.
        """
        told = [
            f"{failure}; named by {failure.named_by}: mend it, or leave it out"
            for failure in self.failed
            if failure.named_by
        ]
        if told or self.useless:
            raise ValueError("; ".join([*told, *self.useless]))

    def refuse_contested(self, config: Any) -> None:
        """Refuse a config that names a part whose name a failed plugin wanted too.

        Raises:
            ValueError: with both places: one must not be scored as the other.
        """
        asked = {name for _, name in registry.types_in(config)}
        for failure in self.failed:
            if failure.contested in asked:
                raise ValueError(
                    f"the config names {failure.contested!r}, and two parts have that name: "
                    f"{failure}; uninstall the plugin, or rename its class"
                )

    def __str__(self) -> str:
        lines = [f"plugins loaded: {', '.join(self.loaded) or 'none'}"]
        lines += [f"plugin failed: {failure}" for failure in self.failed]
        lines += [f"plugin skipped: {folder} has no __init__.py" for folder in self.skipped]
        lines += [f"plugin without a part: {name} registered nothing" for name in self.idle]
        return "\n".join(lines)


def load_plugins(folders: Sequence[Path] = ()) -> PluginReport:
    """Import every plugin that can be found; calling it again changes nothing.

    A package decides in its ``__init__.py`` which of its modules register parts. What comes from
    outside the repository is read once: what is hashed is what runs.

    Args:
        folders: folders that hold plugins (packages or ``.py`` files); one that has an
            ``__init__.py`` of its own, or a ``.py`` file, is one plugin. Those that the environment
            variable ``ADABENCH_PLUGINS`` lists are added.

    Returns:
        What was loaded, and what failed with file, line and cause. Failures are also noted in the
        registry, whose look-ups name them when a part is missing. `PluginReport.refuse_named` ends
        a run whose user named one that failed.

    Raises:
        FileNotFoundError: a named folder that does not exist.
    """
    HOLDER.install()
    paths = user_paths(folders)
    importlib.invalidate_caches()
    candidates: dict[str, Candidate] = {}
    # Installed plugins come first: of two that register one name, the user's is told so.
    for candidate in (*installed(), *by_entry_point(), *of_user(paths)):
        candidates.setdefault(candidate.module, candidate)
    _fill(candidates.values())
    loaded, failed = _load_all(candidates.values())
    foreign = [c for c in loaded if c.unit is not None or c.named_by]
    idle = [c for c in foreign if not _registered[c.module] and not _is_part(c, loaded)]
    _note(idle)
    return PluginReport(
        tuple(sorted(candidate.module for candidate in loaded)),
        tuple(failed),
        paths.skipped,
        tuple(f"{candidate.module} ({candidate.root})" for candidate in idle),
        tuple(_useless(paths, candidates.values(), failed)),
    )


def _load_all(candidates: Iterable[Candidate]) -> tuple[list[Candidate], list[FailedPlugin]]:
    """Import each; forget the code of those that failed."""
    loaded: list[Candidate] = []
    failed: list[FailedPlugin] = []
    units: dict[str, str] = {}
    for candidate in candidates:
        failure = _load(candidate, units)
        if failure is None:
            loaded.append(candidate)
            _failures.pop(candidate.module, None)
        else:
            failed.append(failure)
            _failures[candidate.module] = failure
    for name in {units.get(f.name, "") for f in failed} - {units.get(c.module) for c in loaded}:
        HOLDER.release(name)
    return loaded, failed


def _fill(candidates: Iterable[Candidate]) -> None:
    """Have the rooms register theirs, so that whoever wants a name of theirs is told who holds it."""
    if any(candidate.unit is not None for candidate in candidates):
        for each in vars(registry).values():
            if isinstance(each, registry.Registry):
                each.import_from_location()


def _note(idle: Sequence[Candidate]) -> None:
    registry.forget_failed_plugins()
    for name, failure in _failures.items():
        registry.note_failed_plugin(name, f"{failure.cause} ({failure.location})")
    for candidate in idle:
        registry.note_idle_plugin(candidate.module, candidate.root)


def _is_part(candidate: Candidate, loaded: Sequence[Candidate]) -> bool:
    """Whether a plugin that registered nothing is imported by another one, as a helper."""
    root = Path(candidate.root).resolve()
    others = [HOLDER.units.get(o.module) for o in loaded if o is not candidate]
    return any(
        held is not None
        and any(p == root or p.is_relative_to(root) for p in held.unit.files.values())
        for held in others
    )


def _useless(
    paths: UserPaths, candidates: Iterable[Candidate], failed: Sequence[FailedPlugin]
) -> Iterator[str]:
    """Yield what the user named to no avail, each with the reason and the mend."""
    for origin in paths.empty:
        bare = [str(folder) for folder in paths.skipped]
        hint = f" ({', '.join(bare)}: no __init__.py in it)" if bare else ""
        yield f"{origin} holds no plugin{hint}; put a .py file or a package with __init__.py there"
    names = {failure.name for failure in failed}
    by_origin: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.named_by:
            by_origin.setdefault(candidate.named_by, []).append(candidate)
    for origin, all_of_it in by_origin.items():
        if any(c.module in names or _registered.get(c.module) for c in all_of_it):
            continue
        files = ", ".join(f"{c.root}:1" for c in all_of_it)
        yield (
            f"{origin} registers nothing ({files}): put @MODELS.register_module(), from "
            "adabench.registry, above the class, in a module that its __init__.py imports"
        )


def _load(candidate: Candidate, units: dict[str, str]) -> FailedPlugin | None:
    """Import one plugin; undo what it registered if that fails."""
    before = {id(r): dict(r.module_dict) for r in _registries()}
    modules = set(sys.modules)
    try:
        if candidate.unit is not None:
            unit = candidate.unit()
            units[candidate.module] = unit.module
            if unit.module.startswith(f"{USER}."):
                HOLDER.refuse_hidden(unit)
            HOLDER.refuse_stale(unit)
            HOLDER.hold(unit)
        candidate.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin is foreign code: whatever it raises at import, SystemExit included, must stop only those who need it
        _undo(candidate.module, before, modules)
        _registered.pop(candidate.module, None)
        contested = error.name if isinstance(error, registry.NameTakenError) else ""
        where = _where(error, candidate.root)
        return FailedPlugin(
            candidate.module, where, _cause(error), candidate.named_by, str(contested)
        )
    _registered[candidate.module] = _registered.get(candidate.module, frozenset()) | {
        key
        for each in _registries()
        for key, value in each.module_dict.items()
        if _within(getattr(value, "__module__", ""), candidate.module)
        or key not in before.get(id(each), {})
    }
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
