"""Methods that start from what a stage has learnt of drawn clips, from their config to a record."""

import pytest
from planted_aggregators import LastState

from adabench.config.reading.load import load_config
from adabench.engine.building import preflight
from adabench.engine.run import train
from adabench.plugins import load_plugins
from adabench.registry import MODELS

SEGMENTS = """
track = "avec14-freeform"
_trunk = dict(
    type="TimmFrames", name="resnet18", scales=1, options=dict(channels=[8, 8, 16, 16], stem_width=8)
)
_part = dict(type="VAT", trunk=_trunk, map_size=2, width=16, heads=2, blocks=1)
_view = dict(type="SegmentView", length=4, segments=2, place="even", phases=1)
_learnt = dict(backbone=_part)
method = dict(
    name="Segments",
    backbone=dict(weights="stage:clips", **_part),
    aggregator=dict(type="Identity"),
    selector=dict(type="KeepAll"),
    head=dict(type="UnitRegressor"),
)
"""
SEQUENCE = """
_frozen = dict(frozen=True, **_trunk)
_part = dict(type="LastState", width=8)
_view = dict(type="StridedView", frames=6, phases=1)
_learnt = dict(backbone=_frozen, aggregator=_part)
method.update(backbone=_frozen, aggregator=dict(weights="stage:clips", **_part))
"""
REST = """
_optimiser = dict(type="AdamW", lr=1e-3)
_short = dict(epochs=1, batch_size=8, threads=1, warmup_epochs=0, optimiser=_optimiser)
views = dict(train=_view, test=_view, variants=2)
training = _short
stages = dict(
    clips=dict(
        type="ClipPretrain",
        expressions=dict(preset="tiny", seed=11),
        length=4,
        size=64,
        training=_short,
        **_learnt,
    )
)
demo = dict(data=dict(size=64, synthface=dict(preset="tiny", seed=3107)))
"""
KINDS = {"segments": SEGMENTS, "sequence": SEGMENTS + SEQUENCE}


@pytest.fixture(autouse=True)
def _parts(monkeypatch):
    load_plugins()
    monkeypatch.setattr(MODELS, "_module_dict", {**MODELS.module_dict, "LastState": LastState})


@pytest.fixture
def data(tiny):
    """The folder of the tiny run's corpus, which is the one of this config."""
    return tiny.root / "data"


@pytest.fixture
def run_of(data, tmp_path):
    def make(kind, *overrides):
        path = tmp_path / "clips.py"
        path.write_text(KINDS[kind] + REST)
        return load_config(path, demo=True, overrides=[f"data.root={data}", *overrides])

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_on_it_keeps_the_contract_and_sees_no_label(run_of, tmp_path, kind):
    record = train(run_of(kind), work_dir=tmp_path / "work", results=tmp_path / "results").record
    assert record.contract.outcome == "held"
    assert record.decoy.outcome == "equal"
    assert [use.type for use in record.stages] == ["ClipPretrain"]
    assert (record.flags.pretrained, record.flags.starts_from) == ("stage:clips", "drawn faces")


def test_weights_of_a_part_are_a_file_or_a_stage(run_of):
    preflight(run_of("segments"))
    with pytest.raises(ValueError, match=r"method\.backbone\.weights: .*got 3"):
        preflight(run_of("segments", "method.backbone.weights=3"))
    with pytest.raises(FileNotFoundError, match=r"weights none\.pth do not exist"):
        preflight(run_of("segments", "method.backbone.weights=none.pth"))


def test_a_mistake_in_it_is_told_with_its_stage(run_of):
    with pytest.raises(ValueError, match=r"stages\.clips\.expressions\.frames=12 are fewer than"):
        preflight(run_of("segments", "stages.clips.length=99"))
    with pytest.raises(ValueError, match=r"stages\.clips\.training"):
        preflight(run_of("segments", "stages.clips.training.epoch=3"))
