"""What a suite's row does to a config: change, name, stage; and what the hash makes of it."""

import copy

import pytest
from config_texts import CONFIG

from adabench.config.reading.load import load_config


def hashed(path, **options):
    return load_config(path, **options).hash()


def test_names_with_an_underscore_are_the_files_own(write):
    path = write(
        '_root = "expressions"\n_method = dict(name="Mine")\n' + CONFIG + "method = _method"
    )
    experiment = load_config(path)
    assert experiment.method == {"name": "Mine"}
    write("_size = 32\n" + CONFIG, "base.py")
    child = write('_base_ = "base.py"\n_lr = 3e-4\ntraining = dict(optimiser=dict(lr=_lr))\n')
    assert load_config(child).training.optimiser == {"type": "AdamW", "lr": 3e-4}


ORDER = {
    "file": {"epochs": 100, "batch": 8, "lr": 1e-4, "warmup": 1, "grad": 1.0},
    "section": {"epochs": 4, "batch": 8, "lr": 1e-4, "warmup": 1, "grad": 1.0},
}


def schedule(experiment):
    training = experiment.training
    return {
        "epochs": training.epochs,
        "batch": training.batch_size,
        "lr": training.optimiser["lr"],
        "warmup": training.warmup_epochs,
        "grad": training.clip_grad,
    }


def test_a_change_is_merged_between_demo_section_and_overrides(path):
    change = {
        "training": {"epochs": 5, "batch_size": 5, "optimiser": {"lr": 5.0}, "warmup_epochs": 5},
        "demo": {"training": {"batch_size": 6, "warmup_epochs": 6, "clip_grad": 6.0}},
    }
    overrides = ["training.warmup_epochs=7"]
    assert schedule(load_config(path)) == ORDER["file"]
    assert schedule(load_config(path, demo=True)) == ORDER["section"]
    real = load_config(path, change=change, overrides=overrides)
    assert schedule(real) == {"epochs": 5, "batch": 5, "lr": 5.0, "warmup": 7, "grad": 1.0}
    demo = load_config(path, demo=True, change=change, overrides=overrides)
    assert schedule(demo) == {"epochs": 5, "batch": 6, "lr": 5.0, "warmup": 7, "grad": 6.0}
    # What neither changes stays the demo's.
    assert demo.data.size == 64
    assert demo.method["backbone"]["scales"] == 2


def test_a_changed_track_takes_its_demo_track(path):
    change = {"track": "avec14-northwind"}
    assert load_config(path, change=change).track == "avec14-northwind"
    assert load_config(path, change=change, demo=True).track == "demo-northwind"


def test_a_change_replaces_what_it_deletes_and_is_left_as_it_was(path):
    head = {"_delete_": True, "type": "Other", "inner": {"_delete_": True, "width": 3}}
    change = {
        "method": {"head": head, "fresh": {"_delete_": True, "type": "New"}},
        "demo": {"views": {"test": {"_delete_": True, "type": "WindowView", "frames": 2}}},
    }
    kept = copy.deepcopy(change)
    first, second = (load_config(path, change=change, demo=True) for _ in range(2))
    assert change == kept
    assert first == second
    assert first.method["head"] == {"type": "Other", "inner": {"width": 3}}
    assert first.method["fresh"] == {"type": "New"}
    assert first.method["backbone"]["name"] == "resnet18"
    assert first.views.test == {"type": "WindowView", "frames": 2}
    assert load_config(path, change=change).views.test == {"type": "StridedView", "frames": 50}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trainning": {}}, r"unknown key 'change\.trainning'\. Did you mean 'training'"),
        ({"name": "x"}, r"unknown key 'change\.name'"),
        ({"demo": {"sead": 3}}, r"unknown key 'change\.demo\.sead'\. Did you mean 'seed'"),
        ({"demo": 3}, r"change\.demo is a dict of what a demo needs; got 3"),
        ({"demo": None}, r"change\.demo is a dict .* got None"),
        ({"track": {"name": "demo"}}, "change.track.name: track is 'avec14', which has no fields"),
        ({"training": {"epoch": 3}}, r"training\.epoch: no field is called"),
    ],
)
@pytest.mark.parametrize("demo", [False, True])
def test_mistakes_in_a_change(path, change, said, demo):
    with pytest.raises(ValueError, match=rf"mine\.py: .*{said}"):
        load_config(path, change=change, demo=demo)


def test_a_mistake_in_the_demos_change_alone(path):
    change = {"demo": {"track": {"name": "demo"}}}
    assert load_config(path, change=change).track == "avec14"
    with pytest.raises(ValueError, match=r"change\.demo\.track\.name: track is 'avec14'"):
        load_config(path, change=change, demo=True)


def test_a_run_may_be_called_otherwise_than_its_file(path):
    assert load_config(path, name="table3/r18").name == "table3/r18"
    assert load_config(path).name == "mine"


STAGES = """
stages = dict(
    trunk=dict(type="ExpressionPretrain", size=64),
    encoder=dict(
        type="MethodTraining",
        seed=9,
        method=dict(backbone=dict(type="VAT", trunk=dict(weights="stage:trunk"))),
        views=dict(train=dict(type="SegmentView", length=8), test=dict(type="SegmentView", length=8)),
        training=dict(epochs=3, batch_size=2, optimiser=dict(type="Adam", lr=1e-3)),
    ),
    empty=dict(type="MethodTraining"),
)
seed = 4
"""


def test_a_stage_becomes_the_run(write):
    path = write(CONFIG + STAGES)
    whole = load_config(path)
    run = load_config(path, stage="encoder", name="suite/encoder")
    assert run.method == {
        "name": "Mine",
        "backbone": {"type": "VAT", "trunk": {"weights": "stage:trunk"}},
    }
    assert (run.training.epochs, run.training.optimiser["type"]) == (3, "Adam")
    assert run.views.train == {"type": "SegmentView", "length": 8}
    assert run.views.augment is None
    assert set(run.stages) == {"trunk", "empty"}
    # The stage's own seed is the stage's; the run it becomes has a run's.
    assert (run.seed, run.name, run.track) == (4, "suite/encoder", "avec14")
    assert load_config(path, stage="encoder", seed=7).seed == 7
    assert run.hash() != whole.hash()


def test_a_change_and_an_override_reach_the_stage_before_it_becomes_the_run(write):
    path = write(CONFIG + STAGES)
    change = {"stages": {"encoder": {"method": {"head": {"type": "UnitRegressor"}}}}}
    run = load_config(
        path, stage="encoder", change=change, overrides=["stages.encoder.training.epochs=8"]
    )
    assert run.method["head"] == {"type": "UnitRegressor"}
    assert run.training.epochs == 8


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("encodre", "it has no stage 'encodre'; its stages: trunk, encoder, empty"),
        ("trunk", "stage 'trunk' is of type ExpressionPretrain, which trains no method"),
        ("empty", r"stages\.empty\.method is missing: the four parts to train"),
    ],
)
def test_a_stage_that_is_no_run(write, stage, said):
    with pytest.raises(ValueError, match=rf"mine\.py: {said}"):
        load_config(write(CONFIG + STAGES), stage=stage)


def test_a_stage_that_is_left_out_is_no_run(path, write):
    with pytest.raises(ValueError, match=r"it has no stage 'encoder'; its stages: trunk, empty"):
        load_config(write(CONFIG + STAGES), stage="encoder", change={"stages": {"encoder": None}})


def test_a_stage_of_a_config_without_stages(path):
    with pytest.raises(ValueError, match=r"it has no stage 'encoder'; its stages: none"):
        load_config(path, stage="encoder")


def test_fusion_counts_where_a_session_has_several_tasks(path):
    def run(track, fusion):
        return load_config(path, overrides=[f"track={track}", f"fusion={fusion}"])

    assert run("avec14", "fused").is_fused
    assert not run("avec14", "joint").is_fused
    assert run("avec14", "fused").hash() != run("avec14", "joint").hash()
    for track in ("avec13", "avec14-freeform", "demo-northwind"):
        fused = run(track, "fused")
        assert not fused.is_fused
        assert fused.hash() == run(track, "joint").hash()
    assert run("demo", "fused").is_fused


def test_a_name_is_no_part_of_the_hash_and_a_change_is(path):
    plain = hashed(path)
    assert hashed(path, name="table3/r18_visual") == plain
    assert hashed(path, change={}) == plain
    assert hashed(path, change={"training": {"epochs": 100}}) == plain
    assert hashed(path, change={"demo": {"training": {"epochs": 3}}}) == plain
    assert hashed(path, change={"training": {"epochs": 99}}) != plain
