"""adabench's registries: children of mmengine's, scope ``adabench``.

``MODELS`` builds the parts of a method by name, mmengine's own parts and, by scope, those of other
OpenMMLab packages (``mmaction.X3D``).
"""

from __future__ import annotations

import difflib
from typing import Any

from mmengine import registry as mm

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

    def require(self, name: str) -> type:
        """Return the class registered as ``name``.

        Raises:
            UnknownTypeError: with the nearest names, all that exist, and plugins that failed to load.
        """
        found = self.get(name)
        if found is None:
            raise UnknownTypeError(self.explain_missing(name))
        return found

    def explain_missing(self, name: str) -> str:
        """Say what could have been meant by ``name`` and what exists."""
        known = sorted(self.module_dict)
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
        if not isinstance(cfg, dict) or "type" not in cfg:
            raise TypeError(
                f"a {self.name} part is a dict with a 'type', e.g. dict(type='Name', …); got {cfg!r}"
            )
        if isinstance(cfg["type"], str):
            self.require(cfg["type"])
        return super().build(cfg, *args, **kwargs)


MODELS = Registry("model", parent=mm.MODELS, scope=SCOPE)
DATASETS = Registry("dataset", parent=mm.DATASETS, scope=SCOPE)
TRANSFORMS = Registry("transform", parent=mm.TRANSFORMS, scope=SCOPE)
METRICS = Registry("metric", parent=mm.METRICS, scope=SCOPE)
HOOKS = Registry("hook", parent=mm.HOOKS, scope=SCOPE)
LOOPS = Registry("loop", parent=mm.LOOPS, scope=SCOPE)
STAGES = Registry("stage", scope=SCOPE)
SEMANTICS = Registry("semantics", scope=SCOPE)
