import pytest
import torch
from adabench_plugins.depmap.map import ShareMAP, SparseHitsMAP
from adabench_plugins.depmap.prototype_map import PrototypeMAP

from adabench.models import Aggregator, Assessor
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Truth, Units, UnitSpec
from adabench.testing import check_plugin

SPEC = UnitSpec(dim=8, per_step=True, features=FeatureSpec(10, (4, 6, 10), guided=True))
VECTOR = UnitSpec(dim=8, per_step=True, features=FeatureSpec(10))
PAIRS = UnitSpec(dim=8, per_step=False, features=FeatureSpec(10, (4, 6, 10), guided=True))


@MODELS.register_module(name="DepmapTestPairs", force=True)
class Pairs(Aggregator):
    """A unit for every two neighbouring steps: their mean."""

    def __init__(self, *, features: FeatureSpec) -> None:
        super().__init__()
        self._spec = UnitSpec(dim=features.vector, per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        return self._spec

    def forward(self, features: Features) -> Units:
        x, span = features.vector, features.span
        count = x.shape[1] - 1
        return Units(
            x=(x[:, 1:] + x[:, :-1]) / 2,
            valid=features.valid[:, 1:],
            span=torch.stack([span[:, :-1, 0], span[:, 1:, 1]], dim=-1),
            scale=torch.full((count,), 2),
            features=features,
        )


def names(part: torch.nn.Module) -> set[str]:
    return {name.split(".")[0] for name in part.state_dict()}


def test_what_is_off_is_not_built():
    assert names(PrototypeMAP(units=SPEC)) == {"tokens", "sdpm", "kdm", "map"}
    assert names(PrototypeMAP(units=SPEC, kdm=None)) == {"tokens", "sdpm", "map"}
    assert names(PrototypeMAP(units=SPEC, map=None)) == {"tokens", "sdpm", "kdm"}
    assert names(PrototypeMAP(units=SPEC, sdpm=None, kdm=None, map=None)) == set()
    for units in (VECTOR, PAIRS):
        assert names(PrototypeMAP(units=units)) == {"tokens", "sdpm", "map"}


def test_there_is_a_branch_for_every_map_but_the_deepest_guided():
    channels = [b.project.in_features for b in PrototypeMAP(units=SPEC).kdm.branches]
    assert channels == [4, 6, 10, 4, 6]
    plain = UnitSpec(dim=8, per_step=True, features=FeatureSpec(10, (4, 6, 10)))
    channels = [b.project.in_features for b in PrototypeMAP(units=plain).kdm.branches]
    assert channels == [4, 6]


def test_visual_branches_read_what_the_aggregator_refined():
    refined = UnitSpec(dim=8, per_step=True, features=SPEC.features, maps=(5, 5, 5))
    selector = PrototypeMAP(units=refined, kdm={"refined": True})
    assert [b.project.in_features for b in selector.kdm.branches] == [5, 5, 5, 4, 6]


def test_levels_scores_are_those_that_the_cross_entropy_trains(build, make_inputs, truth):
    options = {"mode": "sparse_hits", "cross_entropy": 0.5}
    model, inputs = build(selector={"map": options, "kdm": None}), make_inputs()
    losses = model(inputs, truth, mode="loss")
    selection = model.assess(inputs).selection
    wanted = torch.einsum("bt,bta->ba", selection.weight, selection.extra["logits"])
    torch.testing.assert_close(selection.level_scores, wanted)
    wanted = 0.5 * torch.nn.functional.cross_entropy(wanted / 0.1, truth.level)
    torch.testing.assert_close(losses["selector.levels"], wanted)


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
        (VECTOR, {"map": None}, "no single steps with maps"),
        (PAIRS, {"map": None}, "no single steps with maps"),
        (VECTOR, {"tokens": {"kind": "hard"}}, "places on a map"),
        (PAIRS, {"tokens": {"kind": "hard"}}, "places on a map"),
        (SPEC, {"sdpm": {"levels": 2}}, "3 or 4; got 2"),
        (SPEC, {"sdpm": {"other": True}, "kdm": {"literal": True}}, "knows no set"),
        (SPEC, {"kdm": {"refined": True}}, "take MSR"),
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


def test_state_keeps_its_names():
    state = PrototypeMAP(units=SPEC).state_dict()
    wanted = {"sdpm.prototypes", "map.weight", "tokens.respond.weight"}
    for part in (
        "tokens.project",
        "tokens.encode",
        *(f"kdm.branches.{n}.project" for n in range(5)),
    ):
        wanted |= {f"{part}.weight", f"{part}.bias"}
    assert set(state) == wanted


def test_units_of_several_steps_give_one_token_each(trunk, make_inputs, truth):
    model = check_plugin(
        {
            "backbone": trunk,
            "aggregator": {"type": "DepmapTestPairs"},
            "selector": {"type": "PrototypeMAP"},
        }
    )
    model.progress = 1.0
    assert set(model(make_inputs(), truth, mode="loss")) == {"head.mse"}
    selection = model.eval().assess(make_inputs(frames=6)).selection
    assert selection.weight.shape == (2, 5)
    assert selection.extra["tokens"].shape == (2, 5, 1, 128)


def test_without_maps_tokens_are_made_of_the_units():
    selector = PrototypeMAP(units=PAIRS)
    valid = torch.ones(2, 3, dtype=torch.bool)
    features = Features(
        vector=torch.randn(2, 4, 10),
        valid=torch.ones(2, 4, dtype=torch.bool),
        span=torch.zeros(2, 4, 2, dtype=torch.long),
        maps=(torch.randn(2, 4, 10, 2, 2),),
    )
    x, span = torch.randn(2, 3, 8), torch.zeros(2, 3, 2, dtype=torch.long)
    units = Units(x=x, valid=valid, span=span, scale=torch.full((3,), 2), features=features)
    tokens = selector(units).extra["tokens"]
    torch.testing.assert_close(tokens[:, :, 0], selector.tokens.encode(x))


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


def test_three_levels_join_mild_and_moderate(build, make_inputs):
    model, inputs = build(selector={"sdpm": {"levels": 3}}), make_inputs()
    assert model.selector.sdpm.prototypes.shape == (3, 8, 128)
    assert model.selector.map.weight.shape == (3, 8)
    assert model.eval().assess(inputs).selection.level_scores.shape == (2, 3)

    def contrastive(*levels: int) -> float:
        truth = Truth(score=torch.tensor([5.0, 33.0]), level=torch.tensor(levels))
        return float(model(inputs, truth, mode="loss")["selector.contrastive"].detach())

    assert contrastive(1, 3) == contrastive(2, 3)
    assert contrastive(1, 3) != contrastive(0, 3)
    assert contrastive(1, 3) != contrastive(1, 2)


def test_with_three_levels_the_loss_is_that_of_the_joined_levels(build, make_inputs):
    model, inputs = build(selector={"sdpm": {"levels": 3}}), make_inputs()
    truth = Truth(score=torch.tensor([25.0, 33.0]), level=torch.tensor([2, 3]))
    got = model(inputs, truth, mode="loss")["selector.contrastive"]
    _, units, selection, _ = model.flow(inputs)
    sdpm, kdm = model.selector.sdpm, model.selector.kdm
    tokens, place = selection.extra["tokens"], selection.extra["place"].flatten(0, 1)
    maps = [*units.features.visual_maps, *units.features.maps[:-1]]
    branches = kdm.branch_tokens([m.flatten(0, 1) for m in maps], place)
    joined = torch.tensor([1, 2])
    wanted = kdm.loss(
        [sdpm.similarity(v.unflatten(0, (2, 4))) for v in branches] + [sdpm.similarity(tokens)],
        joined,
        sdpm.assign(tokens, selection.extra["key"], joined, inputs.valid),
        inputs.valid,
    )
    torch.testing.assert_close(got, wanted)


def test_with_three_levels_a_step_moves_the_joined_levels_prototypes(build, make_inputs):
    model, inputs = build(selector={"sdpm": {"levels": 3}}), make_inputs()
    before = model.selector.sdpm.prototypes.clone()
    _, units, selection, _ = model.flow(inputs)
    truth = Truth(score=torch.tensor([15.0, 25.0]), level=torch.tensor([1, 2]))
    model.selector.update(units, selection, truth, 0.5)
    moved = (model.selector.sdpm.prototypes - before).abs().amax((1, 2)) > 0
    assert moved.tolist() == [False, True, False]


def test_an_update_takes_the_loss_s_assignment_and_moves_the_same(build, make_inputs, monkeypatch):
    model, inputs = build(), make_inputs()
    truth = Truth(score=torch.tensor([15.0, 33.0]), level=torch.tensor([1, 3]))
    sdpm = model.selector.sdpm
    before, asked, assign = sdpm.prototypes.clone(), [], sdpm.assign
    monkeypatch.setattr(sdpm, "assign", lambda *given: asked.append(1) or assign(*given))
    moved = []
    for losses_first in (True, False):
        sdpm.prototypes.copy_(before)
        _, units, selection, _ = model.flow(inputs)
        asked.clear()
        if losses_first:
            model.selector.loss(units, selection, truth, 0.5)
        model.selector.update(units, selection, truth, 0.5)
        assert asked == [1]
        moved.append(sdpm.prototypes.clone())
    assert torch.equal(*moved)
    assert not torch.equal(moved[0], before)
