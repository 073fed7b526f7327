import pytest
import torch
from mmengine.optim import OptimWrapper

from adabench.models import (
    Aggregator,
    Assessor,
    Identity,
    IncompatiblePartsError,
    KeepAll,
    Selector,
    UnitRegressor,
)
from adabench.registry import MODELS, UnknownTypeError
from adabench.structures import Inputs, Selection, UnitSpec
from adabench.testing import example_batch, example_id

TRUNK = {
    "type": "TimmFrames",
    "name": "resnet18",
    "options": {"channels": (8, 8, 16, 16), "stem_width": 8},
}


class Remembering(KeepAll):
    """Counts its updates and notes what they were given."""

    def __init__(self, *, units: UnitSpec) -> None:
        super().__init__(units=units)
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.seen: list[tuple[bool, bool, float]] = []

    def loss(self, inputs, output, truth, progress):
        return {"spread": output.weight.square().sum(), "progress": torch.tensor(progress)}

    def update(self, inputs, output, truth, progress):
        graph = inputs.x.requires_grad or output.weight.requires_grad
        self.seen.append((graph, torch.is_grad_enabled(), progress))
        self.count += 1


class Silent(UnitRegressor):
    """A head without a loss."""

    def loss(self, inputs, output, truth, progress):
        return {}


class NeedsMaps(Identity):
    needs_maps = True


class NeedsSteps(Selector):
    needs_steps = True

    def __init__(self, *, units: UnitSpec) -> None:
        super().__init__()

    def forward(self, units) -> Selection:
        raise NotImplementedError


class Refuses(KeepAll):
    def __init__(self, *, units: UnitSpec) -> None:
        super().__init__(units=units)
        raise IncompatiblePartsError(f"Refuses wants 7 channels, and these units have {units.dim}")


class Joined(Aggregator):
    """One unit for the whole clip."""

    def __init__(self, *, features) -> None:
        super().__init__()
        self._spec = UnitSpec(dim=features.vector, per_step=False, features=features)

    @property
    def spec(self) -> UnitSpec:
        return self._spec

    def forward(self, features):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def parts():
    kinds = (Remembering, Silent, NeedsMaps, NeedsSteps, Refuses, Joined)
    for kind in kinds:
        MODELS.register_module(module=kind)
    yield
    for kind in kinds:
        del MODELS.module_dict[kind.__name__]


def build(**parts) -> Assessor:
    config = {
        "type": "Assessor",
        "backbone": TRUNK,
        "aggregator": {"type": "Identity"},
        "selector": {"type": "KeepAll"},
        "head": {"type": "UnitRegressor"},
    }
    return MODELS.build({**config, **parts})


def optimiser(method: Assessor) -> OptimWrapper:
    return OptimWrapper(torch.optim.SGD(method.parameters(), lr=0.01))


def test_losses_carry_role_and_name(batch):
    method = build(selector={"type": "Remembering"})
    losses = method(*batch, mode="loss")
    assert set(losses) == {"head.mse", "selector.spread", "selector.progress"}
    assert all(value.ndim == 0 for value in losses.values())


def test_every_loss_is_summed_whatever_its_name(batch):
    method = build(selector={"type": "Remembering"})
    method.progress = 0.25
    inputs, truth = batch
    log = method.train_step({"inputs": inputs, "truth": truth}, optimiser(method))
    parts = [log["head.mse"], log["selector.spread"], torch.tensor(0.25)]
    assert torch.allclose(log["loss"], torch.stack(parts).sum())
    assert log["selector.progress"] == 0.25
    assert not any(value.requires_grad for value in log.values())


def test_update_is_called_once_a_step_without_gradient(batch):
    method = build(selector={"type": "Remembering"})
    method.progress = 0.5
    inputs, truth = batch
    wrapper = optimiser(method)
    for _ in range(2):
        method.train_step({"inputs": inputs, "truth": truth}, wrapper)
    assert method.selector.count == 2
    assert method.selector.seen == [(False, False, 0.5)] * 2


def test_update_comes_after_the_optimisers_step(batch):
    method = build(selector={"type": "Remembering"})
    inputs, truth = batch
    before = method.head.regress[-1].weight.clone()
    moved = []
    remember = method.selector.update
    method.selector.update = lambda *given: (
        moved.append(not torch.equal(method.head.regress[-1].weight, before)),
        remember(*given),
    )
    method.train_step({"inputs": inputs, "truth": truth}, optimiser(method))
    assert moved == [True]


def test_update_is_not_called_outside_training(batch):
    method = build(selector={"type": "Remembering"})
    inputs, truth = batch
    data = {"inputs": inputs, "truth": truth, "ids": None}
    method.eval()
    method.val_step(data)
    method.test_step(data)
    method(inputs, truth, mode="loss")
    assert method.selector.count == 0


def test_a_step_trains(batch):
    method = build()
    inputs, truth = batch
    method.head.fit_scale(truth.score)
    wrapper = OptimWrapper(torch.optim.Adam(method.parameters(), lr=1e-2))
    data = {"inputs": inputs, "truth": truth}
    losses = [float(method.train_step(data, wrapper)["loss"]) for _ in range(12)]
    assert min(losses[-3:]) < 0.5 * losses[0]


def test_predictions_need_no_labels(batch):
    method = build().eval()
    inputs, truth = batch
    ids = [example_id(n) for n in range(3)]
    ((seen, without),) = method.test_step({"inputs": inputs, "truth": None, "ids": ids})
    ((_, given),) = method.test_step({"inputs": inputs, "truth": truth, "ids": ids})
    assert seen == ids
    assert torch.equal(without.score, given.score)
    assert without.score.shape == (3,)


def test_training_without_labels_is_refused(batch):
    method = build()
    inputs, _ = batch
    with pytest.raises(ValueError, match="a clip of the batch has no score"):
        method(inputs, None, mode="loss")
    with pytest.raises(ValueError, match="a clip of the batch has no score"):
        method.train_step({"inputs": inputs, "truth": None}, optimiser(method))


def test_training_without_any_loss_is_refused(batch):
    method = build(head={"type": "Silent"})
    inputs, truth = batch
    with pytest.raises(ValueError, match="no part of this method has a loss"):
        method.train_step({"inputs": inputs, "truth": truth}, optimiser(method))


def test_uint8_frames_are_scaled_to_one(batch):
    inputs, truth = batch
    method = build().eval()
    bytes_ = (inputs.frames * 255).round().byte()
    data = {"inputs": Inputs(valid=inputs.valid, index=inputs.index, frames=bytes_)}
    prepared = method.data_preprocessor({**data, "truth": truth})
    assert torch.allclose(prepared["inputs"].frames, bytes_.float() / 255)
    assert data["inputs"].frames.dtype == torch.uint8


def test_an_unknown_mode_is_refused(batch):
    with pytest.raises(ValueError, match="'tensor', 'predict' or 'loss'; got 'train'"):
        build()(batch[0], mode="train")


@pytest.mark.parametrize("role", ["backbone", "aggregator", "selector", "head"])
def test_a_typo_in_any_role_gets_a_suggestion(role):
    typo = {"backbone": "TimFrames", "aggregator": "Identiti", "selector": "KepAll"}
    with pytest.raises(UnknownTypeError, match="Did you mean"):
        build(**{role: {"type": typo.get(role, "UnitRegresor")}})


@pytest.mark.parametrize("role", ["backbone", "aggregator", "selector", "head"])
def test_a_part_of_another_role_is_refused(role):
    other = "UnitRegressor" if role != "head" else "KeepAll"
    with pytest.raises(TypeError, match=rf"method\.{role}: {other} is no {role}"):
        build(**{role: {"type": other}})


def test_a_config_without_type_is_explained():
    with pytest.raises(TypeError, match="a model part is a dict with a 'type'"):
        build(selector={"name": "KeepAll"})


def test_an_unknown_argument_is_named():
    with pytest.raises(TypeError, match="unexpected keyword argument 'hiden'"):
        build(head={"type": "UnitRegressor", "hiden": 3})


def test_maps_that_are_missing_are_refused_with_both_names():
    with pytest.raises(IncompatiblePartsError, match=r"NeedsMaps can't follow TimmFrames: .*maps"):
        build(backbone={**TRUNK, "scales": 0}, aggregator={"type": "NeedsMaps"})
    assert build(aggregator={"type": "NeedsMaps"}).aggregator.needs_maps


def test_steps_that_are_joined_are_refused_with_both_names():
    with pytest.raises(
        IncompatiblePartsError,
        match="NeedsSteps can't follow Joined after TimmFrames: NeedsSteps weighs single steps",
    ):
        build(aggregator={"type": "Joined"}, selector={"type": "NeedsSteps"})
    assert isinstance(build(selector={"type": "NeedsSteps"}).selector, NeedsSteps)


def test_a_reason_of_the_parts_own_is_given_with_both_names():
    with pytest.raises(
        IncompatiblePartsError,
        match=r"Refuses can't follow Identity after TimmFrames: Refuses wants 7.*have 16",
    ):
        build(selector={"type": "Refuses"})


def test_init_weights_leaves_parts_as_they_are(batch):
    method = build()
    before = {k: v.clone() for k, v in method.state_dict().items()}
    method.init_weights()
    after = method.state_dict()
    assert all(torch.equal(v, after[k]) for k, v in before.items())


def test_the_four_parts_run_in_order(batch):
    method = build().eval()
    inputs, _ = batch
    with torch.no_grad():
        features = method.backbone(inputs)
        units = method.aggregator(features)
        by_hand = method.head(units, method.selector(units)).score
        assert torch.equal(method.assess(inputs).score, by_hand)
        assert torch.equal(method(inputs).score, by_hand)


def test_semantics_and_signals_reach_the_backbone():
    inputs, _ = example_batch(reads=("frames", "semantics", "signals"))
    moved = build().data_preprocessor({"inputs": inputs})["inputs"]
    assert moved.semantics.text.shape == (3, 7, 512)
    assert moved.signals.names == inputs.signals.names
