"""What a method starts from: told from its config, through the stages that it stands on."""

from pathlib import Path

import pytest

from adabench.bench.suites import load_suites
from adabench.config.experiment import Experiment
from adabench.config.reading.load import load_config
from adabench.config.starts import starts_from
from adabench.plugins import load_plugins

ROOT = Path(__file__).parents[2]
TRUNK = {"type": "ExpressionPretrain"}


def run(method=None, **sections):
    given = {"name": "run", "method": {"name": "Mine", **(method or {})}, "track": "demo"}
    return Experiment.model_validate({**given, **sections})


def backbone(weights):
    return {"backbone": {"type": "VAT", "trunk": {"type": "TimmFrames", "weights": weights}}}


@pytest.mark.parametrize(
    ("experiment", "start"),
    [
        (run(backbone(None)), "nothing"),
        (run(backbone("timm")), "foreign weights"),
        (run(backbone("weights/mine.pth")), "foreign weights"),
        (run(backbone("stage:trunk"), stages={"trunk": TRUNK}), "drawn faces"),
        (
            run(backbone("stage:trunk"), stages={"trunk": {**TRUNK, "noise": 2.0}}),
            "drawn faces, noisy units",
        ),
        (run(backbone("stage:clips"), stages={"clips": {"type": "ClipPretrain"}}), "drawn faces"),
        # A stage that nothing refers to is no start.
        (run(backbone(None), stages={"trunk": TRUNK}), "nothing"),
        (
            run(signals={"type": "T", "stage": "stage:trunk"}, stages={"trunk": TRUNK}),
            "drawn faces",
        ),
        (run(semantics={"type": "OpenClipSemantics"}), "foreign weights"),
        (
            run(semantics={"type": "S", "stage": "stage:trunk"}, stages={"trunk": TRUNK}),
            "drawn faces",
        ),
    ],
)
def test_what_weights_were_learnt_on(experiment, start):
    assert starts_from(experiment) == start


@pytest.mark.parametrize(
    ("weights", "start"),
    [("stage:trunk", "drawn faces"), ("hub", "foreign weights"), (None, "nothing")],
)
def test_it_is_followed_through_stages(weights, start):
    encoder = {"type": "MethodTraining", "method": backbone(weights)}
    stages = {"encoder": encoder, "trunk": TRUNK}
    assert starts_from(run(backbone("stage:encoder"), stages=stages)) == start


def test_stages_that_wait_for_each_other_end():
    stages = {name: {"type": "X", "weights": f"stage:{other}"} for name, other in ("ab", "ba")}
    assert starts_from(run(backbone("stage:a"), stages=stages)) == "nothing"


@pytest.mark.parametrize("demo", [False, True])
def test_rows_of_a_suite_start_from_one_thing(demo):
    load_plugins()
    for suite in load_suites(None, ROOT / "configs" / "suites")[0]:
        given = [suite.config_of(row, suite.tracks_of(row)[0]) for row in suite.rows]
        starts = {starts_from(load_config(**each, demo=demo)) for each in given}
        told = "drawn faces, noisy units" if suite.name == "noisy_trunk" else "drawn faces"
        assert starts == {told if demo else "foreign weights"}, suite.name
