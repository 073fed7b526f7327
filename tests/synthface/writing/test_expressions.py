import re

import numpy as np
import pytest

from adabench.synthface import ExpressionParameters, read_truth
from adabench.synthface.parameters import random_generator
from adabench.synthface.writing.expressions import draw_expressions


def signals(motion: str, persons: int = 60, frames: int = 30) -> list[np.ndarray]:
    parameters = ExpressionParameters(seed=1, motion=motion, frames=frames)
    return [
        draw_expressions(random_generator(1, "test", str(person)), parameters).behaviour
        for person in range(persons)
    ]


@pytest.mark.parametrize("motion", ["stills", "smooth"])
def test_action_units_are_independent_of_each_other(motion):
    table = np.concatenate(signals(motion, persons=400))
    correlation = np.corrcoef(table.T) - np.eye(table.shape[1])
    assert np.abs(correlation).max() < 0.1
    assert table.min() >= 0.0
    assert table.max() <= 1.0
    assert np.all(table.max(0) > 0.9)


def test_stills_jump_and_smooth_clips_do_not():
    steps = {
        motion: np.mean([np.abs(np.diff(clip, axis=0)).mean() for clip in signals(motion)])
        for motion in ("stills", "smooth")
    }
    assert steps["stills"] > 4 * steps["smooth"]
    largest = max(np.abs(np.diff(clip, axis=0)).max() for clip in signals("smooth"))
    # 2 ticks of the shortest move, 6 ticks, at its steepest
    assert largest <= np.sin(np.pi / 6) + 1e-9


def test_the_head_moves_smoothly_in_stills():
    parameters = ExpressionParameters(seed=1)
    truth = draw_expressions(random_generator(1, "test"), parameters)
    yaw, roll = truth.column("yaw"), truth.column("roll")
    assert np.abs(np.diff(yaw)).max() < 4.0
    assert np.abs(np.diff(roll)).max() < 1.5


def test_every_file_has_its_place(expressions, expression_parameters):
    files = sorted(p.relative_to(expressions).as_posix() for p in expressions.rglob("*.*"))
    videos = [file for file in files if re.fullmatch(r"(train|dev)/\d{4}_expression\.mp4", file)]
    labels = [file for file in files if re.fullmatch(r"labels/\d{4}_expression\.csv", file)]
    assert len(videos) == len(labels) == expression_parameters.identities
    assert [file for file in videos if file.startswith("dev/")] == ["dev/0008_expression.mp4"]
    assert set(files) == {*videos, *labels, "synthface.json"}


def test_labels_have_every_signal_and_no_key(expressions, expression_parameters):
    path = expressions / "labels" / "0001_expression.csv"
    assert "key" not in path.read_text().splitlines()[0].split(",")
    truth = read_truth(path)
    assert truth.behaviour.shape == (expression_parameters.frames, 11)
    assert not truth.key.any()
