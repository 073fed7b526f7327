"""Several backbones side by side."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from adabench.models import Backbone, SignalSteps
from adabench.models.backbones.wrappers.concat import Concat
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs
from adabench.testing import SIGNAL_NAMES, check_plugin, example_batch

SMALL = {"type": "TimmFrames", "name": "resnet18"}
FRAMES = {**SMALL, "scales": 2, "options": {"channels": (8, 8, 16, 16), "stem_width": 8}}
# Its last map has stride 16.
FINER = {
    **SMALL,
    "scales": 2,
    "options": {"channels": (8, 8, 12, 12), "stem_width": 8, "output_stride": 16},
}
SIGNALS = {"type": "SignalSteps"}
READS = ("frames", "signals")


class Halved(Backbone):
    """Gives half as many steps as there are frames, and says nothing of it."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(3, 2)

    @property
    def spec(self):
        return FeatureSpec(vector=2)

    def forward(self, inputs):
        vector = self.mix(inputs.frames.mean((-2, -1)))[:, ::2]
        span = torch.stack([inputs.index, inputs.index + 1], -1)[:, ::2]
        return Features(vector=vector, valid=inputs.valid[:, ::2], span=span)


class Jealous(Halved):
    """Has a loss of its own."""

    def loss(self, inputs, output, truth, progress):
        return {"own": output.vector.mean()}


class Greedy(SignalSteps):
    """Takes any cached features for its own."""

    def forward(self, inputs):
        return inputs.features or super().forward(inputs)


@pytest.fixture(autouse=True)
def _parts(monkeypatch):
    for kind in (Halved, Jealous, Greedy):
        monkeypatch.setitem(MODELS.module_dict, kind.__name__, kind)


def build(*backbones):
    torch.manual_seed(0)
    return Concat(backbones=backbones, signals=SIGNAL_NAMES).eval()


def frozen(config):
    return {**config, "frozen": True}


@torch.no_grad()
def test_vectors_are_joined_in_order_and_maps_at_the_coarsest_size():
    part, inputs = build(FRAMES, FINER), example_batch()[0]
    found, (one, two) = part(inputs), [each(inputs) for each in part.inner]
    assert torch.equal(found.vector, torch.cat([one.vector, two.vector], -1))
    assert [m.shape[-1] for m in (*one.maps, *two.maps)] == [4, 2, 4, 4]
    assert torch.equal(found.maps[0], torch.cat([one.maps[0], two.maps[0]], 2))
    halved = F.avg_pool2d(two.maps[1].flatten(0, 1), 2).view(3, 7, 12, 2, 2)
    torch.testing.assert_close(found.maps[1], torch.cat([one.maps[1], halved], 2))
    assert part.spec == FeatureSpec(28, (28, 28))
    assert torch.equal(found.valid, inputs.valid)
    assert torch.equal(found.span, one.span)


@torch.no_grad()
def test_where_one_has_no_maps_there_are_none_and_all_that_is_read_is_named():
    part, inputs = build(FRAMES, SIGNALS), example_batch(reads=READS)[0]
    part.fit_signals(torch.full((6,), 0.5), torch.full((6,), 0.25))
    found = part(inputs)
    assert (part.spec, found.maps) == (FeatureSpec(22), ())
    assert part.reads == READS
    values = (inputs.signals.values - 0.5) / 0.25 * inputs.signals.mask
    torch.testing.assert_close(found.vector[..., 16:], values)


def test_other_steps_are_refused_with_both_names():
    clip = {"type": "C3DMaps", "width": 2}
    said = (
        r"\[0\] and \[2\] have different steps: TimmFrames's are single frames, C3DMaps's are segm"
    )
    with pytest.raises(ValueError, match=said):
        build(FRAMES, SIGNALS, clip)
    part = build(FRAMES, {"type": "Halved"})
    with pytest.raises(ValueError, match="TimmFrames gives 7 steps, Halved 4; all have to"):
        part(example_batch()[0])
    flow = {"type": "FlowFrames", "trunk": FRAMES}
    assert build(clip, flow).per_segment
    assert build(clip, flow).trial == (8, 64)


def test_what_can_not_be_joined_is_refused():
    with pytest.raises(ValueError, match=r"Concat\.backbones are two or more; got 1"):
        build(FRAMES)
    with pytest.raises(TypeError, match="KeepAll is no backbone"):
        build(FRAMES, {"type": "KeepAll"})
    with pytest.raises(ValueError, match=r"Concat\.backbones\[1\]: Jealous has a loss or a memory"):
        build(FRAMES, {"type": "Jealous"})


@torch.no_grad()
def test_the_one_that_reads_frames_may_be_cached():
    part = build({"type": "Greedy", "signals": SIGNAL_NAMES}, frozen(FRAMES))
    inputs = example_batch(reads=READS)[0]
    trunk = part.inner[1]
    assert part.frozen_part() is trunk
    expected = part(inputs)
    inputs.features, inputs.frames = trunk(inputs), None
    assert torch.equal(part(inputs).vector, expected.vector)
    assert build(SIGNALS, FRAMES).frozen_part() is None


@torch.no_grad()
def test_of_several_that_read_frames_the_whole_may_be_if_all_are_frozen():
    part, inputs = build(frozen(FRAMES), frozen(FINER)), example_batch()[0]
    assert part.frozen_part() is part
    features = part(inputs)
    given = Inputs(valid=inputs.valid, index=inputs.index, features=features)
    assert part(given) is features
    assert build(frozen(FRAMES), FINER).frozen_part() is None
    assert build(frozen(FRAMES), frozen(FINER), SIGNALS).frozen_part() is None


def test_signals_are_told_what_the_builder_passes():
    part = build(FRAMES, {**SIGNALS, "columns": ["pose_Rx"]})
    assert isinstance(part.inner[1], SignalSteps)
    assert part.spec.vector == 17


def test_the_contract_is_kept():
    check_plugin({"backbone": {"type": Concat, "backbones": [FRAMES, SIGNALS]}})
