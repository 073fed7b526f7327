import pytest
import torch

from adabench.structures import Features, Inputs, Semantics, Signals, Units


def features() -> Features:
    return Features(
        vector=torch.rand(2, 3, 4, requires_grad=True) * 1,
        valid=torch.ones(2, 3, dtype=torch.bool),
        span=torch.zeros(2, 3, 2, dtype=torch.long),
        maps=(torch.rand(2, 3, 5, 4, 4), torch.rand(2, 3, 6, 2, 2)),
        extra={"q": torch.rand(2, 3)},
    )


def test_map_reaches_every_tensor_of_nested_records():
    units = Units(
        x=torch.rand(2, 3, 4),
        valid=torch.ones(2, 3, dtype=torch.bool),
        span=torch.zeros(2, 3, 2, dtype=torch.long),
        scale=torch.ones(3, dtype=torch.long),
        features=features(),
    )
    seen = []
    units.map(lambda t: seen.append(tuple(t.shape)) or t)
    own = [(2, 3, 4), (2, 3), (2, 3, 2), (3,)]
    nested = [(2, 3, 4), (2, 3), (2, 3, 2), (2, 3, 5, 4, 4), (2, 3, 6, 2, 2), (2, 3)]
    assert sorted(seen) == sorted([*own, *nested])


def test_map_leaves_the_original_alone_and_keeps_types():
    before = features()
    doubled = before.map(lambda t: t * 2)
    assert isinstance(doubled, Features)
    assert isinstance(doubled.maps, tuple)
    assert torch.equal(doubled.maps[1], before.maps[1] * 2)
    assert torch.equal(doubled.extra["q"], before.extra["q"] * 2)


def test_detach_cuts_the_graph_everywhere():
    before = features()
    assert before.vector.requires_grad
    assert not before.detach().vector.requires_grad


def test_to_moves_all_and_keeps_what_is_no_tensor():
    inputs = Inputs(
        valid=torch.ones(1, 2, dtype=torch.bool),
        index=torch.zeros(1, 2, dtype=torch.long),
        semantics=Semantics(text=torch.rand(1, 2, 3), image=torch.rand(1, 2, 4)),
        signals=Signals(torch.rand(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool), ("a", "b")),
        segment_length=2,
    )
    moved = inputs.to("meta")
    assert moved.semantics.image.device.type == "meta"
    assert moved.signals.mask.device.type == "meta"
    assert moved.signals.names == ("a", "b")
    assert moved.frames is None
    assert moved.segment_length == 2
    assert inputs.valid.device.type == "cpu"


def test_a_forward_has_no_place_for_labels():
    with pytest.raises(TypeError, match="score"):
        Inputs(valid=torch.ones(1, 1), index=torch.zeros(1, 1), score=torch.zeros(1))
