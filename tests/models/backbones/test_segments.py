"""The base class of backbones over segments."""

import pytest
import torch
from torch import nn

from adabench.batching import pad_inputs
from adabench.models import SegmentBackbone
from adabench.models.backbones.segments import segment_spans
from adabench.registry import MODELS
from adabench.structures import FeatureSpec
from adabench.testing import check_plugin, example_batch


class Colours(SegmentBackbone):
    """A plugin's backbone as small as it gets: a linear map of a segment's mean colour."""

    def __init__(self, *, width=3, frozen=False):
        super().__init__()
        self.mix = nn.Linear(3, width)
        self.frozen = frozen
        self.seen = []

    @property
    def spec(self):
        return FeatureSpec(vector=self.mix.out_features, maps=(3,))

    def frozen_part(self):
        return self if self.frozen else None

    def encode(self, segments):
        self.seen.append(tuple(segments.valid.shape))
        maps = segments.frames.mean(1)
        return self.mix(maps.mean((-2, -1))), (maps,)


@pytest.fixture
def batch():
    """Clips of 3, 1 and 2 segments of 4 frames."""
    return example_batch(segment=4, size=8)[0]


def test_spans_run_from_the_first_real_frame_behind_the_last():
    index = torch.tensor([[[4, 5, 6, 7], [8, 9, 9, 9], [3, 7, 0, 0], [0, 0, 0, 0]]])
    real = torch.tensor([[[1] * 4, [1] * 4, [1, 1, 0, 0], [0] * 4]]).bool()
    assert segment_spans(index, real).tolist() == [[[4, 8], [8, 10], [3, 8], [0, 0]]]


def test_only_segments_with_a_real_frame_are_encoded_and_each_stands_at_its_place(batch):
    part = Colours()
    features = part(batch)
    assert part.seen == [(6, 4)]
    assert features.valid.tolist() == [[True] * 3, [True, False, False], [True, True, False]]
    for clip, count in enumerate((3, 1, 2)):
        for n in range(3):
            mean = batch.frames[clip, 4 * n : 4 * n + 4].mean(0) * (n < count)
            torch.testing.assert_close(features.maps[0][clip, n], mean)
            wanted = part.mix(mean.mean((-2, -1))) * (n < count)
            torch.testing.assert_close(features.vector[clip, n], wanted)
    assert features.span[2].tolist() == [[0, 7], [8, 15], [0, 0]]


def test_padding_changes_nothing(batch):
    part = Colours()
    features, longer = part(batch), part(pad_inputs(batch, 20, fill=9.0))
    assert torch.equal(longer.vector[:, :3], features.vector)
    assert not longer.vector[:, 3:].any()
    assert not longer.valid[:, 3:].any()


def test_its_own_cached_features_pass_through_and_a_trunks_do_not(batch):
    features = Colours()(batch)
    batch.features = features
    assert Colours(frozen=True)(batch) is features
    trunk = example_batch(segment=4, size=8)[0]
    trunk.features = features.map(lambda t: t.repeat_interleave(4, 1))
    assert Colours()(trunk) is not trunk.features


@pytest.mark.parametrize("length", [0, 5])
def test_inputs_without_whole_segments_are_refused(batch, length):
    batch.segment_length = length
    with pytest.raises(ValueError, match=rf"Colours .*12 frames .*segment_length={length}; .*Segm"):
        Colours()(batch)


def test_a_plugin_of_two_methods_keeps_the_contract(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "Colours", Colours)
    built = check_plugin({"backbone": {"type": "Colours"}})
    assert built.backbone.per_segment
