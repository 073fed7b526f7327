"""adabench's registries: children of mmengine's, scope ``adabench``.

``MODELS`` builds the parts of a method by name, mmengine's own parts and, by scope, those of other
OpenMMLab packages (``mmaction.X3D``).
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from mmengine import registry as mm
from mmengine.config.utils import MODULE2PACKAGE

from adabench.hints import did_you_mean

__all__ = [
    "CALIBRATORS",
    "CORPORA",
    "HOOKS",
    "METRICS",
    "MODELS",
    "SEMANTICS",
    "SIGNALS",
    "STAGES",
    "TRANSFORMS",
    "Registry",
    "UnknownTypeError",
    "place_of",
    "types_in",
]

SCOPE = "adabench"

#: Packages whose registries a scope may name: OpenMMLab's own. Nothing else is imported by a look-up.
SCOPES = frozenset({SCOPE, mm.MODELS.scope, *MODULE2PACKAGE})

# Begins a note of an error: which part was being built.
_BUILDING = "while building "

_PLAIN = re.compile(r"[A-Za-z_]\w*")

# Set by adabench.plugins: why a look-up may have failed (a plugin that could not be imported, or one
# that was and registered nothing).
_failed_plugins: dict[str, str] = {}
_idle_plugins: dict[str, str] = {}


class UnknownTypeError(LookupError):
    """A config names a type that no registry knows."""


def note_failed_plugin(name: str, cause: str) -> None:
    """Remember that plugin ``name`` could not be imported, for look-ups that fail because of it."""
    _failed_plugins[name] = cause


def note_idle_plugin(name: str, location: str) -> None:
    """Remember that plugin ``name`` was loaded and registered nothing."""
    _idle_plugins[name] = location


def forget_failed_plugins() -> None:
    """Forget what was noted of plugins, before they are searched anew."""
    for notes in (_failed_plugins, _idle_plugins):
        notes.clear()


def is_type_name(name: str) -> bool:
    """Whether ``name`` may stand for a registered part: ``Name``, or ``scope.Name`` of a known scope."""
    scope, dot, own = name.rpartition(".")
    return _PLAIN.fullmatch(own) is not None and (not dot or scope in SCOPES)


def types_in(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (place, type) of every dict with a ``type`` in a nested config, outer ones first.

    Raises:
        ValueError: a ``_scope_``, by which mmengine would import a package of that name.
    """
    if isinstance(value, dict):
        if "_scope_" in value:
            raise ValueError(
                f"{where or 'config'}: '_scope_' is not taken; write type='scope.Name' in its place"
            )
        if "type" in value:
            yield where, value["type"]
        for key, item in value.items():
            yield from types_in(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from types_in(item, f"{where}[{index}]")


def being_built(error: BaseException | None) -> list[str]:
    """Return the types of the parts that were being built when an error was raised, inner ones first."""
    found: list[str] = []
    while error is not None:
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        own = [note.removeprefix(_BUILDING) for note in notes if note.startswith(_BUILDING)]
        found, error = own + found, error.__cause__
    return found


def place_of(part: Any) -> str:
    """Return ``file:line`` of a class or function, or its module where that has no file."""
    module = getattr(part, "__module__", "?")
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return str(module)
    try:
        line = inspect.getsourcelines(part)[1]
    except (OSError, TypeError):
        return str(file)
    return f"{file}:{line}"


class NameTakenError(KeyError):
    """Two parts of one name; the message says where both are."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Registry(mm.Registry):
    """mmengine's registry whose failed look-ups suggest, list, and name broken plugins."""

    def filled_by(self, *modules: str) -> None:
        """Name the modules that register parts here; the first look-up imports them."""
        self._locations = [*modules]
        self._imported = False

    def _register_module(
        self, module: Any, module_name: str | list[str] | None = None, force: bool = False
    ) -> None:
        names = [module_name] if isinstance(module_name, str) else module_name
        for name in names or [getattr(module, "__name__", "")]:
            holder = self.module_dict.get(name)
            if holder is not None and not force:
                raise NameTakenError(
                    name,
                    f"{name} is already registered in {self.name} at {holder.__module__} "
                    f"({place_of(holder)}), and {place_of(module)} asks for the same name: rename one",
                )
        super()._register_module(module, module_name, force)

    def require(self, name: str) -> type:
        """Return the class registered as ``name``; nothing is imported to refuse one.

        Raises:
            UnknownTypeError: with the nearest names, all that exist, and plugins that failed.
        """
        found = self.find(name)
        if found is None:
            raise UnknownTypeError(self.explain_missing(name))
        return found

    def find(self, name: str) -> type | None:
        """Return the class registered as ``name`` here, in mmengine, or in a named scope; or None.

        Only OpenMMLab's packages and adabench's own rooms are imported, to have them register theirs.
        """
        if not is_type_name(name):
            return None
        self.import_from_location()
        scope, own = self.split_scope_key(name)
        if scope is None or scope == self.scope:
            upwards = [self, *([self.root] if scope is None else [])]
            return next((r.module_dict[own] for r in upwards if own in r.module_dict), None)
        if scope == self.root.scope:
            return self.root.module_dict.get(own)
        return self._of_scope(scope, own)

    def _of_scope(self, scope: str, name: str) -> type | None:
        # Only `SCOPES` come here: `is_type_name` has refused the rest.
        try:
            importlib.import_module(f"{scope}.registry")
        except ModuleNotFoundError:
            return None
        child = self.root.children.get(scope)
        if child is None:
            return None
        child.import_from_location()
        return child.module_dict.get(name)

    def type_of(self, cfg: Any) -> type:
        """Return the class that the config of a part names, or gives in place of a name.

        Raises:
            TypeError: ``cfg`` is no dict with a ``type``, or that is neither name nor class.
            UnknownTypeError: that type is not registered.
        """
        if not isinstance(cfg, dict) or "type" not in cfg:
            raise TypeError(
                f"a {self.name} part is a dict with a 'type', e.g. dict(type='Name'); got {cfg!r}"
            )
        if isinstance(cfg["type"], str):
            return self.require(cfg["type"])
        if not isinstance(cfg["type"], type):
            raise TypeError(f"the type of a {self.name} part is its name; got {cfg['type']!r}")
        return cfg["type"]

    def _names(self, scope: str | None) -> list[str]:
        if scope is None or scope == self.scope or scope not in self.root.children:
            return sorted(self.module_dict)
        return sorted(f"{scope}.{key}" for key in self.root.children[scope].module_dict)

    def explain_missing(self, name: str) -> str:
        """Say what could have been meant by ``name`` and what exists."""
        known = self._names(self.split_scope_key(name)[0])
        hint = did_you_mean(name, known, most=3, cutoff=0.5)
        parts = [f"no {self.name} part is called {name!r}.{hint}"]
        parts.append(f"Known: {', '.join(known) or 'none'}.")
        for plugin, cause in _failed_plugins.items():
            parts.append(f"Plugin {plugin} could not be loaded: {cause}")
        for plugin, location in _idle_plugins.items():
            parts.append(
                f"Plugin {plugin} ({location}) was loaded and registered nothing: put "
                "@MODELS.register_module() above its class, in a module that it imports."
            )
        return " ".join(parts)

    def build(self, cfg: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Build what ``cfg['type']`` names from the other entries of ``cfg``.

        Raises:
            TypeError: ``cfg`` is no dict with a ``type``.
            UnknownTypeError: a type that nothing registered; of a dict within ``cfg``, one that
                mmengine would look up by importing it: any unknown one of an OpenMMLab part, and
                names of modules anywhere. Others may be names of a part's own, as of an estimator.
            ValueError: a ``_scope_``.
        """
        found = self.check(cfg)
        try:
            return super().build({**cfg, "type": found}, *args, **kwargs)
        except Exception as error:
            error.add_note(f"{_BUILDING}{cfg['type']}")
            raise

    def check(self, cfg: Any) -> type:
        """Return the class that ``cfg`` names, once all types within it are known; errors as `build`."""
        found = self.type_of(cfg)
        theirs = found.__module__.partition(".")[0] in SCOPES - {self.scope}
        for where, name in types_in(dict(cfg)):
            if not where or not isinstance(name, str) or _known(name):
                continue
            if theirs or not is_type_name(name) or _is_module(name.partition(".")[0]):
                raise UnknownTypeError(f"{cfg['type']}.{where}: {self.explain_missing(name)}")
        return found


class HookRegistry(Registry):
    """That of hooks, whose look-ups tell of mmengine's own too, since these are used as they are."""

    def _names(self, scope: str | None) -> list[str]:
        return sorted({*super()._names(scope), *self.root.module_dict})


def _is_module(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


def _known(name: str) -> bool:
    """Whether any registry, adabench's or mmengine's, holds ``name``."""
    own = [each for each in globals().values() if isinstance(each, Registry)]
    above = [each for each in vars(mm).values() if isinstance(each, mm.Registry)]
    return any(each.find(name) is not None for each in own) or any(
        name in each.module_dict for each in above
    )


MODELS = Registry("model", parent=mm.MODELS, scope=SCOPE)
TRANSFORMS = Registry("transform", parent=mm.TRANSFORMS, scope=SCOPE)
METRICS = Registry("metric", scope=SCOPE)
CALIBRATORS = Registry("calibrator", scope=SCOPE)
HOOKS = HookRegistry("hook", parent=mm.HOOKS, scope=SCOPE)
STAGES = Registry("stage", scope=SCOPE)
SEMANTICS = Registry("semantics", scope=SCOPE)
SIGNALS = Registry("source of signals", scope=SCOPE)
CORPORA = Registry("corpus reader", scope=SCOPE)
