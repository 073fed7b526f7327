"""Reading, checking and merging configs."""

import re
from pathlib import Path

import pytest
from config_texts import CONFIG, DEMO

from adabench.config.experiment import Experiment
from adabench.config.preparations import source_data
from adabench.config.reading.load import load_config


def test_a_config_and_its_defaults(path):
    experiment = load_config(path)
    assert experiment.name == "mine"
    assert experiment.track_.tasks == ("Freeform", "Northwind")
    assert (experiment.fusion, experiment.seed, experiment.is_demo) == ("joint", 0, False)
    assert experiment.training.warmup_epochs == 1
    assert experiment.method["backbone"]["scales"] == 4
    protocol = experiment.protocol.build()
    assert (protocol.name, protocol.train, protocol.validate, protocol.test) == (
        "official",
        ("train",),
        ("dev",),
        ("test",),
    )


def test_demo_is_merged_and_takes_the_demo_track(path):
    experiment = load_config(path, demo=True)
    assert experiment.is_demo
    assert experiment.track == "demo"
    assert experiment.training.epochs == 4
    assert experiment.training.batch_size == 8
    assert experiment.method["backbone"] == {
        "type": "TimmFrames",
        "name": "resnet18",
        "scales": 2,
        "weights": None,
    }
    assert experiment.views.augment is None
    assert experiment.data.synthface == {"preset": "tiny", "seed": 3}


@pytest.mark.parametrize(
    ("track", "demo"),
    [
        ("avec13", "demo-freeform"),
        ("avec14", "demo"),
        ("avec14-northwind", "demo-northwind"),
        ("demo-freeform", "demo-freeform"),
    ],
)
def test_each_track_has_its_demo_track(write, track, demo):
    path = write((CONFIG + DEMO).replace('"avec14"', f'"{track}"'))
    assert load_config(path, demo=True).track == demo
    assert load_config(path).track == track


def test_demo_without_a_demo_section(write):
    path = write(CONFIG)
    assert load_config(path).name == "mine"
    with pytest.raises(ValueError, match="--demo needs a `demo` section") as error:
        load_config(path, demo=True)
    assert str(path) in str(error.value)


def test_a_base_is_read(write):
    write(CONFIG, "base.py")
    path = write('_base_ = "base.py"\ntrack = "avec13"\n')
    assert load_config(path).track == "avec13"
    assert load_config(path).training.epochs == 100


def test_a_base_that_is_missing_names_both_files(write):
    path = write('_base_ = "nothing.py"\n')
    with pytest.raises(FileNotFoundError, match=r"mine\.py: _base_ names .*nothing\.py"):
        load_config(path)


def test_a_missing_file_gets_a_suggestion(path):
    with pytest.raises(
        FileNotFoundError, match=r"config .*mien\.py does not exist; did you mean"
    ) as e:
        load_config(path.with_name("mien.py"))
    assert str(path) in str(e.value)
    with pytest.raises(FileNotFoundError, match=r"does not exist$"):
        load_config(path.with_name("zzz.py"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("trainning = dict(epochs=3)", "unknown key 'trainning'. Did you mean 'training'?"),
        ("xyzzy = 3", "unknown key 'xyzzy'. Known: cache, data, demo"),
        ("is_demo = True", "unknown key 'is_demo'."),
        ("overrides = ('seed=3',)", "unknown key 'overrides'."),
        (
            "training['epoch'] = 3",
            "training.epoch: no field is called 'epoch'. Did you mean 'epochs'?",
        ),
        ("views['train '] = 3", "views.train : no field is called 'train '. Did you mean 'train'?"),
        (
            "protocol = dict(validation=('dev',))",
            "protocol.validation: no field is called 'validation'. Did you mean 'validate'?",
        ),
        ("training['epochs'] = 'many'", "training.epochs: expected a whole number; got 'many'"),
        ("training['amp'] = 'no'", "training.amp: expected True or False; got 'no'"),
        ("training['epochs'] = 0", "training.epochs: expected above 0; got 0"),
        ("training = 3", "training: expected a dict; got 3"),
        ("data = dict(size=8)", "data.size: expected at least 16; got 8"),
        ("protocol = dict(test='test')", "protocol.test: expected a list; got 'test'"),
        ("fusion = 'mean'", "fusion: expected 'joint' or 'fused'; got 'mean'"),
        ("seed = -1", "seed: expected at least 0; got -1"),
        ("track = 'avec41'", "no track is called 'avec41'. Did you mean 'avec14'?"),
        ("method = dict(type='Assessor')", "method.name is missing"),
        ("stages = dict(trunk=3)", "stages.trunk: expected a dict; got 3"),
        ("track = 'avec14", "a config is a file of Python assignments; "),
        ("seed = sead", "name 'sead' is not defined"),
    ],
)
def test_a_mistake_names_file_field_and_what_was_expected(write, line, said):
    path = write(f"{CONFIG}{line}\n")
    with pytest.raises(ValueError, match=r"mine\.py") as error:
        load_config(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_mistakes_in_the_demo_section(write):
    path = write(f"{CONFIG}demo = dict(traning=dict(epochs=3))\n")
    with pytest.raises(ValueError, match=r"unknown key 'demo\.traning'\. Did you mean 'training'"):
        load_config(path, demo=True)
    path = write(f"{CONFIG}demo = 3\n")
    with pytest.raises(ValueError, match="a dict of what differs; got 3"):
        load_config(path, demo=True)
    path = write(f"{CONFIG}demo = dict(track=dict(name='demo'))\n")
    with pytest.raises(ValueError, match=r"mine\.py: demo\.track\.name: track is 'avec14'"):
        load_config(path, demo=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('track = "avec14"', "", "track: it is missing"),
        ('"avec14"', '"avec41"', "no track is called 'avec41'"),
        ('"avec14"', "3", "track: expected a text; got 3"),
    ],
)
def test_a_wrong_track_in_a_demo_run(write, old, new, said):
    path = write((CONFIG + DEMO).replace(old, new, 1))
    with pytest.raises(ValueError, match=r"mine\.py") as error:
        load_config(path, demo=True)
    assert said in str(error.value)


def test_several_mistakes_are_told_at_once(write):
    path = write(f"{CONFIG}training['epoch'] = 3\nseed = -1\n")
    with pytest.raises(ValueError, match=r"training\.epoch.*seed"):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        ("training.epochs=3", ("training", "epochs"), 3),
        ("training.clip_grad=0.5", ("training", "clip_grad"), 0.5),
        ("training.optimiser.lr=1e-3", ("training", "optimiser", "lr"), 1e-3),
        ("training.amp=True", ("training", "amp"), True),
        ("cache=false", ("cache",), False),
        ("views.augment=None", ("views", "augment"), None),
        ("semantics=none", ("semantics",), None),
        ("method.backbone.weights=None", ("method", "backbone", "weights"), None),
        ("protocol.train=train,dev", ("protocol", "train"), ("train", "dev")),
        ("protocol.train=[train]", ("protocol", "train"), ("train",)),
        (
            "method.head.scales=[1,2.5,None,(a,b)]",
            ("method", "head", "scales"),
            [1, 2.5, None, ("a", "b")],
        ),
        ("method.head.equation=a=b", ("method", "head", "equation"), "a=b"),
        ("data.root=/home/a user/My Data", ("data", "root"), "/home/a user/My Data"),
        ("data.root='quoted'", ("data", "root"), "quoted"),
        ("data.synthface.seed=7", ("data", "synthface", "seed"), 7),
    ],
)
def test_overrides(path, override, where, value):
    experiment = load_config(path, overrides=[override])
    found = experiment.model_dump(by_alias=True)
    for key in where:
        found = found[key]
    assert found == value
    assert type(found) is type(value)
    assert experiment.overrides == (() if override.startswith("data.root") else (override,))


def test_local_folders_do_not_travel_with_the_overrides(path):
    overrides = ["data.root=/home/someone", "data.processes=3", "data.size=64"]
    assert load_config(path, overrides=overrides).overrides == ("data.size=64",)


def test_overrides_win_over_the_demo_section_and_the_seed_over_both(path):
    experiment = load_config(path, demo=True, overrides=["training.epochs=9", "seed=5"])
    assert (experiment.training.epochs, experiment.seed) == (9, 5)
    assert load_config(path, demo=True, overrides=["seed=5"], seed=6).seed == 6


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epochs", "--cfg-options takes key=value pairs; got 'training.epochs'"),
        ("=3", "--cfg-options takes key=value pairs; got '=3'"),
        ("seed=[1,2", "'seed=[1,2' has a bracket that is not closed"),
        ("sead=3", "unknown key 'sead'. Did you mean 'seed'?"),
        ("training.epoch=3", "training.epoch: no field is called 'epoch'"),
        ("training.epochs=few", "training.epochs: expected a whole number; got 'few'"),
        ("track.name=demo", "--cfg-options track.name: track is 'avec14', which has no fields"),
        ("demo.seed=3", "--cfg-options demo.seed: --demo merges the demo section"),
    ],
)
def test_wrong_overrides(path, override, said):
    with pytest.raises(ValueError, match=r".") as error:
        load_config(path, overrides=[override])
    assert said in str(error.value)


def hashed(path, *overrides, **options):
    return load_config(path, overrides=overrides, **options).hash()


def test_the_hash_leaves_out_seed_name_overrides_and_places(path, write):
    plain = hashed(path)
    assert hashed(path) == plain
    assert hashed(path, seed=7) == plain
    assert hashed(path, "seed=7") == plain
    assert hashed(path, "training.epochs=100") == plain
    assert hashed(path, "data.root=/elsewhere", "data.processes=7") == plain
    # How many processes load the data changes no sample.
    assert hashed(path, "training.workers=1") == plain
    assert hashed(write(CONFIG + DEMO, "renamed.py")) == plain
    assert hashed(write(CONFIG + "demo = dict(seed=3)\n", "other_demo.py")) == plain


def test_the_draw_follows_the_seed_or_is_pinned(path):
    for seed in (0, 3):
        run = load_config(path, demo=True, seed=seed)
        assert run.draw == seed
        assert run.corpora.synthface == {**run.data.synthface, "draw": seed}
    pinned = load_config(path, demo=True, seed=3, draw=1)
    assert pinned.draw == pinned.corpora.synthface["draw"] == 1
    assert load_config(path, demo=True, overrides=["data.synthface.draw=1"], seed=3) == pinned
    assert load_config(path, demo=True, draw=2, overrides=["data.synthface.draw=1"]).draw == 2


@pytest.mark.parametrize("options", [["data=3"], ["data.synthface=3"]])
def test_a_pinned_draw_leaves_mistakes_beside_it_to_be_told(path, options):
    field = options[0].partition("=")[0]
    with pytest.raises(ValueError, match=rf"{re.escape(field)}: expected a dict; got 3"):
        load_config(path, demo=True, draw=1, overrides=options)


def test_no_hash_and_no_override_holds_a_draw(path):
    plain = load_config(path, demo=True)
    for run in (
        load_config(path, demo=True, seed=4),
        load_config(path, demo=True, draw=4),
        load_config(path, demo=True, overrides=["data.synthface.draw=4"]),
    ):
        assert run.hash() == plain.hash()
        assert run.overrides == ()
    assert load_config(path, demo=True, overrides=["data.synthface.seed=4"]).hash() != plain.hash()


def test_a_recorded_corpus_has_no_draw_but_what_it_learns_from_may(path):
    run = load_config(path, seed=3)
    assert run.draw is None
    assert run.corpora == run.data
    run = load_config(path, seed=3, protocol="cross-corpus", overrides=["protocol.source=demo"])
    assert run.draw == 3
    assert source_data(run).synthface["draw"] == 3
    run = load_config(path, draw=4, protocol="cross-corpus", overrides=["protocol.source=demo"])
    assert source_data(run).synthface["draw"] == 4
    with pytest.raises(ValueError, match=r"--draw 4 names a generated .*'avec14.*, or add --demo"):
        load_config(path, draw=4)


def test_the_world_none_is_chosen_on_the_command_line(path):
    run = load_config(path, demo=True, overrides=["data.synthface.world=none"])
    assert run.data.synthface["world"] == "none"
    assert run.hash() != load_config(path, demo=True).hash()


def test_a_track_of_the_command_line_has_its_demo_track(path):
    run = load_config(path, demo=True, overrides=["track=avec14-northwind"])
    assert run.track == "demo-northwind"


@pytest.mark.parametrize("draw", ["-1", "True", "one", "0.5"])
def test_a_draw_is_a_number(path, draw):
    with pytest.raises(ValueError, match=r"data\.synthface\.draw: expected a number from 0 on"):
        load_config(path, demo=True, overrides=[f"data.synthface.draw={draw}"])


def test_the_hash_holds_everything_else(path):
    changes = [
        [],
        ["track=avec13"],
        ["method.name=Other"],
        ["method.backbone.scales=3"],
        ["method.head.hidden=1"],
        ["training.epochs=99"],
        ["training.optimiser.lr=1e-3"],
        ["training.threads=1"],
        ["views.train.frames=49"],
        ["views.test.frames=49"],
        ["views.augment=None"],
        ["views.augment.flip=0.4"],
        ["data.size=64"],
        ["data.synthface.seed=1"],
        ["stages.trunk.type=ExpressionPretrain"],
        ["semantics.type=StandInSemantics"],
        ["protocol.name=own"],
        ["protocol.train=train,dev"],
        ["protocol.validate=[train]"],
        ["protocol.test=[dev]"],
        ["cache=False"],
        ["paper_compat=True"],
    ]
    hashes = [hashed(path, *change) for change in changes]
    hashes.append(hashed(path, demo=True))
    assert len(set(hashes)) == len(hashes)


def test_an_experiment_can_not_be_changed(path):
    experiment = load_config(path)
    with pytest.raises(ValueError, match="frozen"):
        experiment.seed = 3


def test_a_raised_version_of_a_part_is_another_run(monkeypatch):
    path = Path(__file__).parents[2] / "configs" / "depmap_r18_avec14.py"
    before = load_config(path)
    assert before.versions == {}
    raised = {"PrototypeMAP": 2, "DFS": 5}
    monkeypatch.setattr("adabench.config.experiment.raised_versions", lambda: raised)
    after = load_config(path)
    assert after.versions == {"PrototypeMAP": 2}
    assert after.hash() != before.hash()
    assert Experiment.model_validate(after.told()).hash() == after.hash()
