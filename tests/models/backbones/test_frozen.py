"""A backbone that a training leaves alone."""

import pytest
import torch
from torch import nn

from adabench.models import Assessor, Backbone, Frozen
from adabench.models.weights import weights_digest
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs
from adabench.testing import example_batch

TRUNK = {
    "type": "TimmFrames",
    "name": "resnet18",
    "scales": 1,
    "options": {"channels": (8, 8, 16, 16), "stem_width": 8},
}


class Guided(Backbone):
    """Reads semantics beside a trunk's frames; its dropout and batch norm tell training apart."""

    reads = ("frames", "semantics")

    def __init__(self, *, trunk):
        super().__init__()
        self.trunk = MODELS.build(trunk)
        self.norm = nn.BatchNorm1d(self.trunk.spec.vector)
        self.dropout = nn.Dropout(0.5)

    @property
    def spec(self):
        return FeatureSpec(vector=self.trunk.spec.vector)

    def frozen_part(self):
        return self.trunk.frozen_part()

    def forward(self, inputs):
        found = self.trunk(inputs)
        vector = self.norm(found.vector.transpose(1, 2)).transpose(1, 2)
        vector = self.dropout(vector) + inputs.semantics.text.mean(-1, keepdim=True)
        return Features(vector=vector, valid=found.valid, span=found.span)


class BySegment(Guided):
    """Steps are segments."""

    reads = ("frames",)
    per_segment = True


@pytest.fixture(autouse=True)
def _parts(monkeypatch):
    for kind in (Guided, BySegment):
        monkeypatch.setitem(MODELS.module_dict, kind.__name__, kind)


def guided(seed=0, frozen=True, kind="Guided"):
    torch.manual_seed(seed)
    return {"type": kind, "trunk": {**TRUNK, "frozen": frozen}}


def build(seed=0, **options):
    torch.manual_seed(seed)
    return Frozen(backbone=guided(seed), **options)


def test_it_gives_what_the_inner_one_gives_in_evaluation():
    inputs, _ = example_batch(reads=("frames", "semantics"))
    part = build()
    inner = MODELS.build(guided())
    inner.load_state_dict(part.inner.state_dict())
    with torch.no_grad():
        expected = inner.eval()(inputs)
        trained = inner.train()(inputs)
    found = part.train()(inputs)
    assert torch.equal(found.vector, expected.vector)
    assert not torch.allclose(found.vector, trained.vector)
    assert part.spec == inner.spec
    assert part.reads == ("frames", "semantics")
    assert not part.per_segment
    assert Frozen(backbone=guided(kind="BySegment")).per_segment


def test_it_never_trains():
    part = build()
    owner = nn.Sequential(part).train()
    assert owner.training
    assert not any(module.training for module in part.modules())
    assert not any(p.requires_grad for p in part.parameters())
    before = weights_digest(part)
    inputs, _ = example_batch(reads=("frames", "semantics"))
    inputs.frames.requires_grad_(True)
    found = part(inputs)
    assert not found.vector.requires_grad
    assert weights_digest(part) == before
    assert part.train() is part


def test_a_method_around_it_trains_and_leaves_it_alone():
    method = Assessor(
        backbone={"type": "Frozen", "backbone": TRUNK},
        aggregator={"type": "Identity"},
        selector={"type": "KeepAll"},
        head={"type": "UnitRegressor"},
    ).train()
    before = weights_digest(method.backbone)
    inputs, truth = example_batch()
    losses = method(inputs, truth, mode="loss")
    sum(losses.values()).backward()
    assert weights_digest(method.backbone) == before
    assert all(p.grad is None for p in method.backbone.parameters())
    assert any(float(p.grad.abs().max()) > 0 for p in method.head.parameters())


def test_it_loads_a_stages_result_and_a_trainings_checkpoint(tmp_path):
    inner = MODELS.build(guided(seed=5))
    state = inner.state_dict()
    torch.save({"backbone": state}, tmp_path / "result.pth")
    whole = {f"backbone.{k}": v for k, v in state.items()} | {"head.weight": torch.ones(3)}
    torch.save({"state_dict": whole, "meta": {"epoch": 2}}, tmp_path / "best.pth")
    assert weights_digest(build().inner) != weights_digest(inner)
    for name in ("result.pth", "best.pth"):
        part = build(weights=str(tmp_path / name))
        assert weights_digest(part.inner) == weights_digest(inner)
        assert not any(p.requires_grad for p in part.parameters())


def test_another_backbones_file_is_refused(tmp_path):
    path = tmp_path / "result.pth"
    torch.save({"backbone": MODELS.build(TRUNK).state_dict()}, path)
    with pytest.raises(ValueError, match=r"result\.pth does not fit this network"):
        build(weights=path)
    with pytest.raises(FileNotFoundError, match=r"none\.pth do not exist"):
        build(weights=tmp_path / "none.pth")


def test_what_is_no_backbone_is_refused():
    with pytest.raises(TypeError, match="KeepAll is no backbone"):
        Frozen(backbone={"type": "KeepAll"})


def test_where_frames_are_all_it_reads_its_own_output_is_cached():
    part = Frozen(backbone=TRUNK)
    assert part.frozen_part() is part
    inputs, _ = example_batch()
    cached = part(inputs)
    given = Inputs(valid=inputs.valid, index=inputs.index, features=cached)
    assert part(given) is cached


def test_where_it_reads_more_its_trunks_output_is():
    """Then cached features are the trunk's, and what stands behind the trunk still runs."""
    part = build()
    assert part.frozen_part() is part.inner.trunk
    assert Frozen(backbone=guided(frozen=False)).frozen_part() is None
    inputs, _ = example_batch(reads=("frames", "semantics"))
    expected = part(inputs)
    inputs.features, inputs.frames = part.inner.trunk(inputs), None
    assert torch.equal(part(inputs).vector, expected.vector)
    assert not torch.allclose(expected.vector, inputs.features.vector)
