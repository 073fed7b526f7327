import pytest

import adabench.models
from adabench.registry import (
    HOOKS,
    MODELS,
    UnknownTypeError,
    forget_failed_plugins,
    note_failed_plugin,
)


@pytest.fixture
def failed_plugin():
    note_failed_plugin("adabench_plugins.broken", "ImportError: no module named 'gone'")
    yield
    forget_failed_plugins()


def test_a_typo_gets_a_suggestion_and_the_list():
    with pytest.raises(UnknownTypeError) as caught:
        MODELS.require("UnitRegresor")
    message = str(caught.value)
    assert "no model part is called 'UnitRegresor'" in message
    # Plugins that are loaded beside may hold a name that is near, too.
    assert "Did you mean 'UnitRegressor'" in message
    for name in ("Assessor", "Identity", "KeepAll", "TimmFrames", "UnitRegressor"):
        assert name in message


def test_a_wrong_case_gets_a_suggestion():
    with pytest.raises(UnknownTypeError, match="Did you mean 'KeepAll'"):
        MODELS.require("keepall")


def test_nothing_near_gets_no_suggestion():
    with pytest.raises(UnknownTypeError) as caught:
        MODELS.require("zzzzqqqq")
    assert "Did you mean" not in str(caught.value)


def test_build_refuses_an_unknown_type_the_same_way():
    with pytest.raises(UnknownTypeError, match="Did you mean 'Identity'"):
        MODELS.build({"type": "Identty"})


@pytest.mark.parametrize("cfg", [{}, {"name": "Identity"}, "Identity", None])
def test_a_config_without_type_is_explained(cfg):
    with pytest.raises(TypeError, match="a model part is a dict with a 'type'"):
        MODELS.build(cfg)


@pytest.mark.usefixtures("failed_plugin")
def test_a_failed_plugin_is_named_where_a_look_up_fails():
    with pytest.raises(UnknownTypeError, match="broken could not be loaded: ImportError: no mod"):
        MODELS.require("ItsSelector")
    assert MODELS.require("KeepAll") is adabench.models.KeepAll


def test_failed_plugins_are_forgotten():
    note_failed_plugin("gone", "reason")
    forget_failed_plugins()
    assert "gone" not in MODELS.explain_missing("Nothing")


def test_parts_are_found_with_and_without_scope():
    assert MODELS.require("Identity") is adabench.models.Identity
    assert MODELS.require("adabench.Identity") is adabench.models.Identity


@pytest.mark.filterwarnings("ignore:Fail to import:UserWarning")
@pytest.mark.parametrize("name", ["X3D", "C3D"])
def test_mmaction_parts_are_found_by_scope(name):
    assert MODELS.require(f"mmaction.{name}").__module__.startswith("mmaction.models.backbones")


@pytest.mark.filterwarnings("ignore:Fail to import:UserWarning")
def test_an_mmaction_part_is_built_by_scope():
    import torch

    built = MODELS.build(
        {"type": "mmaction.X3D", "gamma_w": 1.0, "gamma_b": 1.0, "gamma_d": 1.0, "se_ratio": None}
    )
    built.eval()
    with torch.no_grad():
        assert built(torch.rand(1, 3, 4, 32, 32)).shape[:2] == (1, 192)


@pytest.mark.filterwarnings("ignore:Fail to import:UserWarning")
def test_a_typo_within_a_scope_is_compared_with_that_scope():
    with pytest.raises(UnknownTypeError, match=r"Did you mean .*'mmaction\.X3D'"):
        MODELS.require("mmaction.X3DD")


def test_an_mmengine_part_is_built_by_scope():
    built = MODELS.build({"type": "mmengine.ImgDataPreprocessor"})
    assert type(built).__module__.startswith("mmengine.")
    assert HOOKS.require("CheckpointHook").__module__.startswith("mmengine.")


def test_a_hook_s_look_up_tells_of_mmengine_s_own():
    with pytest.raises(UnknownTypeError, match=r"Did you mean 'EMAHook'.*Known: .*IterTimerHook"):
        HOOKS.require("EMAHok")


@pytest.mark.parametrize("name", ["os.system", "json", "subprocess.Popen"])
def test_python_objects_that_nobody_registered_are_refused(name):
    with pytest.raises(UnknownTypeError, match="no model part"):
        MODELS.require(name)


def test_duplicate_registration_names_the_holder():
    with pytest.raises(
        KeyError, match=r"Identity is already registered.*adabench\.models\.aggregators\.identity"
    ):
        MODELS.register_module("Identity", module=type("Identity", (), {}))
