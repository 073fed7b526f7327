"""The figure of a training's curve."""

import matplotlib.image
import numpy as np
import pytest

from adabench.viz import training_curve


def rows(epochs=6, **more):
    return [
        {
            "epoch": epoch,
            "rate": 0.001 / epoch,
            "train/loss": 3.0 / epoch,
            "train/head.mse": 2.0 / epoch,
            "train/selector.ot": 1.0 / epoch,
            **({"val/RMSE": 9.0 - epoch, "val/PCC": 0.1 * epoch} if epoch % 2 == 0 else {}),
            **more,
        }
        for epoch in range(1, epochs + 1)
    ]


def drawn(found, path, **options):
    """The texts of a figure."""
    svg = training_curve(found, path / "a.svg", "One_two $x", **options).read_text()
    return [line.strip()[5:-4] for line in svg.splitlines() if line.strip().startswith("<!-- ")]


def test_a_readable_picture_is_written(tmp_path):
    path = training_curve(rows(), tmp_path / "new" / "a.png", "Dep-MAP on demo", chosen=4)
    picture = matplotlib.image.imread(path)
    assert picture.shape[1] == 1260
    assert picture[..., :3].std() > 0.05
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]
    before = path.read_bytes()
    training_curve(rows(), path, "Dep-MAP on demo", chosen=2)
    assert path.read_bytes() != before


def test_it_shows_each_loss_metric_and_the_rate(tmp_path):
    words = drawn(rows(), tmp_path, chosen=4)
    for word in ("One_two $x", "sum", "head.mse", "selector.ot", "RMSE", "PCC", "epoch"):
        assert word in words
    assert "tested: epoch 4" in words
    # Errors and correlations have an axis each.
    assert words.count("validation") == 2
    assert words.count("learning rate") == words.count("training loss") == 1


def test_a_single_loss_is_its_own_sum(tmp_path):
    found = [{"epoch": 1, "train/loss": 2.0, "train/head.mse": 2.0}]
    words = drawn(found, tmp_path)
    assert "head.mse" in words
    assert not {"sum", "loss", "validation", "learning rate"} & set(words)
    assert "loss" in drawn([{"epoch": 1, "train/loss": 2.0}], tmp_path)


def test_names_that_are_too_long_are_cut(tmp_path):
    name = "selector." + "x" * 40
    words = drawn(rows(**{f"train/{name}": 1.0}), tmp_path)
    assert f"{name[:22]}…" in words


@pytest.mark.parametrize(("low", "is_log"), [(0.5, False), (0.001, True), (0.0, False)])
def test_an_axis_is_logarithmic_where_that_is_sensible(tmp_path, low, is_log):
    found = [{"epoch": 1, "train/loss": 2.0}, {"epoch": 2, "train/loss": low}]
    ticks = drawn(found, tmp_path)
    assert any("10^" in tick for tick in ticks) == is_log


def test_correlations_have_a_plain_axis_however_small_one_is(tmp_path):
    found = [{"epoch": 1, "train/loss": 2.0, "val/CCC": 0.9}]
    found.append({"epoch": 2, "train/loss": 1.9, "val/CCC": 0.001})
    assert not any("10^" in tick for tick in drawn(found, tmp_path))


def test_a_number_that_is_none_leaves_a_gap(tmp_path):
    found = rows(4, **{"val/CCC": np.nan, "train/odd": np.inf})
    assert "CCC" in drawn(found, tmp_path)


def test_bad_input_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="an epoch or more"):
        training_curve([], tmp_path / "a.png", "t")
    with pytest.raises(ValueError, match=r"a\.movie: its ending must be one of .*png"):
        training_curve(rows(), tmp_path / "a.movie", "t")
    assert list(tmp_path.iterdir()) == []
