"""DFS as a part: invariants, choices, gradients."""

from dataclasses import replace

import pytest
import torch
from adabench_plugins.expada.dfs import DFS

from adabench.structures import FeatureSpec, Truth, UnitSpec
from adabench.testing import check_plugin, check_selection, example_batch

UNITS = UnitSpec(dim=6, per_step=False, features=FeatureSpec(vector=6))
AGGREGATORS = {"Identity": {"type": "Identity"}, "MTE": {"type": "MTE", "dim": 8, "hidden": 8}}
OPTIONS = [{"select": s, "level": v} for s in ("sdr", "own_level") for v in ("argmax", "mode")]


def build(**options):
    """DFS with logits far enough apart to be worth choosing by."""
    dfs = DFS(units=UNITS, **{"hidden": 8, **options}).eval()
    for layer in (dfs.classify[-1], dfs.relate[-1]):
        layer.weight.data *= 20
    return dfs


@pytest.mark.parametrize("options", OPTIONS)
def test_shares_sum_to_one_and_z_is_a_share(make_units, options):
    units = make_units(9, 1, 4, 12)
    selection = build(**options)(units)
    p, r = selection.extra["probability"], selection.extra["share"]
    torch.testing.assert_close(p.sum(-1), torch.ones(4, 12))
    torch.testing.assert_close(r.sum(1), torch.ones(4, 4))
    assert not r[~units.valid].any()
    z = selection.level_scores
    assert ((z >= 0) & (z <= 1 + 1e-6)).all()
    torch.testing.assert_close(z, (p * r).sum(1))
    assert z.std() > 0.01
    check_selection(selection, units.valid, "DFS")


def test_relevance_is_the_sdr_of_the_predicted_level(make_units):
    units = make_units(9, 4)
    selection = build()(units)
    level = selection.level_scores.argmax(-1)
    assert torch.equal(selection.extra["level"], level)
    evidence = selection.extra["probability"] * selection.extra["share"]
    for clip in range(2):
        assert torch.equal(selection.relevance[clip], evidence[clip, :, level[clip]])
    # Summed over units the SDR is z at I: it is not normalised.
    torch.testing.assert_close(selection.relevance.sum(-1), selection.level_scores.amax(-1))


@pytest.mark.parametrize("percent", [1, 10, 20, 30, 50, 70, 100])
def test_k_units_of_largest_sdr_weigh_the_same(make_units, percent):
    lengths = (90, 1, 3, 14, 27)
    units = make_units(*lengths)
    selection = build(percent=percent)(units)
    for clip, length in enumerate(lengths):
        count = max(1, percent * length // 100)
        best = selection.relevance[clip, :length].argsort(descending=True)[:count]
        kept = selection.weight[clip].nonzero().flatten()
        assert set(kept.tolist()) == set(best.tolist())
        torch.testing.assert_close(selection.weight[clip, kept], torch.full((count,), 1 / count))
    if percent == 70:
        assert int((selection.weight[0] > 0).sum()) == 63


def test_units_of_the_clips_own_level_are_kept(make_units):
    units = make_units(40, 12, 3)
    selection = build(select="own_level", percent=50)(units).detach()
    p, level = selection.extra["probability"], selection.extra["level"]
    for clip, length in enumerate((40, 12, 3)):
        own = [n for n in range(length) if p[clip, n].argmax() == level[clip]]
        best = sorted(own, key=lambda n: -float(p[clip, n, level[clip]]))
        wanted = best[: max(1, length // 2)] or selection.relevance[clip].topk(1).indices.tolist()
        assert set(selection.weight[clip].nonzero().flatten().tolist()) == set(wanted)


def test_without_a_unit_of_the_clips_level_the_sdr_decides(make_units):
    units = make_units(10)
    dfs = build(select="own_level", percent=30)
    # Every unit says 0 a little more often than 1, and one unit alone decides on 1.
    dfs.classify[-1].weight.data.zero_()
    dfs.classify[-1].bias.data = torch.tensor([0.1, 0.0, -9.0, -9.0])
    forced = build(select="sdr", percent=30)
    forced.load_state_dict(dfs.state_dict())
    assert (dfs(units).extra["probability"].argmax(-1) == 0).all()
    probability = dfs(units).extra["probability"]
    kept = dfs._keep(probability, torch.arange(10.0)[None], torch.tensor([1]), units.valid)
    assert kept[0].nonzero().flatten().tolist() == [7, 8, 9]
    assert (dfs(units).weight > 0).sum() == (forced(units).weight > 0).sum() == 3


def test_the_mode_may_differ_from_the_argmax(make_units):
    units = make_units(30, 30, 30, 30)
    levels = [build(level=name) for name in ("argmax", "mode")]
    levels[1].load_state_dict(levels[0].state_dict())
    by_z, by_vote = (dfs(units).extra["level"] for dfs in levels)
    votes = levels[0](units).extra["probability"].argmax(-1)
    assert by_vote.tolist() == [int(row.bincount(minlength=4).argmax()) for row in votes]
    assert by_z.tolist() == levels[0](units).level_scores.argmax(-1).tolist()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("content", [1e3, -1e30, float("inf"), float("nan")])
def test_padding_is_never_selected_whatever_it_holds(make_units, options, content):
    units = make_units(9, 2, 1)
    dfs = build(**options)
    filled = replace(units, x=units.x.masked_fill(~units.valid[..., None], content))
    plain, came = dfs(units), dfs(filled)
    for name in ("weight", "relevance", "level_scores"):
        assert torch.equal(getattr(came, name), getattr(plain, name)), name
    truth = Truth(score=torch.tensor([3.0, 16.0, 40.0]), level=torch.tensor([0, 1, 3]))
    dfs.loss(filled, came, truth, 0.5)["wsl"].backward()
    assert all(p.grad.isfinite().all() for p in dfs.parameters())


def test_more_padding_changes_nothing(make_units):
    units, dfs = make_units(6, 2), build()
    longer = make_units(6, 2, steps=11)
    longer.x[:, :6] = units.x
    torch.testing.assert_close(dfs(longer).weight[:, :6], dfs(units).weight)
    torch.testing.assert_close(dfs(longer).level_scores, dfs(units).level_scores)
    assert not dfs(longer).weight[:, 6:].any()


def test_the_weak_loss_trains_both_branches_and_what_is_before_them(make_units):
    units = make_units(9, 2, 5)
    units.x.requires_grad_()
    dfs = build()
    truth = Truth(score=torch.tensor([3.0, 16.0, 40.0]), level=torch.tensor([0, 1, 3]))
    losses = dfs.loss(units, dfs(units), truth, 0.5)
    assert list(losses) == ["wsl"]
    losses["wsl"].backward()
    for name, parameter in dfs.named_parameters():
        assert parameter.grad.norm() > 0, name
    # Every valid unit hears of the level, selected or not.
    assert (units.x.grad.norm(dim=-1) > 0).equal(units.valid)
    assert all(a is not b for a in dfs.classify.parameters() for b in dfs.relate.parameters())


def test_the_prediction_follows_the_label_it_is_trained_on(make_units):
    units = make_units(12, 12, 12)
    truth = Truth(score=torch.tensor([3.0, 16.0, 40.0]), level=torch.tensor([0, 1, 3]))
    dfs = DFS(units=UNITS, hidden=16)
    optimiser = torch.optim.Adam(dfs.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        dfs.loss(units, dfs(units), truth, 0.0)["wsl"].backward()
        optimiser.step()
    selection = dfs(units)
    assert selection.extra["level"].tolist() == [0, 1, 3]
    assert selection.level_scores.amax(-1).min() > 0.8


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"percent": 0}, ValueError, "percent is 1 to 100; got 0"),
        ({"percent": 101}, ValueError, "percent is 1 to 100; got 101"),
        ({"percent": 0.2}, TypeError, r"20 for 0\.2\); got 0\.2"),
        ({"select": "best"}, ValueError, "select is one of sdr, own_level; got 'best'"),
        ({"level": "mean"}, ValueError, "level is one of argmax, mode; got 'mean'"),
    ],
)
def test_wrong_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        DFS(units=UNITS, **options)


@pytest.mark.parametrize(
    ("aggregator", "options"),
    [("Identity", {}), ("Identity", {"hidden": 0, "dropout": 0.2}), *(("MTE", o) for o in OPTIONS)],
)
def test_the_contract_is_kept(aggregator, options):
    inputs, truth = example_batch()
    check_plugin(
        {
            "aggregator": AGGREGATORS[aggregator],
            "selector": {"type": "DFS", "percent": 50, **options},
        },
        inputs=inputs,
        truth=truth,
    )


def test_mixed_precision_stays_finite(make_units):
    dfs, units = build().train(), make_units(9, 1, 4)
    truth = Truth(score=torch.tensor([3.0, 16.0, 40.0]), level=torch.tensor([0, 1, 3]))
    with torch.autocast("cpu", torch.bfloat16):
        selection = dfs(units)
        loss = dfs.loss(units, selection, truth, 0.5)["wsl"]
    assert loss.dtype == selection.level_scores.dtype == torch.float32
    check_selection(selection, units.valid, "DFS")
    loss.backward()
    assert all(p.grad.isfinite().all() for p in dfs.parameters())
