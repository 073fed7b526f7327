"""Sections of a config that only a network has a use for, in an estimator's."""

import pytest

from adabench.config.experiment import Experiment
from adabench.config.reading.load import load_config

CONFIG = """
track = "avec14"
method = dict(name="Mean", type="EstimatorMethod", estimator=dict(type="DummyRegressor"))
training = dict(epochs=4, batch_size=2, optimiser=dict(type="AdamW", lr=0.1), patience=2)
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mean.py"
    path.write_text(CONFIG)
    return path


def test_a_schedule_that_configs_share_is_taken(path):
    assert load_config(path).training.patience == 2


@pytest.mark.parametrize(
    ("override", "match"),
    [
        (
            "hooks=[{'type': 'EMAHook', 'momentum': 0.1}]",
            "EstimatorMethod has no epochs: leave them out",
        ),
        ("semantics.type=StandInSemantics", "semantics are read by networks"),
        ("training.sampler=level", r"training\.sampler is for networks"),
        ("training.groups.head.lr_mult=0.1", r"training\.groups is for networks"),
        ("training.log=tensorboard", r"training\.log is for networks"),
    ],
)
def test_what_would_be_of_no_effect_is_refused(path, override, match):
    with pytest.raises(ValueError, match=match) as found:
        load_config(path, overrides=[override])
    assert str(found.value).startswith(f"{path}: ")


def test_semantics_may_be_a_stage_s(path):
    stages = {"encoder": {"type": "MethodTraining"}}
    content = load_config(path).model_dump(by_alias=True)
    semantics = {"type": "StandInSemantics"}
    Experiment.model_validate({**content, "semantics": semantics, "stages": stages})
