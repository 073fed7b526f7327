"""What parts take, read from source: the same as the classes say."""

import subprocess
import sys

from adabench.plugins import load_plugins, signatures
from adabench.plugins.signatures import (
    raised_versions,
    signatures_in_source,
    signatures_of_loaded,
)
from adabench.registry import CORPORA, METRICS, MODELS, SEMANTICS, STAGES, TRANSFORMS


def test_the_source_says_what_the_classes_say():
    load_plugins()
    for registry in (CORPORA, METRICS, MODELS, SEMANTICS, STAGES, TRANSFORMS):
        registry.import_from_location()
    own = {
        registry: {name: takes for name, takes in parts.items() if _is_ours(registry, name)}
        for registry, parts in signatures_of_loaded().items()
    }
    assert signatures_in_source() == own
    assert {"Assessor", "PrototypeMAP", "DFS", "EstimatorMethod"} <= set(own["MODELS"])


def _is_ours(registry, name):
    # What a test registered is no part of the repository.
    import adabench.registry as registries

    module = getattr(registries, registry).module_dict[name].__module__
    return module.startswith(("adabench.", "adabench_plugins."))


def test_a_plugins_part_is_asked_itself(monkeypatch):
    class Mine:
        def __init__(self, *, units, keep=0.5, **rest):
            pass

    monkeypatch.setitem(MODELS.module_dict, "Mine", Mine)
    takes = signatures_of_loaded()["MODELS"]["Mine"]
    assert (takes.names, takes.is_open) == ({"units", "keep"}, True)


def test_a_raised_version_is_read_from_source(tmp_path, monkeypatch):
    (tmp_path / "parts.py").write_text(
        "@MODELS.register_module()\nclass First:\n    version: ClassVar[int] = 1\n"
        "@MODELS.register_module('third')\nclass Third:\n    version: ClassVar[int] = 3\n"
        "@TRANSFORMS.register_module()\nclass Second:\n    version = 2\n"
        "class Unregistered:\n    version = 4\n"
    )
    monkeypatch.setattr(signatures, "_files", lambda: iter([tmp_path / "parts.py"]))
    assert raised_versions.__wrapped__() == {"third": 3, "Second": 2}


def test_versions_in_source_are_those_of_the_classes():
    load_plugins()
    every = {**MODELS.module_dict, **TRANSFORMS.module_dict, **STAGES.module_dict}
    raised = {
        name: kind.version
        for name, kind in every.items()
        # What had been raised before hashes held versions counts from there.
        if getattr(kind, "version", 1) > (2 if name == "ExpressionPretrain" else 1)
        and kind.__module__.startswith(("adabench.", "adabench_plugins."))
    }
    assert {k: v for k, v in raised_versions().items() if k in every} == raised


def test_nothing_is_imported_for_it():
    code = (
        "import sys; from adabench.plugins.signatures import signatures_in_source; "
        "signatures_in_source(); print('torch' in sys.modules, 'adabench.models' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
