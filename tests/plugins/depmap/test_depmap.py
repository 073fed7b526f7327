"""Dep-MAP as a whole: gradients, invariances, memory."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from adabench_plugins.depmap.sinkhorn import sinkhorn
from adabench_plugins.depmap.tokens import sample
from mmengine.optim import OptimWrapper

from adabench.config.fields.training import Training
from adabench.engine.training.optimisation import optim_wrapper
from adabench.structures import Inputs, Semantics
from adabench.testing import check_plugin

AUTHORS = {
    "aggregator": {"source": "visual", "clip_mean": True},
    "selector": {
        "points": True,
        "sdpm": {"other": True},
        "kdm": {"refined": True},
        "map": {"mode": "sparse_hits", "softmax": True, "cross_entropy": 0.1, "gate": 0.1},
    },
}
ALL_TOGETHER = {
    "as the paper": {},
    "visual units": {"aggregator": {"source": "visual"}},
    "literal ESA": {"backbone": {"literal": True}},
    "literal contrast": {"selector": {"kdm": {"literal": True}}},
    "sparse hits": {"selector": {"map": {"mode": "sparse_hits"}}},
    "three levels": {"selector": {"sdpm": {"levels": 3}}},
    "hard tokens": {"selector": {"tokens": {"kind": "hard"}}},
    "S3 and S4": {"aggregator": {"scales": (3, 4)}},
    "the authors' options": AUTHORS,
    "the authors' code": {
        **AUTHORS,
        "backbone": {"held": True},
        "selector": {**AUTHORS["selector"], "tokens": {"kind": "hard"}},
    },
    "without KDM": {"selector": {"kdm": None}},
    "without MAP": {"selector": {"map": None}},
}


def training_step(model, inputs, truth):
    optimiser = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=1e-3))
    return model.train_step({"inputs": inputs, "truth": truth}, optimiser)


def padded(inputs: Inputs, frames: int) -> Inputs:
    """Append invalid frames full of garbage."""

    def grow(tensor: torch.Tensor, fill: float) -> torch.Tensor:
        shape = (tensor.shape[0], frames, *tensor.shape[2:])
        return torch.cat([tensor, tensor.new_full(shape, fill)], dim=1)

    semantics = Semantics(grow(inputs.semantics.text, 9.0), grow(inputs.semantics.image, -9.0))
    # Noise, so that padding would be chosen if it could be.
    frames_ = grow(inputs.frames, 0.0)
    frames_[:, -frames:] = torch.rand_like(frames_[:, -frames:])
    return Inputs(
        valid=grow(inputs.valid, False),
        index=grow(inputs.index, 0),
        frames=frames_,
        semantics=semantics,
    )


@pytest.mark.parametrize(
    "name",
    [
        "as the paper",
        "the authors' options",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("sparse hits", "three levels", "S3 and S4", "without MAP")
        ),
    ],
)
def test_adabenchs_contract_is_kept(trunk, name):
    options = ALL_TOGETHER[name]
    check_plugin(
        {
            "backbone": {"type": "ESA", "trunk": trunk},
            "aggregator": {"type": "MSR", "width": 16, **options.get("aggregator", {})},
            "selector": {"type": "PrototypeMAP", **options.get("selector", {})},
        }
    )


@pytest.mark.parametrize("name", ALL_TOGETHER)
def test_every_trainable_parameter_gets_a_gradient(build, make_inputs, truth, name):
    model = build(**ALL_TOGETHER[name])
    if name == "without KDM":
        model.progress = 0.0
    sum(model(make_inputs(frames=5), truth, mode="loss").values()).backward()
    for parameter_name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert "tokens" in parameter_name or "guides" in parameter_name
            assert name in ("hard tokens", "the authors' code")
            continue
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.norm() > 1e-9, parameter_name


@pytest.mark.parametrize("options", [{}, {"kdm": {"literal": True}}])
def test_the_contrastive_loss_alone_reaches_esa_and_trunk(build, make_inputs, truth, options):
    model = build(selector=options)
    model(make_inputs(), truth, mode="loss")["selector.contrastive"].backward()
    for name, parameter in model.backbone.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.norm() > 1e-9, name
    for name, parameter in model.aggregator.named_parameters():
        assert parameter.grad is None, name


def test_literals_ratio_and_clip_are_those_of_a_computation_in_points_squared(
    build, make_inputs, truth
):
    model, inputs = build(selector={"kdm": {"literal": True}}).eval(), make_inputs()
    training = Training(epochs=1, batch_size=2, optimiser={"type": "SGD", "lr": 1.0}, clip_grad=1.0)
    parameters = [p for p in model.parameters() if p.requires_grad]

    def clipped(losses, norm):
        model.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, norm)
        return [p.grad.clone() for p in parameters]

    flow = model.flow(inputs)
    printed = {
        "mse": torch.nn.functional.mse_loss(flow[-1].score, truth.score),
        # A part by itself is told of no variance: λ as it is printed.
        **model.selector.loss(flow[1], flow[2], truth, model.progress),
    }
    in_points = clipped(printed, training.clip_grad)
    ours = model(inputs, truth, mode="loss")
    ratio = ours["selector.contrastive"] / ours["head.mse"]
    torch.testing.assert_close(ratio, printed["contrastive"] / printed["mse"])
    variance = float(torch.tensor([4.0, 12.0, 25.0, 40.0]).var(unbiased=False))
    norm = optim_wrapper(training, model)["clip_grad"]["max_norm"]
    assert norm == pytest.approx(1 / variance)
    for own, wanted in zip(clipped(ours, norm), in_points, strict=True):
        torch.testing.assert_close(variance * own, wanted, atol=1e-5, rtol=1e-3)
    assert optim_wrapper(training, build())["clip_grad"]["max_norm"] == 1.0


def test_the_gate_lets_all_frames_count_and_travels_with_the_checkpoint(build, make_inputs, truth):
    options = {"selector": {"map": {"gate": 0.2}, "sdpm": {"sampling": 1.0}}}
    model, other, inputs = build(**options), build(seed=5, **options), make_inputs(frames=6)
    for progress, kept in ((0.1, 6), (0.2, 2)):
        model.progress = progress
        training_step(model, inputs, truth)
        selection = model.eval().assess(inputs).selection
        assert (selection.weight > 0).sum(-1).tolist() == [kept, kept]
        model.train()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.eval().assess(inputs).score, model.eval().assess(inputs).score)


def test_options_that_are_off_change_no_prediction_by_a_bit(build, make_inputs, truth):
    off = {
        "backbone": {"held": False},
        "aggregator": {"clip_mean": False},
        "selector": {
            "points": False,
            "sdpm": {"other": False},
            "kdm": {"refined": False, "literal": False},
            "map": {"cross_entropy": 0.0, "gate": 0.0},
        },
    }
    found = []
    for options in ({}, off):
        model, inputs = build(**options), make_inputs()
        losses = training_step(model, inputs, truth)
        found.append((model.eval().assess(inputs).score, losses["loss"], set(model.state_dict())))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert found[0][2] == found[1][2]


def written_out(model, features, selection, truth):
    """Units, share, weight, level scores, KDM's loss and moved prototypes without any option."""
    aggregator, tokens, key = model.aggregator, selection.extra["tokens"], selection.extra["key"]
    fused = aggregator.fuse(aggregator.refine([m.flatten(0, 1) for m in features.maps]))
    units = F.gelu(aggregator.norm(fused)).mean((1, 2)).unflatten(0, tokens.shape[:2])
    sdpm, unit = model.selector.sdpm, F.normalize(tokens, dim=-1)

    def cosine(vectors):
        return torch.einsum("...l,akl->...ak", F.normalize(vectors, dim=-1), sdpm.prototypes)

    logits = (cosine(tokens).amax(2) * model.selector.map.weight).sum(-1)
    scores = logits.mean(1)
    share = torch.stack(
        [one.softmax(-1)[:, int(s.argmax())] for one, s in zip(logits, scores, strict=True)]
    )
    kept = share * (share >= share.topk(2).values[:, -1:])
    own = torch.stack(
        [cosine(one)[..., level, :] for one, level in zip(tokens, truth.level, strict=True)]
    )
    index = own.argmax(-1)
    for clip in range(len(index)):
        index[clip][key[clip]] = sinkhorn(own[clip][key[clip]], 0.05).argmax(-1)
    target = truth.level[:, None, None] * own.shape[-1] + index
    maps = [m.flatten(0, 1) for m in (*features.visual_maps, *features.maps[:-1])]
    place = selection.extra["place"].flatten(0, 1)
    branches = zip(model.selector.kdm.branches, maps, strict=True)
    vectors = [branch.project(sample(m, place)) for branch, m in branches] + [tokens.flatten(0, 1)]
    each = [
        F.cross_entropy(cosine(v).view(target.numel(), -1) / 0.1, target.flatten()) for v in vectors
    ]
    moved = sdpm.prototypes.flatten(0, 1).clone()
    for number in target[key].unique():
        mean = unit[key & (target == number)].mean(0)
        moved[number] = F.normalize(0.99 * moved[number] + 0.01 * mean, dim=-1)
    weight = kept / kept.sum(-1, keepdim=True)
    return (
        units,
        share,
        weight,
        scores,
        0.1 * torch.stack(each).mean(),
        moved.view_as(sdpm.prototypes),
    )


def test_without_its_options_it_computes_what_is_written_out_here(build, make_inputs, truth):
    model, inputs = build(selector={"sdpm": {"sampling": 1.0}}).eval(), make_inputs(frames=6)
    torch.nn.init.uniform_(model.selector.map.weight, 0.5, 1.5)
    flow = model.flow(inputs)
    features, units, selection, _ = flow
    assert (selection.extra["key"].sum(1) == 2).all()
    losses = model.losses(inputs, truth, flow)
    assert set(losses) == {"head.mse", "selector.contrastive"}
    wanted = written_out(model, features, selection, truth)
    model.selector.update(units, selection, truth, model.progress)
    found = (
        *(units.x, selection.relevance, selection.weight, selection.level_scores),
        *(losses["selector.contrastive"], model.selector.sdpm.prototypes),
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    assert all(p.requires_grad for p in model.parameters())


def test_hard_tokens_pass_no_contrastive_gradient_to_the_backbone(build, make_inputs, truth):
    model = build(selector={"tokens": {"kind": "hard"}})
    model(make_inputs(), truth, mode="loss")["selector.contrastive"].backward()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert model.selector.tokens.encode.weight.grad.norm() > 0


@pytest.mark.parametrize("name", ["text", "image"])
def test_a_changed_clip_vector_changes_the_prediction(build, make_inputs, name):
    model, inputs = build().eval(), make_inputs()
    vector = getattr(inputs.semantics, name)
    other = replace(inputs.semantics, **{name: torch.randn_like(vector)})
    moved = model.assess(replace(inputs, semantics=other)).score - model.assess(inputs).score
    print(f"a changed {name} vector moves predictions by {moved.abs().tolist()}")
    # Untrained, every gate is at its small start; trained weights are held to points in tests/engine.
    assert (moved.abs() > 1e-5).all()


@pytest.mark.parametrize("name", ALL_TOGETHER)
def test_a_prediction_is_the_same_alone_in_a_batch_padded_and_again(
    build, make_inputs, truth, name
):
    model, inputs = build(**ALL_TOGETHER[name]), make_inputs(frames=6)
    training_step(model, inputs, truth)
    model.eval()
    # A small top u, so that the choice among frames is put to the test.
    model.selector.sdpm.sampling = 1.0
    with torch.no_grad():
        score = model.assess(inputs).score
        assert (score[0] - score[1]).abs() > 1e-3
        again = model.assess(inputs).score
        alone = torch.cat(
            [model.assess(inputs.map(lambda t, i=i: t[i : i + 1])).score for i in (0, 1)]
        )
        with_padding = model.assess(padded(inputs, 3)).score
    assert torch.equal(again, score)
    torch.testing.assert_close(alone, score, atol=1e-4, rtol=0)
    torch.testing.assert_close(with_padding, score, atol=1e-4, rtol=0)


def test_padding_changes_neither_losses_nor_prototypes(build, make_inputs, truth):
    inputs = make_inputs(frames=6)
    results = []
    for given in (inputs, padded(inputs, 3)):
        model = build(selector={"sdpm": {"sampling": 1.0}}).eval()
        flow = model.flow(given)
        losses = model.losses(given, truth, flow)
        model.selector.update(flow[1], flow[2], truth, 0.5)
        results.append((losses, model.selector.sdpm.prototypes))
    for name, value in results[0][0].items():
        torch.testing.assert_close(results[1][0][name], value, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(results[1][1], results[0][1], atol=1e-6, rtol=0)


def test_prediction_ignores_the_global_random_state(build, make_inputs):
    model, inputs = build().eval(), make_inputs()
    scores = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        scores.append(model.assess(inputs).score)
    assert torch.equal(*scores)


def test_prototypes_move_in_training_steps_only(build, make_inputs, truth):
    model, inputs = build(), make_inputs()
    before = model.selector.sdpm.prototypes.clone()
    model.eval()
    model.assess(inputs)
    model(inputs, truth, mode="loss")
    model.train()
    sum(model(inputs, truth, mode="loss").values()).backward()
    assert torch.equal(model.selector.sdpm.prototypes, before)
    training_step(model, inputs, truth)
    after = model.selector.sdpm.prototypes
    moved = (after - before).abs().amax((1, 2)) > 0
    assert moved.tolist() == [True, False, False, True]
    torch.testing.assert_close(after.norm(dim=-1), torch.ones(4, 8))


def test_a_checkpoint_gives_the_prediction_back(build, make_inputs, truth, tmp_path):
    model, other, inputs = build(), build(seed=5), make_inputs()
    training_step(model, inputs, truth)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    other.load_state_dict(torch.load(tmp_path / "model.pth", weights_only=True))
    assert torch.equal(other.eval().assess(inputs).score, model.eval().assess(inputs).score)


@pytest.mark.parametrize("size", [32, 64, 96, 112, 128])
def test_any_size_of_frame_trains(build, make_inputs, truth, size):
    model = build()
    losses = training_step(model, make_inputs(frames=2, size=size), truth)
    assert losses["loss"].isfinite()


@pytest.mark.parametrize("frozen", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_few_steps_fit_two_clips(build, make_inputs, truth, trunk, frozen):
    model, inputs = build(backbone={"trunk": {**trunk, "frozen": frozen}}), make_inputs()
    optimiser = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=2e-3))
    first, *_, last = (
        float(model.train_step({"inputs": inputs, "truth": truth}, optimiser)["head.mse"])
        for _ in range(15)
    )
    assert last < 0.3 * first
