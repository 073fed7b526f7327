"""A part over a stage's weights is that stage's network, whose options are written once."""

import pytest
from config_texts import CONFIG

from adabench.config.reading.load import load_config

SIZES = {"channels": [8, 8, 16, 16], "stem_width": 8}
STAGE = f"""
stages = dict(
    trunk=dict(
        type="ExpressionPretrain",
        trunk=dict(type="TimmFrames", name="resnet18", options=dict({SIZES})),
        expressions=dict(preset="tiny", seed=0),
        size=64,
        training=dict(epochs=1, batch_size=8, optimiser=dict(type="AdamW", lr=1e-3)),
    )
)
"""


def backbone(write, *overrides):
    run = load_config(write(CONFIG + STAGE), overrides=overrides)
    return run.method["backbone"], run


def test_its_options_are_the_stages(write):
    found, _ = backbone(write, "method.backbone.weights=stage:trunk")
    assert found["options"] == SIZES
    assert found["scales"] == 4


def test_a_run_that_says_them_too_is_the_same(write):
    _, once = backbone(write, "method.backbone.weights=stage:trunk")
    _, twice = backbone(
        write,
        "method.backbone.weights=stage:trunk",
        "method.backbone.options.channels=[8,8,16,16]",
        "method.backbone.options.stem_width=8",
    )
    assert once.hash() == twice.hash()


def test_a_part_within_a_part_and_one_of_a_stage_are_filled_too(write):
    inner = "{'type': 'TimmFrames', 'name': 'resnet18', 'weights': 'stage:trunk'}"
    found, run = backbone(
        write,
        "method.backbone._delete_=True",
        "method.backbone.type=Frozen",
        f"method.backbone.others=[{inner}]",
        "stages.second.type=MethodTraining",
        "stages.second.method.backbone.type=TimmFrames",
        "stages.second.method.backbone.name=resnet18",
        "stages.second.method.backbone.weights=stage:trunk",
    )
    assert found["others"][0]["options"] == SIZES
    assert run.stages["second"]["method"]["backbone"]["options"] == SIZES


@pytest.mark.parametrize(
    "options",
    [
        ["method.backbone.weights=timm"],
        ["method.backbone.weights=stage:trunk", "method.backbone.name=resnet34"],
        ["method.backbone.weights=stage:trunk", "method.backbone.type=Other"],
    ],
)
def test_another_network_is_left_as_it_is(write, options):
    found, _ = backbone(write, *options)
    assert "options" not in found


def test_options_of_its_own_stay(write):
    own = ["method.backbone.options.channels=[4,4,8,8]"]
    found, _ = backbone(write, "method.backbone.weights=stage:trunk", *own)
    assert found["options"] == {"channels": [4, 4, 8, 8]}
