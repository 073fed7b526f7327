"""Label distributions: scipy's Gaussians and divergence, and where they begin."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import rel_entr
from scipy.stats import norm
from unit_batches import TRUTH, UNITS, choose, clip_units, uneven

from adabench.evaluation import BDI_II, PHQ_8
from adabench.models import LabelDistribution

CENTRES = np.arange(64.0)


def build(**options):
    head = LabelDistribution(units=UNITS, **options)
    head.fit_scale(TRUTH.score)
    return head


def gaussian(mean, deviation):
    share = norm.pdf(CENTRES, mean, deviation)
    return share / share.sum()


def shares(head, logits):
    """The distribution that logits (64,) of the layer mean."""
    scores = TRUTH.score.numpy()
    found = np.exp(logits.double().numpy()) * gaussian(scores.mean(), scores.std())
    return found / found.sum()


@torch.no_grad()
def test_score_and_loss_are_those_of_the_mean_logits():
    units, head = clip_units(5, 2, 3), build(deviation=2.0)
    selection = uneven(units)
    found = head(units, selection)
    loss = head.loss(units, found, TRUTH, 0.5)
    logits = head.classify(units.x)
    wanted = []
    for clip, label in enumerate(TRUTH.score.tolist()):
        share = shares(head, (selection.weight[clip, :, None] * logits[clip]).sum(0))
        wanted.append(rel_entr(gaussian(label, 2.0), share).sum())
        assert float(found.score[clip]) == pytest.approx(share @ CENTRES, rel=1e-5)
        assert found.extra["distribution"][clip].numpy() == pytest.approx(share, abs=1e-6)
        for unit in range(int(units.valid[clip].sum())):
            mean = shares(head, logits[clip, unit]) @ CENTRES
            assert float(found.unit_score[clip, unit]) == pytest.approx(mean, rel=1e-5)
    assert loss.keys() == {"divergence"}
    assert float(loss["divergence"]) == pytest.approx(np.mean(wanted), rel=1e-5)


@torch.no_grad()
def test_the_loss_of_units_is_the_weighted_mean_of_theirs():
    units, head = clip_units(5, 2, 3), build(loss_on="unit")
    selection = choose(units, (0, 3), (1,), (0, 1, 2))
    found = head.loss(units, head(units, selection), TRUTH, 0.5)["divergence"]
    logits = head.classify(units.x)
    wanted = [
        np.mean([rel_entr(gaussian(label, 3.0), shares(head, logits[c, m])).sum() for m in kept])
        for c, (label, kept) in enumerate(
            zip(TRUTH.score.tolist(), [(0, 3), (1,), (0, 1, 2)], strict=True)
        )
    ]
    assert float(found) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_it_begins_at_the_training_scores():
    units, head = clip_units(4, 2), build()
    last = head.classify[-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    found = head(units, choose(units))
    scores = TRUTH.score.numpy()
    wanted = gaussian(scores.mean(), scores.std())
    assert found.extra["distribution"][0].detach().numpy() == pytest.approx(wanted, abs=1e-6)


def test_a_label_s_distribution_can_be_met_and_is_cut_off_at_an_end():
    truth = replace(TRUTH, score=torch.tensor([0.0, 22.0, 63.0]))
    units, head = clip_units(1, 1, 1), build()
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=400, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = head.loss(units, head(units, choose(units)), truth, 0.5)["divergence"]
        loss.backward()
        return loss

    optimiser.step(closure)
    assert float(closure().detach()) < 1e-3
    # As the docstring has it.
    wanted = [2.1, 22.0, 63 - 2.1]
    assert head(units, choose(units)).score.tolist() == pytest.approx(wanted, abs=0.1)


def test_bins_are_whole_scores_or_as_many_as_wanted():
    assert build(scale=PHQ_8).centres.tolist() == list(range(25))
    assert build(bins=10).centres.tolist() == list(range(0, 64, 7))
    loose = replace(BDI_II, whole=False)
    assert len(build(scale=loose, bins=127).centres) == 127
    with pytest.raises(
        ValueError, match=r"bins: the scores of BDI-II are not whole, so say how many"
    ):
        build(scale=loose)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deviation": 0.0}, "deviation is above 0 points; got 0.0"),
        ({"deviation": float("nan")}, "deviation is above 0 points; got nan"),
        ({"bins": 1}, "bins is 2 or more, or 0 for the whole scores; got 1"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=f"LabelDistribution.{message}"):
        build(**options)
