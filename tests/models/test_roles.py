import pytest
import torch

from adabench.models import Aggregator, Backbone, Head, Part, Selector, UnitRegressor
from adabench.structures import FeatureSpec, UnitSpec


def head() -> UnitRegressor:
    spec = FeatureSpec(vector=4)
    return UnitRegressor(units=UnitSpec(dim=4, per_step=True, features=spec))


@pytest.mark.parametrize("role", [Backbone, Aggregator, Selector, Head])
def test_a_role_can_not_be_built_itself(role):
    with pytest.raises(TypeError, match="abstract"):
        role()


def test_a_part_has_neither_loss_nor_memory_by_default():
    class Plain(Part):
        def forward(self):
            return None

    part = Plain()
    assert part.loss(None, None, None, 0.0) == {}
    assert part.update(None, None, None, 0.0) is None
    assert part.version == 1


def test_standardising_is_undone_by_to_points():
    part = head()
    part.fit_scale(torch.tensor([0.0, 4.0, 8.0, 40.0]))
    scores = torch.tensor([0.0, 13.0, 63.0])
    assert torch.allclose(part.to_points(part.standardise(scores)), scores)
    assert part.score_mean == 13.0


def test_the_standard_deviation_is_that_of_the_population():
    part = head()
    part.fit_scale(torch.tensor([10.0, 20.0]))
    assert part.score_std == 5.0


def test_equal_scores_do_not_divide_by_zero():
    part = head()
    part.fit_scale(torch.tensor([7.0, 7.0]))
    assert part.score_std == 1.0
    with pytest.raises(ValueError, match="no score"):
        part.fit_scale(torch.tensor([]))


def test_the_scale_travels_with_the_state_dict():
    first, second = head(), head()
    first.fit_scale(torch.tensor([10.0, 20.0]))
    second.load_state_dict(first.state_dict())
    assert second.score_mean == 15.0
    assert second.score_std == 5.0
