"""Networks over segments, from their config to a record: trained, or frozen and cached."""

import re
from pathlib import Path

import pytest

from adabench.config.reading.load import load_config
from adabench.engine.building import preflight, without_weights
from adabench.engine.data.rundata import open_data
from adabench.engine.run import train
from adabench.engine.workbench import set_up
from adabench.plugins import load_plugins
from adabench.registry import MODELS, STAGES, TRANSFORMS
from adabench.testing import check_plugin

# The adapters and the view as docs/backbones.md shows them, at a size that trains in seconds.
CONFIG = """
track = "avec14-freeform"
method = dict(
    name="Video",
    backbone=dict(type="MMActionBackbone", name="ResNet3d", options=dict(depth=18, base_channels=4), size=32),
    aggregator=dict(type="Identity"),
    selector=dict(type="KeepAll"),
    head=dict(type="UnitRegressor"),
)
views = dict(
    train=dict(type="SegmentView", seconds=0.5, stride=2, segments=2, place="even"),
    test=dict(type="SegmentView", seconds=0.5, stride=2, segments=2, place="even", phases=1),
    variants=2,
    augment=dict(type="ClipAugment"),
)
training = dict(
    epochs=1, batch_size=8, threads=1, warmup_epochs=0, optimiser=dict(type="AdamW", lr=1e-3)
)
demo = dict(data=dict(size=64, synthface=dict(preset="tiny", seed=3107)))
"""
SHIFTS = """
method["backbone"] = dict(
    type="MMActionBackbone", name="MobileNetV2TSM", options=dict(num_segments=8)
)
"""
TORCHVISION = """
method["backbone"] = dict(type="TorchvisionVideo", name="mc3_18", size=16)
"""


@pytest.fixture
def data(tiny):
    """The folder of the tiny run's corpus, which is the one of this config."""
    return tiny.root / "data"


@pytest.fixture
def run_of(data, tmp_path):
    def make(*overrides, text=CONFIG):
        path = tmp_path / "video.py"
        path.write_text(text)
        return load_config(path, demo=True, overrides=[f"data.root={data}", *overrides])

    return make


@pytest.mark.parametrize(
    ("text", "frozen"),
    [
        pytest.param(CONFIG, False, id="mmaction2", marks=pytest.mark.slow),
        pytest.param(CONFIG, True, id="mmaction2 frozen"),
        pytest.param(CONFIG + TORCHVISION, False, id="torchvision"),
        pytest.param(CONFIG + TORCHVISION, True, id="torchvision frozen", marks=pytest.mark.slow),
    ],
)
def test_a_run_trains_it_or_reads_its_cache(run_of, tmp_path, text, frozen):
    run = run_of(f"method.backbone.frozen={frozen}", text=text)
    record = train(run, work_dir=tmp_path / "work", results=tmp_path / "results").record
    assert record.contract.outcome == "held"
    assert record.decoy.outcome == "equal"
    # Half a second of 15 frames a second, every second one.
    assert (record.view.length, record.view.stride) == (4, 2.0)
    assert len(record.caches) == frozen


@pytest.mark.parametrize("place", ["train", "test", "select"])
def test_segments_that_it_cannot_take_are_told_before_anything_long(run_of, place):
    text = f"{CONFIG}{SHIFTS}"
    for use in ("train", "test", "select"):
        length = 4 if use == place else 8
        text += f'views["{use}"] = dict(type="SegmentView", length={length})\n'
    said = (
        rf"views\.{place}, data\.size: MMActionBackbone MobileNetV2TSM .*of 8 frames, .*length=8\)"
    )
    with pytest.raises(ValueError, match=said):
        preflight(run_of(text=text))


def test_a_view_of_single_frames_is_told_before_anything_long(run_of):
    text = CONFIG + 'views["select"] = dict(type="StridedView", frames=8)\n'
    with pytest.raises(
        ValueError, match=r"views\.select gives single frames, and MMActionBackbone"
    ):
        preflight(run_of(text=text))


def test_clips_that_a_view_cannot_show_are_told_before_a_stage_is_trained(run_of):
    text = CONFIG + 'views["test"] = dict(type="SegmentView", seconds=1e6, short="refuse")\n'
    run = run_of(text=text)
    with pytest.raises(ValueError, match=r"views\.test: clip .* frames, fewer than a segment"):
        set_up(run, open_data(run))


def test_seconds_that_make_other_segments_than_it_takes_are_told_before_a_stage_is_trained(run_of):
    run = run_of(text=CONFIG + SHIFTS)
    preflight(run)
    # Half a second of 15 frames a second, every second one.
    with pytest.raises(ValueError, match=r"views\.train, data\.size: .*of 8 frames, .* have 4 of"):
        set_up(run, open_data(run))


def test_the_word_for_a_hub_is_no_file(run_of, monkeypatch):
    text = CONFIG + TORCHVISION
    preflight(run_of("method.backbone.weights=hub", text=text))
    with pytest.raises(FileNotFoundError, match="weights hub do not exist"):
        preflight(run_of("method.backbone.weights=hub"))
    assert MODELS.require("TimmFrames").hub == "timm"


PAGE = Path(__file__).parents[2] / "docs" / "backbones.md"
FRAGMENTS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=range(len(FRAGMENTS)))
def test_what_the_page_shows_works(monkeypatch, fragment):
    monkeypatch.setattr(MODELS, "_module_dict", dict(MODELS.module_dict))
    said = {"__name__": "shown"}
    exec(fragment, said)
    views = [TRANSFORMS.build(view).at(30.0) for view in said.get("views", {}).values()]
    if "backbone" in said:
        part = MODELS.build(without_weights(said["backbone"]))
        for view in views:
            part.refuse_segments(view.segment_length, 224)
    elif "Small3D" in said:
        check_plugin({"backbone": {"type": said["Small3D"], "width": 4}})
    load_plugins()
    for stage in said.get("stages", {}).values():
        STAGES.build(stage).check(None)
    assert views or said.keys() & {"Small3D", "stages"}
