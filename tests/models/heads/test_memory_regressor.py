"""The memory by plain loops, scipy's smoothing and ranks, and the ranks' gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d
from scipy.stats import rankdata
from torch.nn.functional import cosine_similarity
from unit_batches import TRUTH, UNITS, choose, clip_units, uneven

from adabench.evaluation import BDI_II, PHQ_8
from adabench.models import MemoryRegressor
from adabench.models.heads.memory_regressor import RANKED, RENEWED, smoothed_means
from adabench.models.heads.ranking import rank_similarity_loss, shared_ranks
from adabench.structures import Truth

TAPS = np.exp([-0.5, 0.0, -0.5])


def build(**options):
    head = MemoryRegressor(units=UNITS, **options)
    head.fit_scale(TRUTH.score)
    return head


def truth(*scores):
    return Truth(torch.tensor(scores), torch.zeros(len(scores), dtype=torch.long))


def vectors(units, selection):
    return (selection.weight[..., None] * units.x).sum(1)


@torch.no_grad()
def remembered(head, *batches, progress=0.5):
    """Renew the memory by batches of (seed, scores)."""
    for seed, scores in batches:
        units = clip_units(*range(1, len(scores) + 1), seed=seed)
        head.update(units, head(units, uneven(units)), truth(*scores), progress)
    return head


def test_means_are_renewed_with_momentum_of_the_scores_that_a_batch_has():
    batches = [(0, (4.0, 9.0, 4.0)), (1, (9.0, 63.0, 9.0)), (2, (0.0, 4.0, 5.0))]
    head = remembered(build(momentum=0.25), *batches)
    wanted = {}
    for seed, scores in batches:
        units = clip_units(1, 2, 3, seed=seed)
        clips = vectors(units, uneven(units))
        for label in set(scores):
            mean = torch.stack([c for c, s in zip(clips, scores, strict=True) if s == label]).mean(
                0
            )
            wanted[label] = 0.25 * wanted[label] + 0.75 * mean if label in wanted else mean
    assert head.known.nonzero().flatten().tolist() == sorted(map(int, wanted))
    for label, mean in wanted.items():
        torch.testing.assert_close(head.means[int(label)], mean)
    assert not head.means[~head.known].any()


def test_the_memory_is_renewed_from_a_share_of_training_on():
    assert pytest.approx(0.03) == RENEWED
    assert pytest.approx(1 / 30) == RANKED
    assert not remembered(build(), (0, (4.0, 9.0)), progress=0.029).known.any()
    assert remembered(build(), (0, (4.0, 9.0)), progress=0.03).known.sum() == 2


def test_means_are_smoothed_by_a_mirrored_gaussian():
    means, every = torch.randn(9, 4), torch.ones(9, dtype=torch.bool)
    wanted = convolve1d(means.double().numpy(), TAPS / TAPS.sum(), axis=0, mode="mirror")
    assert smoothed_means(means, every).numpy() == pytest.approx(wanted, abs=1e-6)


def test_labels_that_are_not_known_have_no_share_in_others():
    known = torch.tensor([True, False, True, True, False])
    means = torch.randn(5, 2).masked_fill(~known[:, None], 1e6)
    found = smoothed_means(means, known)
    pair = (means[2] + TAPS[0] * means[3]) / (1 + TAPS[0])
    torch.testing.assert_close(found[0], means[0])
    torch.testing.assert_close(found[2], pair.float())


def test_ranks_are_shared_by_equals():
    values = torch.randint(0, 5, (20, 9))
    wanted = rankdata(values.numpy(), axis=1)
    assert shared_ranks(values).numpy() == pytest.approx(wanted)


def ranked(given, labels):
    """The ranking loss by rows, of labels that differ."""
    total = 0.0
    for vector, label in zip(given, labels, strict=True):
        near = rankdata(cosine_similarity(given, vector[None]).numpy()) / len(labels)
        wanted = rankdata(-np.abs(labels - label)) / len(labels)
        total += ((near - wanted) ** 2).mean()
    return total


def test_the_ranking_loss_is_that_of_its_rows_and_takes_the_first_of_a_label():
    given, labels = torch.randn(7, 5), np.array([3, 9, 3, 20, 4, 9, 60])
    first = [0, 1, 3, 4, 6]
    wanted = ranked(given[first], labels[first])
    assert wanted > 0.1
    found = rank_similarity_loss(given, torch.from_numpy(labels))
    assert float(found) == pytest.approx(wanted, rel=1e-5)
    alike = torch.tensor([5, 5, 5])
    assert float(rank_similarity_loss(given[:3], alike)) == 0.0


def test_the_ranks_gradient_is_that_of_their_interpolation():
    given, labels = torch.randn(6, 3), torch.tensor([0, 7, 1, 30, 12, 25])
    made = torch.nn.functional.normalize(given).requires_grad_()
    (3 * rank_similarity_loss(made, labels, 2.0)).backward()
    # Ranks from the nearest on, as Rolínek et al. 2020 have them: 1 is the largest cosine.
    cosine, count, labels = (made @ made.T).detach().double().numpy(), 6, labels.numpy()
    slope = np.zeros((6, 6))
    for row in range(count):
        own = rankdata(-cosine[row]) / count
        wanted = rankdata(np.abs(labels - labels[row])) / count
        error = 2 * (own - wanted) / count
        slope[row] = (rankdata(-(cosine[row] + 2.0 * error)) / count - own) / 2.0
    assert np.abs(slope).max() > 0
    onto = torch.from_numpy(slope + slope.T) @ made.detach().double()
    # Of unit vectors, the part along themselves is taken out by the norm.
    wanted = onto - (onto * made.detach()).sum(1, keepdim=True) * made.detach()
    torch.testing.assert_close(made.grad, 3 * wanted.float(), atol=1e-5, rtol=1e-4)


def test_descent_brings_vectors_into_the_order_of_their_labels():
    given = torch.nn.Parameter(torch.randn(8, 4))
    labels = torch.arange(0, 48, 6)
    optimiser = torch.optim.Adam([given], lr=0.05)
    found = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = rank_similarity_loss(given, labels)
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.3 * found[0]


@pytest.mark.parametrize("points", [False, True])
def test_losses_are_of_clips_means_and_both_ranked(points):
    head = build(rank_weight=0.5, points=points)
    remembered(head, (3, (4.0, 5.0, 30.0)), (4, (5.0, 6.0, 1.0)))
    units = clip_units(4, 1, 3)
    selection = uneven(units)
    found = head(units, selection).detach()
    given = replace(TRUTH, variance=200.0)
    losses = head.loss(units, found, given, 0.5)
    losses = {name: float(loss.detach()) for name, loss in losses.items()}
    mean, std = TRUTH.score.mean(), TRUTH.score.std(correction=0)
    error = (found.score - TRUTH.score) / std
    known = torch.tensor([1, 4, 5, 6, 30])
    means = smoothed_means(head.means, head.known)[known]
    told = head.regress(means).detach().squeeze(-1) - (known - mean) / std
    # Score 4 is the batch's own.
    both = torch.cat([vectors(units, selection), means[[0, 2, 3, 4]]])
    rank = ranked(both, np.array([4, 22, 40, 1, 5, 6, 30]))
    assert losses == {
        "mse": pytest.approx(float(error.square().mean()), rel=1e-5),
        "memory": pytest.approx(float(told.square().mean()), rel=1e-5),
        "rank": pytest.approx(0.5 * rank / (200.0 if points else 1.0), rel=1e-5),
    }
    assert head.in_points is points
    alone = ranked(vectors(units, selection), TRUTH.score.numpy())
    early = head.loss(units, found, given, 0.03)["rank"]
    assert float(early) == pytest.approx(0.5 * alone / (200.0 if points else 1.0), rel=1e-5)


def test_an_empty_memory_costs_nothing_and_a_prediction_reads_none():
    units, head = clip_units(4, 1, 3), build(rank_weight=0.0)
    before = head(units, choose(units))
    losses = head.loss(units, before, TRUTH, 0.5)
    assert losses.keys() == {"mse", "memory"}
    assert float(losses["memory"]) == 0.0
    remembered(head, (3, (4.0, 5.0, 30.0)))
    assert torch.equal(head(units, choose(units)).score, before.score)
    assert head.loss(units, before, TRUTH, 0.5)["memory"] > 0


def test_hidden_layers_are_as_many_as_wanted():
    shapes = [tuple(p.shape) for p in build(hidden=(5, 3)).regress.parameters()]
    assert shapes == [(5, 6), (5,), (3, 5), (3,), (1, 3), (1,)]
    assert len(build(scale=PHQ_8).means) == 25
    kinds = [type(m).__name__ for m in build(hidden=(5, 3), dropout=0.5).regress]
    assert kinds == ["Dropout", "Linear", "GELU", "Dropout", "Linear", "GELU", "Linear"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank_weight": -1.0}, "MemoryRegressor.rank_weight is 0 or more; got -1.0"),
        ({"step": 0.0}, "MemoryRegressor.step is above 0; got 0.0"),
        ({"scale": replace(BDI_II, whole=False)}, "those of BDI-II are not whole: take UnitReg"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
