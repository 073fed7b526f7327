import json

import pytest
import torch

from adabench.models import Assessor
from adabench.profiling.step import innermost_backbone, profile_step


def test_profile_of_a_small_step_adds_up_and_leaves_the_model_as_it_was(build):
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    profile = profile_step(model, clips=2, frames=2, size=64, repeats=1)
    assert profile.step > profile.parts["backward"] > 0
    assert profile.parts["forward: trunk"] > 0
    assert profile.parts["update"] > 0
    assert sum(profile.parts.values()) == pytest.approx(profile.step, rel=0.05)
    assert profile.ratio == pytest.approx(profile.step / profile.trunk)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_profile_is_plain_data_and_prints_every_part(build):
    profile = profile_step(build(), clips=1, frames=1, size=64, repeats=1)
    assert json.loads(json.dumps(profile.as_dict()))["frames"] == 1
    text = profile.format()
    for name in ("trunk alone", "whole step", *profile.parts):
        assert name in text


def test_the_trunk_is_the_innermost_backbone(build):
    model = build()
    assert innermost_backbone(model.backbone) is model.backbone.trunk
    assert innermost_backbone(model.backbone.trunk) is model.backbone.trunk


def test_what_cannot_be_profiled_is_refused(build):
    model = build()
    with pytest.raises(ValueError, match="repeats"):
        profile_step(model, repeats=0)


def test_a_method_over_signals_is_profiled():
    parts = {"backbone": "SignalSteps", "aggregator": "Identity", "selector": "KeepAll"}
    parts = {role: {"type": name} for role, name in parts.items()}
    model = Assessor(**parts, head={"type": "UnitRegressor"}, signals=("AU01_r", "AU12_r"))
    profile = profile_step(model, clips=2, frames=4, size=16, repeats=1)
    # A step of so little takes no longer than its parts' jitter.
    assert profile.step > 0
    assert profile.trunk > 0
