"""The protocol section: its kinds, ready-made files, members, and hashes that must not move."""

import json
from pathlib import Path

import pytest
from tiny_runs import context_of

from adabench.config.digest import digest
from adabench.config.experiment import Experiment
from adabench.config.preparations import corpus_problem, preparations
from adabench.config.reading.files import PROTOCOLS, read_protocol
from adabench.config.reading.load import load_config
from adabench.config.references import seeded
from adabench.data.protocol import CrossCorpus, Folds, PersonDisjoint, Protocol
from adabench.engine.files.work_folder import default_work_dir
from adabench.engine.stages.stage import StageResult
from adabench.plugins import load_plugins
from adabench.records.files.results import read_record, record_files
from adabench.records.files.side_files import CONFIG, side_folder
from adabench.registry import STAGES

ROOT = Path(__file__).parents[3]
DEPMAP = ROOT / "configs" / "depmap_r18_avec14.py"
EXPADA = ROOT / "configs" / "expada_avec14.py"
READY = {
    "official": Protocol(),
    "train-dev": Protocol("train+dev", ("train", "dev"), ()),
    "person-disjoint": PersonDisjoint(),
    "folds": Folds(),
    "cross-corpus": CrossCorpus("avec13"),
}


def load(*overrides, path=DEPMAP, **options):
    return load_config(path, overrides=overrides, **options)


def test_every_ready_made_section_is_known_here():
    files = sorted((ROOT / PROTOCOLS).glob("*.py"))
    assert [p.stem.replace("_", "-") for p in files] == sorted(READY)


@pytest.mark.parametrize("name", READY)
def test_a_ready_made_section_by_name_and_by_inheritance(name, tmp_path):
    by_name = load(protocol=name)
    assert by_name.protocol.build() == READY[name]
    file = ROOT / PROTOCOLS / f"{name.replace('-', '_')}.py"
    assert load(protocol=file) == by_name
    path = tmp_path / "mine.py"
    path.write_text(f"_base_ = [{str(DEPMAP)!r}, {str(file)!r}]\n")
    inherited = load(path=path)
    assert inherited.protocol == by_name.protocol
    assert inherited.hash() == by_name.hash()


def test_it_stands_in_place_of_the_configs_own_and_options_refine_it(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"_base_ = {str(DEPMAP)!r}\nprotocol = dict(name='own', validate=())\n")
    run = load("protocol.seed=3", "protocol.k=3", path=path, protocol="folds")
    assert run.protocol.build() == Folds(k=3, seed=3)
    assert load("protocol.kind=person-disjoint").protocol.build() == PersonDisjoint()
    plain = load(
        "protocol.name=train+dev", "protocol.train=train,dev", "protocol.validate=[]"
    ).protocol
    assert plain.build() == READY["train-dev"]


def test_a_demo_takes_the_demo_track_of_the_source():
    run = load(protocol="cross-corpus", demo=True)
    assert run.protocol.source == "demo-freeform"
    assert run.protocol.synthface == {"seed": 3108}
    assert load(protocol="cross-corpus").protocol.source == "avec13"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "protocol = dict(kind='fold')",
            "protocol.kind: expected 'splits' or 'person-disjoint' or 'folds' or 'cross-corpus'",
        ),
        ("protocol = 'folds'", "protocol: expected a dict; got 'folds'"),
        (
            "protocol = dict(kind='folds', shares=(1, 0, 0))",
            "protocol.shares: no field is called 'shares'. Known: fold",
        ),
        ("protocol = dict(kind='folds', k=1)", "protocol.k: expected at least 2; got 1"),
        ("protocol = dict(kind='folds', k=3, fold=4)", "fold: expected one of 1 to k=3; got 4"),
        (
            "protocol = dict(kind='folds', validation=0.6)",
            "protocol.validation: expected at most 0.5",
        ),
        (
            "protocol = dict(kind='person-disjoint', shares=(0.5, 0.5, 0))",
            "test need a share above",
        ),
        ("protocol = dict(kind='person-disjoint', shares=(0.5, 0.2, 0.2))", "parts of 1 in whole"),
        (
            "protocol = dict(kind='person-disjoint', pool=('tset',))",
            "protocol.pool.0: expected 'train', 'dev' or 'test'",
        ),
        ("protocol = dict(kind='cross-corpus')", "protocol.source: it is missing"),
        ("protocol = dict(kind='cross-corpus', source='avec31')", "source: no track is called"),
    ],
)
def test_mistakes_name_the_field(line, said, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"_base_ = {str(DEPMAP)!r}\n{line}\n")
    with pytest.raises(ValueError, match=r"mine\.py") as error:
        load(path=path)
    assert said in str(error.value)
    assert ".splits" not in str(error.value)


def test_a_demo_names_the_field_of_an_unknown_source(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        f"_base_ = {str(DEPMAP)!r}\nprotocol = dict(kind='cross-corpus', source='avec31')\n"
    )
    with pytest.raises(
        ValueError, match=r"mine\.py: protocol\.source: no track is called 'avec31'"
    ):
        load(path=path, demo=True)


def test_a_ready_made_section_that_is_missing_or_more(tmp_path):
    with pytest.raises(FileNotFoundError, match="did you mean 'folds'") as error:
        read_protocol("fold")
    assert "person-disjoint" in str(error.value)
    path = tmp_path / "more.py"
    path.write_text("protocol = dict(kind='folds')\nseed = 3\n")
    with pytest.raises(ValueError, match=r"more\.py: expected one assignment, protocol"):
        read_protocol(path)
    path.write_text("protocol = 3\n")
    with pytest.raises(ValueError, match="expected one assignment"):
        read_protocol(path)


def test_protocols_have_hashes_of_their_own():
    changes = [
        (None, []),
        ("train-dev", []),
        ("person-disjoint", []),
        ("person-disjoint", ["protocol.seed=1"]),
        ("person-disjoint", ["protocol.shares=[0.5,0.25,0.25]"]),
        ("person-disjoint", ["protocol.pool=[train,dev]"]),
        ("folds", []),
        ("folds", ["protocol.k=3"]),
        ("folds", ["protocol.seed=1"]),
        ("folds", ["protocol.validation=0"]),
        ("folds", ["protocol.fold=1"]),
        ("folds", ["protocol.fold=2"]),
        ("cross-corpus", []),
        ("cross-corpus", ["protocol.source=avec14-freeform"]),
        ("cross-corpus", ["protocol.synthface.seed=1"]),
        ("cross-corpus", ["protocol.validate=[]"]),
    ]
    hashes = [load(*options, protocol=name).hash() for name, options in changes]
    assert len(set(hashes)) == len(changes)
    assert load(protocol="official").hash() == hashes[0]
    assert load("protocol.kind=splits").hash() == hashes[0]


@pytest.mark.parametrize("name", READY)
def test_a_stored_config_is_the_same_run(name):
    run = load(protocol=name)
    stored = json.loads(run.model_dump_json(by_alias=True))
    assert Experiment.model_validate(stored) == run
    assert Experiment.model_validate(stored).hash() == run.hash()


def measured():
    """Yield each committed record that has its config beside it."""
    for path in record_files(ROOT / "leaderboard" / "measured"):
        record = read_record(path)
        if CONFIG in record.provenance:
            yield record, json.loads((side_folder(path) / CONFIG).read_text())


def test_committed_records_keep_their_hashes_and_their_configs():
    found = 0
    for record, stored in measured():
        run = Experiment.model_validate(stored)
        assert run.hash() == record.config_hash
        assert run.model_dump(mode="json", by_alias=True)["protocol"] == stored["protocol"]
        assert record.protocol == run.protocol.build().title == "official"
        found += 1
    assert found


#: As of the commit before protocols had kinds.
SECTION = {"name": "official", "train": ["train"], "validate_": ["dev"], "test": ["test"]}


OFFICIAL_RUNS = ("depmap_r18_avec14", "expada_avec14_freeform")


def test_what_hashes_and_keys_hold_of_official_splits():
    for name in OFFICIAL_RUNS:
        run = load_config(ROOT / "configs" / f"{name}.py", demo=True)
        assert run.protocol.model_dump(mode="json") == SECTION
        data = run.data.model_dump(mode="json", exclude={"root", "processes"})
        keys = {p.until: p.key for p in preparations(run)}
        drawn = {**data, "synthface": {**data["synthface"], "draw": run.seed}}
        assert keys["corpus"] == digest(["corpus", drawn])
        # Draw 0 has the first of the trunks that are dealt.
        alike = digest([{**run.stages["trunk"], "seed": 0}, [], data])
        assert keys["trunk"] == digest([alike, run.seed, run.track, SECTION])


class Checksum:
    """As much of a corpus as an official key needs."""

    checksum = "c0ffee"


def test_stages_of_official_splits_keep_what_their_keys_are_made_of():
    load_plugins()
    run = load_config(ROOT / "configs" / "expada_avec14_freeform.py", demo=True, seed=3)
    earlier = {"trunk": StageResult("trunk", Path(), "key of the trunk")}
    stage = STAGES.build(dict(seeded(run.stages, run.seed, run.draw)["encoder"]))
    made_of = stage.depends_on(context_of(run, Checksum(), earlier))
    assert made_of[0] == stage.experiment(run).hash()
    assert made_of[1:3] == [3, "c0ffee"]
    assert made_of[4:] == [{"trunk": "key of the trunk"}]


def test_folds_are_runs_of_their_own():
    run = load(protocol="folds", demo=True)
    assert run.is_pooled
    assert not run.is_fold
    members = run.members()
    assert [m.name for m in members] == [f"depmap_r18_avec14_fold{n}" for n in range(1, 6)]
    assert [m.protocol.fold for m in members] == [1, 2, 3, 4, 5]
    assert {m.track for m in members} == {"demo"}
    assert len({m.hash() for m in (*members, run)}) == 6
    second = load("protocol.fold=2", protocol="folds", demo=True)
    assert second.hash() == members[1].hash()
    assert second.is_fold
    assert second.members() == ()
    assert preparations(run) == ()
    assert [p.until for p in preparations(second)] == ["corpus", "trunk", "features"]


def test_a_model_per_task_has_its_folds_within_each_task():
    run = load(path=EXPADA, protocol="folds", demo=True)
    tasks = run.members()
    assert [(m.name, m.track) for m in tasks] == [
        ("expada_avec14_freeform", "demo-freeform"),
        ("expada_avec14_northwind", "demo-northwind"),
    ]
    alone = load(path=ROOT / "configs" / "expada_avec14_freeform.py", protocol="folds", demo=True)
    assert tasks[0].hash() == alone.hash()
    assert [m.hash() for m in tasks[0].members()] == [m.hash() for m in alone.members()]


@pytest.mark.parametrize("name", ["train-dev", "person-disjoint", "cross-corpus"])
def test_the_trunk_is_shared_by_protocols_and_the_rest_is_not(name):
    options = {"path": ROOT / "configs" / "expada_avec14_freeform.py", "demo": True}
    plain, other = (
        {p.until: p for p in preparations(load(protocol=p, **options))} for p in (None, name)
    )
    assert plain["trunk"].key != other["trunk"].key
    # Who comes second finds what the first one made: its content does not depend on the protocol.
    assert plain["trunk"].alike == other["trunk"].alike
    for until in ("encoder", "features"):
        assert plain[until].key != other[until].key
    assert (plain["corpus"].key == other["corpus"].key) == (name != "cross-corpus")


def test_both_corpora_have_to_be_prepared(tmp_path):
    run = load(f"data.root={tmp_path}", protocol="cross-corpus")
    assert "tools/prepare.py avec2014" in corpus_problem(run)
    for name in ("avec2014", "avec2013"):
        assert name in corpus_problem(run)
        (tmp_path / name).mkdir()
        (tmp_path / name / "corpus.json").write_text("{}")
    assert corpus_problem(run) is None


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("official", ""),
        ("train-dev", "train+dev/"),
        ("person-disjoint", "person-disjoint-60-20-20-seed-0/"),
        ("folds", "5-folds-validation-20-seed-0/"),
        ("cross-corpus", "cross-corpus-from-demo-freeform/"),
    ],
)
def test_protocols_keep_their_files_apart(name, folder):
    run = load(protocol=name, demo=True)
    assert default_work_dir(run) == Path(f"work_dirs/depmap_r18_avec14-demo/{folder}seed0")
