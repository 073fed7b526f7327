"""Quantiles: scikit-learn's pinball loss, their order, and where they begin and end."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss
from unit_batches import TRUTH, UNITS, choose, clip_units, uneven

from adabench.models import Quantiles
from adabench.models.heads.losses import pinball_loss
from adabench.models.heads.quantiles import rising

FIVE = (0.05, 0.25, 0.5, 0.9, 0.95)


def build(**options):
    head = Quantiles(units=UNITS, **options)
    head.fit_scale(TRUTH.score)
    return head


def test_the_pinball_loss_is_scikit_learn_s():
    given, target = torch.randn(50, 5, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    found = pinball_loss(given, target, torch.tensor(FIVE, dtype=torch.float64))
    wanted = [mean_pinball_loss(target, given[:, n], alpha=q) for n, q in enumerate(FIVE)]
    assert float(found.mean()) == pytest.approx(np.mean(wanted), rel=1e-9)


@pytest.mark.parametrize("middle", range(5))
def test_they_rise_from_whatever_the_layer_gives(middle):
    values = torch.randn(200, 5, dtype=torch.float64) * 20
    found = rising(values, middle)
    assert (found.diff(dim=-1) >= 0).all()
    assert (rising(values.float(), middle).diff(dim=-1) >= 0).all()
    assert torch.equal(found[:, middle], values[:, middle])
    steps = np.log1p(np.exp(np.delete(values.numpy(), middle, axis=1)))
    assert np.diff(found.numpy(), axis=1) == pytest.approx(steps, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("loss_on", ["clip", "unit"])
def test_the_clip_s_are_the_mean_of_its_units_and_the_median_is_the_score(loss_on):
    units, head = clip_units(5, 2, 3), build(quantiles=FIVE, loss_on=loss_on)
    selection = uneven(units)
    found = head(units, selection)
    each, mean, std = head.regress(units.x), TRUTH.score.mean(), TRUTH.score.std(correction=0)
    points = rising(each, 2) * std + mean
    quantiles = (selection.weight[..., None] * points).sum(1)
    torch.testing.assert_close(found.extra["quantiles"], quantiles)
    torch.testing.assert_close(found.score, quantiles[:, 2])
    torch.testing.assert_close(found.unit_score[units.valid], points[..., 2][units.valid])
    assert (found.extra["quantiles"].diff(dim=1) > 0).all()
    loss = head.loss(units, found, TRUTH, 0.5)
    assert loss.keys() == {"pinball"}
    shares = torch.tensor(FIVE)
    if loss_on == "clip":
        wanted = pinball_loss((quantiles - mean) / std, (TRUTH.score - mean) / std, shares).mean()
    else:
        target = ((TRUTH.score - mean) / std)[:, None]
        by_unit = pinball_loss((points - mean) / std, target, shares)
        wanted = (selection.weight * by_unit).sum() / 3
    torch.testing.assert_close(loss["pinball"], wanted)


def test_they_begin_as_a_normal_distribution_s():
    units, head = clip_units(4, 2), build(quantiles=FIVE)
    torch.nn.init.zeros_(head.regress[-1].weight)
    found = head.standardise(head(units, choose(units)).extra["quantiles"])[0].detach()
    # Beside a bias's own start, which is small.
    limit = 6**-0.5
    assert abs(float(found[2])) <= limit
    wanted = np.diff(norm.ppf(FIVE))
    low, high = (np.log1p(np.expm1(wanted) * np.exp(sign * limit)) for sign in (-1, 1))
    steps = np.diff(found.numpy())
    assert ((low <= steps) & (steps <= high)).all()


def test_trained_on_labels_alone_they_are_the_labels_quantiles():
    labels = torch.randn(400, generator=torch.Generator().manual_seed(0)) * 5 + 30
    units, head = clip_units(*[1] * 400), build()
    head.fit_scale(labels)
    units.x.zero_()
    truth = type(TRUTH)(score=labels, level=torch.zeros(400, dtype=torch.long))
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        head.loss(units, head(units, choose(units)), truth, 0.5)["pinball"].backward()
        optimiser.step()
    found = head(units, choose(units)).extra["quantiles"][0]
    wanted = labels.quantile(torch.tensor([0.05, 0.5, 0.95]))
    torch.testing.assert_close(found, wanted, atol=0.5, rtol=0)
    assert Quantiles.gives_quantiles


@pytest.mark.parametrize(
    "wrong",
    [(0.05, 0.95), (0.5, 0.05), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5), (0.5, float("nan")), ()],
)
def test_quantiles_that_do_not_rise_around_the_median_are_refused(wrong):
    with pytest.raises(ValueError, match=r"rise between 0 and 1, and 0.5 is among them; got \("):
        build(quantiles=wrong)
