"""Methods on corpora of other scales than the BDI-II: parts get the scale, and keep the contract."""

import pytest
import torch

from adabench.evaluation import BDI_II, PHQ_8, Scale
from adabench.models import KeepAll
from adabench.testing import check_plugin, example_batch, report_plugin

CLASSES = Scale.of_classes("depressed", ("no", "yes"))
METHODS = {
    "ExpADA's": {"selector": {"type": "DFS"}, "head": {"type": "OrdinalRegressor"}},
    "Dep-MAP's": {"selector": {"type": "PrototypeMAP", "sdpm": {"prototypes": 2}}},
}


@pytest.mark.parametrize("scale", [PHQ_8, CLASSES], ids=["PHQ-8", "classes"])
@pytest.mark.parametrize("name", METHODS)
def test_both_methods_learn_the_levels_of_the_scale(name, scale):
    assessor = check_plugin(METHODS[name], scale=scale)
    assert assessor.scale == scale
    levels = assessor.assess(example_batch(scale=scale)[0]).selection.level_scores.shape[1]
    assert levels == len(scale.levels)
    if name == "ExpADA's":
        assert assessor.head.classify.out_features == len(scale.levels) - 1


@pytest.mark.parametrize("head", ["UnitRegressor", "OrdinalRegressor"])
def test_of_two_classes_a_score_is_a_probability_and_its_loss_the_cross_entropy(head):
    inputs, truth = example_batch(scale=CLASSES)
    assessor = check_plugin({"head": {"type": head}}, scale=CLASSES)
    flow = assessor.flow(inputs)
    probability = flow[-1].score.detach()
    assert ((probability > 0) & (probability < 1)).all()
    found = assessor.losses(inputs, truth, flow)
    log = torch.where(truth.score > 0, probability, 1 - probability).log()
    # Over units it is the larger, being convex in their log odds.
    assert found["head.cross_entropy"] >= -log.mean() - 1e-6
    assert "head.mse" not in found


def test_the_paper_s_three_sets_are_of_four_levels_alone():
    method = {"selector": {"type": "PrototypeMAP", "sdpm": {"levels": 3}}}
    report, assessor = report_plugin(method, scale=PHQ_8)
    assert assessor is None
    assert "sdpm.levels is 5, the scale's; got 3" in str(report.findings[0])


class Scaled(KeepAll):
    """Remembers what the builder hands it."""

    def __init__(self, *, units, scale):
        super().__init__(units=units)
        self.scale = scale


def test_a_part_that_takes_the_scale_gets_it():
    assert check_plugin({"selector": {"type": Scaled}}).selector.scale == BDI_II
    assert check_plugin({"selector": {"type": Scaled}}, scale=PHQ_8).selector.scale == PHQ_8
    given = {"selector": {"type": Scaled, "scale": 2}}
    assert check_plugin(given, scale=PHQ_8).selector.scale == 2
