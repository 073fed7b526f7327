import pytest
import torch
from adabench_plugins.depmap.map import ShareMAP, SparseHitsMAP
from adabench_plugins.depmap.prototype_map import PrototypeMAP

from adabench.models import Assessor, IncompatiblePartsError
from adabench.registry import MODELS
from adabench.structures import FeatureSpec, UnitSpec

SPEC = UnitSpec(dim=8, per_step=True, features=FeatureSpec(10, (4, 6, 10), guided=True))
VECTOR = UnitSpec(dim=8, per_step=True, features=FeatureSpec(10))


def names(part: torch.nn.Module) -> set[str]:
    return {name.split(".")[0] for name in part.state_dict()}


def test_what_is_off_is_not_built():
    assert names(PrototypeMAP(units=SPEC)) == {"tokens", "sdpm", "kdm", "map"}
    assert names(PrototypeMAP(units=SPEC, kdm=None)) == {"tokens", "sdpm", "map"}
    assert names(PrototypeMAP(units=SPEC, map=None)) == {"tokens", "sdpm", "kdm"}
    assert names(PrototypeMAP(units=SPEC, sdpm=None, kdm=None, map=None)) == set()
    assert names(PrototypeMAP(units=VECTOR)) == {"tokens", "sdpm", "map"}


def test_there_is_a_branch_for_every_map_but_the_deepest_guided():
    channels = [b.project.in_features for b in PrototypeMAP(units=SPEC).kdm.branches]
    assert channels == [4, 6, 10, 4, 6]
    plain = UnitSpec(dim=8, per_step=True, features=FeatureSpec(10, (4, 6, 10)))
    channels = [b.project.in_features for b in PrototypeMAP(units=plain).kdm.branches]
    assert channels == [4, 6]


def test_modes_of_map():
    assert isinstance(PrototypeMAP(units=SPEC).map, ShareMAP)
    hits = PrototypeMAP(units=SPEC, map={"mode": "sparse_hits"})
    assert isinstance(hits.map, SparseHitsMAP)
    assert "map" not in names(hits)


@pytest.mark.parametrize(
    ("units", "options", "words"),
    [
        (SPEC, {"sdpm": None}, "sdpm is None"),
        (SPEC, {"sdpm": None, "kdm": None}, "sdpm is None"),
        (SPEC, {"kdm": None, "map": None}, "KeepAll"),
        (SPEC, {"kdm": None, "map": {"mode": "sparse_hits"}}, "KeepAll"),
        (VECTOR, {"map": None}, "vector and no maps"),
        (VECTOR, {"tokens": {"kind": "hard"}}, "places on a map"),
        (SPEC, {"tokens": {"kind": "sharp"}}, "'soft' or 'hard'"),
        (SPEC, {"map": {"mode": "shares"}}, "sparse_hits"),
    ],
)
def test_combinations_that_cannot_work_are_refused(units, options, words):
    with pytest.raises(ValueError, match=words):
        PrototypeMAP(units=units, **options)


def test_a_mistyped_argument_is_refused():
    with pytest.raises(TypeError, match="momemtum"):
        PrototypeMAP(units=SPEC, sdpm={"momemtum": 0.9})


def test_units_of_several_steps_are_refused_with_both_names(trunk):
    from adabench.models import Identity

    class Pairs(Identity):
        @property
        def spec(self) -> UnitSpec:
            return UnitSpec(dim=256, per_step=False, features=self._spec.features)

    MODELS.register_module(module=Pairs, name="DepmapTestPairs", force=True)
    with pytest.raises(IncompatiblePartsError, match=r"PrototypeMAP can't follow Pairs"):
        Assessor(
            backbone=trunk,
            aggregator={"type": "DepmapTestPairs"},
            selector={"type": "PrototypeMAP"},
            head={"type": "UnitRegressor"},
        )


def test_the_loss_waits_for_its_start(build, make_inputs, truth):
    model, inputs = build(), make_inputs()
    for progress, wanted in ((0.0, set()), (0.09, set()), (0.1, {"selector.contrastive"})):
        model.progress = progress
        assert set(model(inputs, truth, mode="loss")) - {"head.mse"} == wanted


def test_selection_keeps_its_contract(build, make_inputs):
    inputs = make_inputs(frames=9)
    inputs.valid[1, 3:] = False
    model = build(selector={"sdpm": {"sampling": 1.0}}).eval()
    selection = model.assess(inputs).selection
    assert (selection.weight >= 0).all()
    assert not selection.weight[~inputs.valid].any()
    torch.testing.assert_close(selection.weight.sum(-1), torch.ones(2))
    assert (selection.weight > 0).sum(-1).tolist() == [3, 2]
    assert selection.level_scores.shape == (2, 4)
    assert selection.relevance.shape == (2, 9)


def test_without_map_valid_frames_count_the_same(build, make_inputs):
    inputs = make_inputs()
    inputs.valid[1, 3] = False
    weight = build(selector={"map": None}).eval().assess(inputs).selection.weight
    torch.testing.assert_close(weight, torch.tensor([[0.25] * 4, [1 / 3] * 3 + [0.0]]))


def test_a_backbone_without_maps_gives_one_token(trunk, make_inputs, truth):
    model = Assessor(
        backbone={**trunk, "scales": 0},
        aggregator={"type": "Identity"},
        selector={"type": "PrototypeMAP"},
        head={"type": "UnitRegressor"},
    )
    model.progress = 1.0
    losses = model(make_inputs(), truth, mode="loss")
    assert set(losses) == {"head.mse"}
    losses["head.mse"].backward()
    for name, parameter in model.selector.named_parameters():
        assert parameter.grad.norm() > 0, name
    assert model.assess(make_inputs()).selection.extra["tokens"].shape == (2, 4, 1, 128)
