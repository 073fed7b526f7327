"""The training section: what is refused, and which of its fields decide a result."""

import json

import pytest
from config_texts import CONFIG

from adabench.config.experiment import Experiment
from adabench.config.fields.training import Training
from adabench.config.reading.load import load_config

LATER = {
    "accumulate": 2,
    "patience": 3,
    "sampler": "level",
    "scheduler": [{"type": "StepLR", "step_size": 2}],
    "groups": {"backbone": {"lr_mult": 0.1}},
}
DEFAULTS = {
    "accumulate": 1,
    "patience": 0,
    "sampler": "random",
    "scheduler": None,
    "groups": {},
    "log": [],
}


def training(**options):
    optimiser = {"type": "AdamW", "lr": 0.1}
    return Training.model_validate(
        {"epochs": 4, "batch_size": 2, "optimiser": optimiser, **options}
    )


def experiment(**sections):
    content = {
        "name": "mine",
        "method": {"name": "Mine", "backbone": {"type": "TimmFrames"}},
        "track": "demo",
        "training": training().model_dump(),
        **sections,
    }
    return Experiment.model_validate(content)


def with_training(**options):
    return experiment(training={**training().model_dump(), **options})


def test_a_default_that_is_written_out_is_no_other_run():
    assert with_training(**DEFAULTS).hash() == experiment().hash()
    assert not set(DEFAULTS) & set(training(**DEFAULTS).model_dump())


@pytest.mark.parametrize("name", LATER)
def test_what_changes_a_training_changes_its_hash_and_is_stored(name):
    changed = with_training(**{name: LATER[name]})
    assert changed.hash() != experiment().hash()
    again = Experiment.model_validate(json.loads(json.dumps(changed.told())))
    assert getattr(again.training, name) == getattr(changed.training, name)
    assert again.hash() == changed.hash()


def test_where_numbers_are_sent_decides_nothing():
    assert with_training(log=["wandb", "mlflow"]).hash() == experiment().hash()
    plain = {"type": "MethodTraining", "training": {"epochs": 1}}
    logged = {"type": "MethodTraining", "training": {"epochs": 1, "log": ["wandb"]}}
    hashes = {experiment(stages={"encoder": stage}).hash() for stage in (plain, logged)}
    assert len(hashes) == 1


def test_hooks_are_part_of_the_hash_where_there_are_any():
    none, one = experiment(hooks=()), experiment(hooks=[{"type": "EMAHook"}])
    assert none.hash() == experiment().hash() != one.hash()
    assert "hooks" not in none.told()
    assert Experiment.model_validate(one.told()).hash() == one.hash()


def test_hooks_of_a_method_that_does_not_train_are_refused():
    with pytest.raises(ValueError, match="has no training section"):
        experiment(hooks=[{"type": "EMAHook"}], training=None)


def test_one_scheduler_or_logger_is_a_list_of_one():
    one = training(scheduler={"type": "StepLR", "step_size": 2}, log="wandb")
    assert one == training(scheduler=[{"type": "StepLR", "step_size": 2}], log=["wandb"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"log": ["tensorbord"]}, "no logger is called 'tensorbord'. Did you mean 'tensorboard'?"),
        ({"sampler": "levels"}, "'random' or 'level'"),
        ({"accumulate": 0}, "accumulate"),
        ({"patience": -1}, "patience"),
        ({"scheduler": []}, "at least 1"),
        ({"scheduler": {"step_size": 2}}, "type: expected an mmengine scheduler's name"),
        ({"scheduler": {"type": "os.system"}}, "type: expected an mmengine scheduler's name"),
        ({"scheduler": {"type": "StepLR", "optimizer": {"type": "x"}}}, "optimizer: expected"),
        (
            {"scheduler": {"type": "StepLR", "_scope_": "x"}},
            "'_scope_' is no option of a scheduler",
        ),
        ({"groups": {"backbone": {"lr_mul": 0.1}}}, "lr_mul"),
        ({"groups": {"backbone": {"lr_mult": -1}}}, "greater than or equal to 0"),
    ],
)
def test_what_is_refused_as_it_is_read(options, told):
    with pytest.raises(ValueError, match="for Training") as error:
        training(**options)
    assert told in str(error.value)


def test_a_config_s_hooks_are_names_of_registered_ones(write):
    path = write(CONFIG + '\nhooks = [dict(type="os.system")]\n')
    with pytest.raises(ValueError, match=r"hooks\[0\].type: expected the name") as error:
        load_config(path)
    assert str(path) in str(error.value)
    path = write(CONFIG + '\nhooks = [dict(type="EMAHook", momentum=0.1)]\n')
    assert load_config(path).hooks == ({"type": "EMAHook", "momentum": 0.1},)
