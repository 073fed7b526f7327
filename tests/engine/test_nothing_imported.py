"""A record's config, or any other, has nothing imported that is not registered."""

import copy
import json
import sys
from pathlib import Path

import pytest
from plugin_texts import write
from toy_training import Toy, schedule

from adabench.config.experiment import Experiment, Training
from adabench.config.reading.load import load_config
from adabench.engine.building import preflight
from adabench.engine.training.fit import fit
from adabench.engine.training.optimisation import check_training
from adabench.plugins import load_plugins
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS, UnknownTypeError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.py"))
DOTTED = (
    "zz_planted.run",
    "zz_planted.deep.run",
    "os.system",
    "..",
    ".",
    "",
    "mmengine.runner.Runner",
)
ODD = ("mmengine.", ".KeepAll", "zz_planted:run", "adabench.models.KeepAll", "KeepAll\n", 3, ["x"])


@pytest.fixture(autouse=True)
def planted(tmp_path, monkeypatch):
    """A module, and a package with a registry, that tell when somebody imports them."""
    text = f"open({str(tmp_path / 'imported')!r}, 'w')\ndef run(**_): pass\n"
    write(tmp_path / "zz_planted" / "__init__.py", text)
    write(tmp_path / "zz_planted" / "registry.py", "")
    write(tmp_path / "zz_planted" / "deep.py", "def run(**_): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_plugins()
    yield
    sys.modules.pop("zz_planted", None)
    assert not (tmp_path / "imported").exists()


def places(value, where=()):
    """Yield the path of every dictionary in a config, also within lists."""
    if isinstance(value, dict):
        yield where
        for key, item in value.items():
            yield from places(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*where, index))


def changed(content, where, key, value):
    found = copy.deepcopy(content)
    inner = found
    for step in where:
        inner = inner[step]
    inner[key] = value
    return found


def resolved(path):
    return json.loads(load_config(path, demo=True).model_dump_json(by_alias=True))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_no_dictionary_of_a_config_takes_a_path(path):
    content = resolved(path)
    # Names of parts with their versions, numbers all, are looked up by nobody.
    found = [where for where in places(content) if where != ("versions",)]
    assert len(found) > 5
    for where in found:
        for name in (*DOTTED, *ODD):
            with pytest.raises(ValueError, match="type"):
                Experiment.model_validate(changed(content, where, "type", name))
        with pytest.raises(ValueError, match="_scope_"):
            Experiment.model_validate(changed(content, where, "_scope_", "zz_planted"))
        # A dictionary that is not there yet is no other than one that is.
        if where and where[0] in ("method", "stages", "views", "semantics", "training", "data"):
            inner = changed(content, where, "log_processor", [{"a": {"type": "zz_planted.run"}}])
            with pytest.raises(ValueError):  # noqa: PT011 - which field says so depends on the place
                Experiment.model_validate(inner)


@pytest.mark.parametrize("name", ["zz_planted", "antigravity", "json"])
def test_a_module_s_name_is_refused_before_anything_long(name):
    content = resolved(ROOT / "configs" / "depmap_r18_avec14.py")
    tried = [p for p in places(content) if p and p[0] in ("method", "stages", "views", "training")]
    for where in (*tried, ("semantics",)):
        if content.get("semantics") is None and where == ("semantics",):
            continue
        wrong = changed(content, where, "type", name)
        before = name in sys.modules
        with pytest.raises((ValueError, TypeError, LookupError)):
            preflight(Experiment.model_validate(wrong))
        assert (name in sys.modules) == before


@pytest.mark.parametrize("registry", [MODELS, STAGES, SEMANTICS, TRANSFORMS], ids=lambda r: r.name)
def test_a_registry_looks_in_dictionaries_only(registry):
    for name in (*DOTTED, "zz_planted", "zz_planted.registry", "mmdet.Nothing"):
        with pytest.raises(UnknownTypeError):
            registry.require(name)
        with pytest.raises(UnknownTypeError):
            registry.build({"type": name})
    with pytest.raises(ValueError, match="_scope_"):
        MODELS.build({"type": "Identity", "_scope_": "zz_planted"})
    with pytest.raises(TypeError, match="name"):
        MODELS.build({"type": print})


@pytest.mark.filterwarnings("ignore:Fail to import:UserWarning")
@pytest.mark.parametrize("name", ["zz_planted", "zz_planted.run", "antigravity", "NoSuchNorm"])
def test_nor_does_a_part_of_another_package_import_what_is_within(name):
    part = {"type": "mmaction.ResNet3d", "depth": 18, "norm_cfg": {"type": name}}
    with pytest.raises(UnknownTypeError, match=r"norm_cfg: no model part"):
        MODELS.build(part)


@pytest.mark.parametrize(
    ("optimiser", "told"),
    [
        ({"type": "AdmW", "lr": 1.0}, r"no optimiser is called 'AdmW'. Did you mean 'AdamW'"),
        ({"type": "zz_planted", "lr": 1.0}, "no optimiser is called 'zz_planted'"),
        ({"type": "OptimWrapper", "lr": 1.0}, "no optimiser"),
    ],
)
def test_an_optimiser_is_one_of_torch_s(optimiser, told, tmp_path):
    wrong = schedule(optimiser=optimiser)
    with pytest.raises(ValueError, match=told):
        check_training(wrong)
    with pytest.raises(ValueError, match=told):
        fit(Toy(), None, None, training=wrong, folder=tmp_path, identity={})


@pytest.mark.parametrize(
    "optimiser",
    [
        {"lr": 1.0},
        {"type": "torch.optim.SGD", "lr": 1.0},
        {"type": "AdamW", "lr": "abc"},
        {"type": "AdamW", "lr": {"type": "x"}},
        {"type": "AdamW", "betas": [0.9, {"type": "x"}]},
        {"type": "AdamW", "lr": 1.0, "_scope_": "zz_planted"},
        {"type": "AdamW", "lr": 1.0, "log_processor": {"type": "os.system", "command": "x"}},
    ],
)
def test_an_optimiser_s_options_are_plain(optimiser):
    with pytest.raises(ValueError, match="optimiser"):
        Training.model_validate({"epochs": 1, "batch_size": 1, "optimiser": optimiser})
