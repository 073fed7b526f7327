"""Backbones over signals."""

import pytest
import torch
from torch import nn

from adabench.models import Frozen, SegmentBackbone, SignalBackbone, SignalSteps
from adabench.registry import MODELS
from adabench.structures import FeatureSpec, Inputs, Signals
from adabench.testing import check_plugin

NAMES = ("AU01_r", "AU12_r", "pose_Tz")


def inputs():
    mask = torch.ones(2, 4, 3, dtype=torch.bool)
    mask[0, 1, 2] = False
    valid = torch.ones(2, 4, dtype=torch.bool)
    valid[1, 3] = False
    values = torch.arange(24.0).view(2, 4, 3) * mask
    return Inputs(
        valid=valid,
        index=torch.arange(4).expand(2, 4).contiguous(),
        signals=Signals(values, mask & valid[..., None], NAMES),
    )


def test_a_step_is_a_frame_s_standardised_signals():
    part = SignalSteps(signals=NAMES)
    part.fit_signals(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 0.0]))
    given = inputs()
    found = part(given)
    assert part.spec == FeatureSpec(vector=3)
    assert found.vector[0, 0].tolist() == [-0.5, -0.25, -1.0]
    assert found.vector[0, 1].tolist() == [1.0, 0.5, 0.0]
    assert not found.vector[1, 3].any()
    assert torch.equal(found.valid, given.valid)
    assert found.span[0].tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]


def test_some_columns_in_an_order_of_their_own():
    part = SignalSteps(signals=NAMES, columns=["pose_Tz", "AU01_r"])
    assert part.spec.vector == 2
    assert torch.equal(
        part(inputs()).vector, SignalSteps(signals=NAMES)(inputs()).vector[..., [2, 0]]
    )


def test_the_scale_travels_with_the_weights():
    first, other = SignalSteps(signals=NAMES), SignalSteps(signals=NAMES)
    first.fit_signals(torch.ones(3), torch.full((3,), 2.0))
    other.load_state_dict(first.state_dict())
    assert torch.equal(other(inputs()).vector, first(inputs()).vector)


def test_a_frozen_one_keeps_its_scale():
    frozen = Frozen(backbone={"type": "SignalSteps"}, signals=NAMES)
    before = frozen(inputs()).vector
    frozen.fit_signals(torch.ones(3), torch.full((3,), 2.0))
    assert torch.equal(frozen(inputs()).vector, before)
    assert frozen.reads == ("signals",)


def test_it_keeps_the_contract():
    check_plugin({"backbone": {"type": "SignalSteps"}})
    check_plugin({"backbone": {"type": "SignalSteps", "columns": ["AU01_r", "pose_Rx"]}})


class SegmentStates(SignalBackbone, SegmentBackbone):
    """The last state of a GRU over each segment's signals."""

    def __init__(self, *, signals):
        super().__init__(signals=signals)
        self.net = nn.GRU(len(self.names), 8, batch_first=True)

    @property
    def spec(self):
        return FeatureSpec(vector=8)

    def encode(self, segments):
        states, _ = self.net(self.standardised(segments)[0])
        last = segments.valid.sum(-1) - 1
        return states[torch.arange(len(last)), last], ()


def test_one_over_segments_keeps_the_contract():
    MODELS.register_module(module=SegmentStates)
    try:
        check_plugin({"backbone": {"type": "SegmentStates"}})
    finally:
        MODELS.module_dict.pop("SegmentStates")


def test_what_cannot_be_built_or_read():
    with pytest.raises(ValueError, match="signals is missing: SignalSteps reads signals"):
        SignalSteps(signals=())
    with pytest.raises(ValueError, match=r"no signal is called 'pose_Tx'\. Did you mean 'pose_Tz'"):
        SignalSteps(signals=NAMES, columns=["pose_Tx"])
    part = SignalSteps(signals=("AU01_r", "AU12_r", "AU45_r"))
    with pytest.raises(ValueError, match="was built for the signals AU01_r, AU12_r, AU45_r"):
        part(inputs())
    with pytest.raises(ValueError, match="reads signals, and the batch holds none"):
        part(Inputs(valid=inputs().valid, index=inputs().index))


def test_a_base_class_without_more_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        SignalBackbone(signals=NAMES)
