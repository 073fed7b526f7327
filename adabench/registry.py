"""adabench's registries: children of mmengine's, scope ``adabench``.

``MODELS`` builds the parts of a method by name, mmengine's own parts and, by scope, those of other
OpenMMLab packages (``mmaction.X3D``).
"""

from __future__ import annotations

import difflib
from typing import Any

from mmengine import registry as mm

__all__ = [
    "DATASETS",
    "HOOKS",
    "LOOPS",
    "METRICS",
    "MODELS",
    "SEMANTICS",
    "STAGES",
    "TRANSFORMS",
    "Registry",
    "UnknownTypeError",
]

SCOPE = "adabench"

# Set by adabench.plugins: why a look-up may have failed (a plugin that could not be imported).
_failed_plugins: dict[str, str] = {}


class UnknownTypeError(LookupError):
    """A config names a type that no registry knows."""


def note_failed_plugin(name: str, cause: str) -> None:
    """Remember that plugin ``name`` could not be imported, for look-ups that fail because of it."""
    _failed_plugins[name] = cause


def forget_failed_plugins() -> None:
    """Forget what :func:`note_failed_plugin` noted, before plugins are searched anew."""
    _failed_plugins.clear()


class Registry(mm.Registry):
    """mmengine's registry whose failed look-ups suggest, list, and name broken plugins."""

    def filled_by(self, *modules: str) -> None:
        """Name the modules that register parts here; the first look-up imports them."""
        self._locations = [*modules]
        self._imported = False

    def require(self, name: str) -> type:
        """Return the class registered as ``name``.

        Raises:
            UnknownTypeError: with the nearest names, all that exist, and plugins that failed.
        """
        try:
            found = self.get(name)
        except RuntimeError as error:
            raise UnknownTypeError(self.explain_missing(name)) from error
        # mmengine's look-up also imports any dotted Python path ('os.system'), registered or not.
        if not any(found is one for entries in self._tree() for one in entries.values()):
            raise UnknownTypeError(self.explain_missing(name))
        return found

    def type_of(self, cfg: Any) -> type:
        """Return the class that the config of a part names.

        Raises:
            TypeError: ``cfg`` is no dict with a ``type``.
            UnknownTypeError: that type is not registered.
        """
        if not isinstance(cfg, dict) or "type" not in cfg:
            raise TypeError(
                f"a {self.name} part is a dict with a 'type', e.g. dict(type='Name'); got {cfg!r}"
            )
        return self.require(cfg["type"]) if isinstance(cfg["type"], str) else cfg["type"]

    def _tree(self) -> list[dict[str, type]]:
        """The entries of this registry, of mmengine's, and of every other scope under it."""
        root = self.root
        return [root.module_dict, *(child.module_dict for child in root.children.values())]

    def _names(self, scope: str | None) -> list[str]:
        if scope is None or scope == self.scope or scope not in self.root.children:
            return sorted(self.module_dict)
        return sorted(f"{scope}.{key}" for key in self.root.children[scope].module_dict)

    def explain_missing(self, name: str) -> str:
        """Say what could have been meant by ``name`` and what exists."""
        known = self._names(self.split_scope_key(name)[0])
        folded = {key.lower(): key for key in known}
        near = [folded[n] for n in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]
        parts = [f"no {self.name} part is called {name!r}."]
        if near:
            parts.append(f"Did you mean {' or '.join(repr(n) for n in near)}?")
        parts.append(f"Known: {', '.join(known) or 'none'}.")
        for plugin, cause in _failed_plugins.items():
            parts.append(f"Plugin {plugin} could not be loaded: {cause}")
        return " ".join(parts)

    def build(self, cfg: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Build what ``cfg['type']`` names from the other entries of ``cfg``."""
        self.type_of(cfg)
        return super().build(cfg, *args, **kwargs)


MODELS = Registry("model", parent=mm.MODELS, scope=SCOPE)
DATASETS = Registry("dataset", parent=mm.DATASETS, scope=SCOPE)
TRANSFORMS = Registry("transform", parent=mm.TRANSFORMS, scope=SCOPE)
METRICS = Registry("metric", parent=mm.METRICS, scope=SCOPE)
HOOKS = Registry("hook", parent=mm.HOOKS, scope=SCOPE)
LOOPS = Registry("loop", parent=mm.LOOPS, scope=SCOPE)
STAGES = Registry("stage", scope=SCOPE)
SEMANTICS = Registry("semantics", scope=SCOPE)
