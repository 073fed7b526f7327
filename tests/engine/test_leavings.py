"""A part that names a stage is told at once where that leaves something else."""

from pathlib import Path

import pytest

from adabench.config.reading.load import load_config
from adabench.engine.building import preflight
from adabench.engine.leavings import refuse_missing
from adabench.plugins import load_plugins
from adabench.testing.tiny import tiny_options

CONFIGS = Path(__file__).parents[2] / "configs"
DEPMAP, EXPADA = "depmap_r18_avec14.py", "expada_avec14_freeform.py"
NET = {"type": "MMActionBackbone", "name": "ResNet3d", "options": {"depth": 18, "base_channels": 4}}
CLIPS = {
    "type": "ClipPretrain",
    "backbone": NET,
    "expressions": {"preset": "tiny", "seed": 11},
    "length": 4,
    "size": 64,
    "training": {"epochs": 1, "batch_size": 8, "optimiser": {"type": "AdamW", "lr": 1e-3}},
}
HEADS = r"reads a trunk's heads of action units, gaze and pose"


@pytest.fixture(autouse=True)
def _parts():
    load_plugins()


@pytest.fixture
def run_of(tmp_path):
    def make(config, *overrides):
        small = tiny_options(tmp_path, encoder=config == EXPADA)
        change = {"stages": {"clips": CLIPS}}
        return load_config(
            CONFIGS / config, demo=True, change=change, overrides=[*small, *overrides]
        )

    return make


@pytest.mark.parametrize(
    ("config", "overrides", "said"),
    [
        (
            DEPMAP,
            ["signals.type=TrunkSignals", "signals.stage=stage:clips"],
            rf"^signals\.stage: TrunkSignals {HEADS}, and stage 'clips', of type ClipPretrain, leaves a "
            "whole backbone: name 'stage:trunk'$",
        ),
        (
            DEPMAP,
            ["semantics.stage=stage:clips"],
            rf"^semantics\.stage: StandInSemantics {HEADS}, and stage 'clips'",
        ),
        (
            DEPMAP,
            ["method.backbone.trunk.weights=stage:clips"],
            r"^method\.backbone\.trunk\.weights: TimmFrames reads a trunk of single frames, and stage "
            "'clips'.*: name 'stage:trunk'$",
        ),
        (
            DEPMAP,
            ["method.aggregator.weights=stage:trunk"],
            r"^method\.aggregator\.weights: MSR reads an aggregator, and stage 'trunk', of type "
            r"ExpressionPretrain, leaves a trunk of single frames, .*: name a stage of type ClipPretrain "
            "with an aggregator$",
        ),
        (
            EXPADA,
            ["method.backbone.weights=stage:trunk"],
            r"^method\.backbone\.weights: Frozen reads a whole backbone, .*: name 'stage:clips' or "
            "'stage:encoder'$",
        ),
        (
            EXPADA,
            ["stages.encoder.method.backbone.trunk.weights=stage:clips"],
            r"^stages\.encoder\.method\.backbone\.trunk\.weights: TimmFrames reads a trunk",
        ),
    ],
)
def test_what_a_stage_does_not_leave_is_told_before_it_is_trained(run_of, config, overrides, said):
    with pytest.raises(ValueError, match=said):
        preflight(run_of(config, *overrides))


def test_a_stage_that_does_not_say_what_it_leaves_is_believed(run_of):
    run = run_of(DEPMAP, "method.backbone.trunk.weights=stage:clips")
    refuse_missing(run, {"trunk": ("trunk", "au_head"), "clips": None})
    with pytest.raises(ValueError, match="TimmFrames reads a trunk"):
        refuse_missing(run, {"trunk": ("trunk", "au_head"), "clips": ()})
