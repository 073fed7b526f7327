"""Hooks that a config names: built, run in training, told by their place where they fail."""

import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from plugin_texts import forget, write
from toy_training import EPOCHS, STEPS, equal, run, stop, weights

from adabench.config.experiment import Experiment
from adabench.config.fields.training import LOGGERS, Training
from adabench.engine.files import checkpoints
from adabench.engine.training.foreign_hooks import HookError, build_hooks
from adabench.plugins import load_plugins
from adabench.registry import HOOKS, UnknownTypeError

PAGE = (Path(__file__).parents[3] / "docs" / "training.md").read_text()

COUNT = """
from mmengine.hooks import Hook
from adabench.registry import HOOKS

@HOOKS.register_module()
class ZzCount(Hook):
    def __init__(self, fails_after=99):
        self.steps = 0
        self.fails_after = fails_after

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.steps += 1
        if self.steps > self.fails_after:
            raise ZeroDivisionError("I counted too far")
"""


@pytest.fixture
def plugin(tmp_path):
    """A plugin's hook, from a file of its own."""
    before = set(sys.modules)
    path = write(tmp_path / "mine" / "zz_count.py", COUNT)
    load_plugins([path.parent])
    yield path
    forget(before)
    load_plugins()


def test_a_plugin_s_hook_runs_in_training(plugin, tmp_path):
    (hook,) = build_hooks([{"type": "ZzCount"}])
    run(tmp_path / "run", hooks=[hook])
    assert hook.steps == EPOCHS * STEPS
    assert isinstance(hook, HOOKS.require("ZzCount"))


def test_the_example_of_the_page_works(tmp_path, capsys):
    before = set(sys.modules)
    write(tmp_path / "mine" / "zz_page.py", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    load_plugins([tmp_path / "mine"])
    run(tmp_path / "run", hooks=build_hooks([{"type": "TellLoss", "above": 0.0}]))
    assert len(re.findall(r"epoch \d, step \d: loss \d\.\d\d\n", capsys.readouterr().out)) == 12
    forget(before)
    load_plugins()


def test_the_page_tells_of_each_field():
    assert [name for name in Training.model_fields if f"`{name}`" not in PAGE] == []
    assert [name for name in LOGGERS if f"`{name}`" not in PAGE] == []


def test_its_code_is_part_of_the_hash(plugin):
    method = {"name": "Mine", "type": "EstimatorMethod"}
    plain = Experiment(name="mine", method=method, track="demo")
    hooked = plain.model_copy(update={"hooks": ({"type": "ZzCount"},)}).with_code()
    assert list(hooked.code) == ["ZzCount"]
    edited = hooked.model_copy(update={"code": {"ZzCount": "0" * 64}})
    assert len({plain.with_code().hash(), hooked.hash(), edited.hash()}) == 3


def test_one_that_fails_is_told_with_its_place(plugin, tmp_path):
    configs = [{"type": "EMAHook"}, {"type": "ZzCount", "fails_after": STEPS}]
    line = 1 + next(
        n for n, text in enumerate(plugin.read_text().splitlines()) if "too far" in text
    )
    with pytest.raises(HookError) as error:
        run(tmp_path / "run", hooks=build_hooks(configs))
    told = str(error.value)
    assert told.startswith("hooks[1] (ZzCount) failed in after_train_iter, epoch 2, at ")
    assert f"{plugin}:{line}: ZeroDivisionError: I counted too far. Mend it" in told
    assert isinstance(error.value.__cause__, ZeroDivisionError)
    assert checkpoints.identity_of(tmp_path / "run" / checkpoints.LAST)["best"]["epoch"] == 1


def test_an_interrupt_in_a_hook_is_none_of_its_faults(tmp_path):
    class Stop(Hook):
        def before_train_epoch(self, runner):
            stop()

    HOOKS.register_module("ZzStop", module=Stop, force=True)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, hooks=build_hooks([{"type": "ZzStop"}]))
    finally:
        HOOKS.module_dict.pop("ZzStop")


def test_one_of_mmengine_s_survives_a_cut(tmp_path):
    """Averaged weights are what is validated and kept; the plain ones are what goes on."""

    def hooks():
        return build_hooks([{"type": "EMAHook", "momentum": 0.2}])

    run(tmp_path / "plain")
    run(tmp_path / "uncut", hooks=hooks())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", hooks=hooks(), at={7: stop})
    run(tmp_path / "cut", hooks=hooks(), resume=True)
    for name in (checkpoints.LAST, checkpoints.BEST):
        assert equal(weights(tmp_path / "cut" / name), weights(tmp_path / "uncut" / name))
    last = torch.load(tmp_path / "uncut" / checkpoints.LAST, weights_only=True)
    trained = {k: v for k, v in last["ema_state_dict"].items() if k != "steps"}
    plain = weights(tmp_path / "plain" / checkpoints.LAST)
    assert equal({k.removeprefix("module."): v for k, v in trained.items()}, plain)
    assert not equal(last["state_dict"], plain)


def test_its_priority_may_be_the_config_s(plugin):
    assert build_hooks([{"type": "ZzCount", "priority": "LOWEST"}])[0].priority == "LOWEST"
    assert build_hooks([{"type": "ZzCount"}])[0].priority == "NORMAL"


@pytest.mark.parametrize(
    ("config", "kind", "told"),
    [
        (
            {"type": "EMAHok"},
            UnknownTypeError,
            "no hook part is called 'EMAHok'. Did you mean 'EMAHook'",
        ),
        ({"type": "EarlyStoppingHook", "monitr": "a"}, ValueError, "hooks[1] (EarlyStoppingHook, "),
        ({"type": "EMAHook", "priority": "SOON"}, ValueError, "hooks[1] (EMAHook, "),
        ({"type": "ZzNone"}, ValueError, "is no subclass of mmengine's Hook"),
    ],
)
def test_what_can_not_be_built_is_refused(config, kind, told):
    HOOKS.register_module("ZzNone", module=type("ZzNone", (), {}), force=True)
    try:
        with pytest.raises(kind) as error:
            build_hooks([{"type": "IterTimerHook"}, config])
    finally:
        HOOKS.module_dict.pop("ZzNone")
    assert told in str(error.value)
