"""Plugins: finds and imports them, so that what they register can be named in a config, and tells
what code a part comes from.

They are looked for in three places: the installed package ``adabench_plugins`` (the repository's
``plugins/`` folder), the entry points of group ``adabench.plugins``, and folders of the user's own.
One that can't be imported is reported, and takes nothing else down. This package imports no torch;
what it loads does.
"""

from __future__ import annotations

from adabench import registry
from adabench.plugins.find import any_outside
from adabench.plugins.load import FailedPlugin, PluginReport, load_plugins

__all__ = ["BUILT_IN", "FailedPlugin", "PluginReport", "any_outside", "load_plugins"]

#: The modules that register the repository's own parts: a room that has some adds its line here.
BUILT_IN = {
    registry.MODELS: ("adabench.models",),
    registry.TRANSFORMS: (
        "adabench.data.views",
        "adabench.data.augment",
        "adabench.data.signal_augment",
    ),
    registry.STAGES: (
        "adabench.engine.stages.pretrain",
        "adabench.engine.stages.clip_pretrain",
        "adabench.engine.stages.method",
    ),
    registry.SEMANTICS: ("adabench.models.semantics",),
    registry.SIGNALS: ("adabench.models.signals",),
    registry.CORPORA: ("adabench.data.corpora",),
    registry.METRICS: ("adabench.evaluation.within_points", "adabench.evaluation.classes"),
    registry.CALIBRATORS: ("adabench.evaluation.conformal",),
}
for _registry, _modules in BUILT_IN.items():
    _registry.filled_by(*_modules)
