"""The figure of prediction against label."""

import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

from adabench.viz import prediction_scatter


@pytest.fixture
def scores():
    generator = np.random.default_rng(0)
    label = generator.integers(0, 46, 50).astype(float)
    return label + generator.normal(0, 5, 50), label


def test_a_readable_picture_is_written(scores, tmp_path):
    path = prediction_scatter(*scores, tmp_path / "new" / "a.png", "Dep-MAP on demo")
    picture = matplotlib.image.imread(path)
    assert picture.shape[:2] == (900, 840)
    assert picture[..., :3].std() > 0.05
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


def test_the_text_says_title_levels_and_metrics(scores, tmp_path):
    path = prediction_scatter([5.0, 9.0], [5.0, 5.0], tmp_path / "a.svg", "One", subtitle="Two")
    drawn = path.read_text()
    words = ["One", "Two", "minimal", "mild", "moderate", "severe", "label (BDI-II points)"]
    words += ["RMSE   2.83", "MAE    2.00", "PCC    0.00", "CCC    0.00"]
    for word in words:
        assert f"<!-- {word} -->" in drawn


def test_predictions_move_the_picture(scores, tmp_path):
    prediction, label = scores
    one = prediction_scatter(prediction, label, tmp_path / "a.png", "t").read_bytes()
    same = prediction_scatter(prediction, label, tmp_path / "b.png", "t").read_bytes()
    other = prediction_scatter(prediction + 2, label, tmp_path / "c.png", "t").read_bytes()
    assert one == same
    assert one != other


@pytest.mark.parametrize(("prediction", "label"), [([15.0], [20.0]), ([90.0, -5.0], [63.0, 0.0])])
def test_edges_are_drawn(prediction, label, tmp_path):
    assert prediction_scatter(prediction, label, tmp_path / "a.png", "t").stat().st_size > 1000


def test_bad_input_is_refused_and_leaves_no_file(scores, tmp_path):
    prediction, label = scores
    with pytest.raises(ValueError, match="shape"):
        prediction_scatter(prediction[1:], label, tmp_path / "a.png", "t")
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 63\].*-40"):
        prediction_scatter(prediction, label - 40 - label.min(), tmp_path / "a.png", "t")
    with pytest.raises(ValueError, match=r"a\.movie: its ending must be one of .*png"):
        prediction_scatter(prediction, label, tmp_path / "a.movie", "t")
    assert list(tmp_path.iterdir()) == []


PROBE = """
import sys
from adabench.viz import prediction_scatter
prediction_scatter([1.0, 2.0], [1.0, 3.0], sys.argv[1], "t")
print("matplotlib.pyplot" in sys.modules)
"""


def test_it_leaves_the_global_state_of_pyplot_alone(tmp_path):
    command = [sys.executable, "-c", PROBE, str(tmp_path / "a.png")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
