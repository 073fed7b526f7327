"""Which generated corpus a run reads: what its record says of it, and how one is let go."""

import json
import shutil
from pathlib import Path

import pytest

from adabench.config.fields.generated import synthface_parameters
from adabench.config.preparations import drawn_of
from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.locks import FolderInUseError
from adabench.engine.controls import run_controls
from adabench.engine.data.corpora import reading, remove_drawn
from adabench.engine.data.rundata import open_data
from adabench.engine.kinds import NetworkRun
from adabench.engine.recording.repeat import experiment_of
from adabench.engine.run import score_checkpoint, train
from adabench.leaderboard.checks.claims import claim_reasons
from adabench.records.files.results import read_records

CONSTANT = "constant_avec14.py"


def constant(tiny, root, **options):
    return tiny.experiment(f"data.root={root}", config=CONSTANT, **options)


def copy_draw_0(tiny, data):
    """Copy the tiny run's corpus, raw and prepared, to another data folder."""
    prepared = open_data(tiny.experiment()).corpus.root
    raw = Path("raw", "-".join(prepared.name.split("-")[:2]))
    shutil.copytree(prepared, data / prepared.name, ignore=shutil.ignore_patterns("caches"))
    shutil.copytree(prepared.parent / raw, data / raw)


@pytest.fixture(scope="module")
def drawn(tiny, tmp_path_factory):
    """The constant on draws 0 and 1, with what stands beside it."""
    root = tmp_path_factory.mktemp("draws")
    copy_draw_0(tiny, root / "data")
    for seed in (0, 1):
        run = constant(tiny, root / "data", seed=seed, draw=None)
        train(run, work_dir=root / f"work{seed}", results=root / "results")
        run_controls(run, root / "results")
    return root


def test_a_record_names_family_and_number(drawn, tiny):
    records, problems = read_records(drawn / "results")
    assert not problems
    parameters = synthface_parameters(constant(tiny, drawn).data.synthface)
    assert {record.family for record in records} == {parameters.family()}
    assert {record.draw for record in records} == {0, 1}
    assert len({record.corpus_checksum for record in records}) == 2
    bounds = [record for record in records if record.kind == "bound"]
    assert [b.method for b in bounds if b.draw == 0] != []
    assert {b.method for b in bounds if b.draw == 0} == {b.method for b in bounds if b.draw == 1}


def test_no_person_is_in_two_draws(drawn, tiny):
    clips = [open_data(constant(tiny, drawn / "data", draw=draw)).corpus.clips for draw in (0, 1)]
    first, second = ({clip.subject for clip in each} for each in clips)
    assert first
    assert not first & second
    scores = [[clip.score for clip in each] for each in clips]
    assert scores[0] != scores[1]


def test_a_record_of_another_draw_or_family_is_told(drawn, tiny):
    run = constant(tiny, drawn / "data", seed=1, draw=None)
    (record,) = (
        r for r in read_records(drawn / "results")[0] if r.kind == "control" and r.seed == 1
    )
    assert not [told for told in claim_reasons(record, run) if "draw" in told or "family" in told]
    other = record.model_copy(update={"draw": 5, "family": "0" * 16})
    told = list(claim_reasons(other, run))
    assert any("draw is 5, but its config gives 1" in reason for reason in told)
    assert any("family is" in reason for reason in told)


def test_a_finished_run_on_another_draw_is_not_taken_for_this_one(drawn, tiny):
    run = constant(tiny, drawn / "data", seed=0, draw=1)
    with pytest.raises(ValueError, match="draw"):
        train(run, work_dir=drawn / "work0", results=drawn / "results", resume=True)


def test_a_record_gives_back_the_experiment_on_its_own_draw(drawn, tiny, tmp_path):
    free = constant(tiny, drawn / "data", seed=1, draw=None)
    pinned = constant(tiny, drawn / "data", seed=0, draw=1)
    outcomes = [
        train(free, work_dir=drawn / "work1", results=drawn / "results", resume=True),
        train(pinned, work_dir=tmp_path / "work", results=tmp_path / "results"),
    ]
    found = [experiment_of(outcome.path) for outcome in outcomes]
    assert [(record.seed, record.draw) for record, _ in found] == [(1, 1), (0, 1)]
    for (record, again), run in zip(found, (free, pinned), strict=True):
        assert (again.seed, again.draw, again.hash()) == (run.seed, record.draw, run.hash())
        assert again.corpora.synthface == run.corpora.synthface
    # What was run without a pin follows its seed when it is run with another.
    assert [again.model_copy(update={"seed": 4}).draw for _, again in found] == [4, 1]


def test_a_draw_is_let_go_with_its_caches_unless_a_run_reads_it(forks, tiny, tmp_path):
    copy_draw_0(tiny, tmp_path / "data")
    run = constant(tiny, tmp_path / "data", draw=0)
    (data,) = drawn_of(run)
    with reading(run):
        corpus = open_data(run).corpus
        cache = corpus.root / "caches" / "features" / "key"
        cache.mkdir(parents=True)
        assert Path(data.root, "raw").is_dir()
        code = (
            "import json, sys; from adabench.config.experiment import Data;"
            "from adabench.engine.data.corpora import remove_drawn;"
            "remove_drawn(Data.model_validate(json.loads(sys.argv[1])))"
        )
        program = tmp_path / "program.py"
        program.write_text(code)
        asked = forks.run([program, json.dumps(data.model_dump(mode="json"))], tmp_path)
        assert FolderInUseError.__name__ in asked.stderr
        assert cache.is_dir()
    # What a removal that was cut left aside is in nobody's way.
    aside = corpus.root.with_name(f"{TEMPORARY_PREFIX}removed-{corpus.root.name}")
    (aside / "faces").mkdir(parents=True)
    removed = remove_drawn(data)
    assert not aside.exists()
    assert {folder.parent.name for folder in removed} == {"data", "raw"}
    assert not corpus.root.exists()
    assert remove_drawn(data) == []


def test_a_checkpoint_that_is_scored_holds_its_corpus(tiny, monkeypatch):
    run = tiny.experiment()
    (data,) = drawn_of(run)
    whole, held = NetworkRun.score.__func__, []

    def score(kind, *given):
        with pytest.raises(FolderInUseError):
            remove_drawn(data)
        held.append(whole(kind, *given))
        return held[0]

    monkeypatch.setattr(NetworkRun, "score", classmethod(score))
    score_checkpoint(run, tiny.outcome.checkpoint)
    assert len(held) == 1


def test_a_checkpoint_is_of_one_draw(tiny):
    other = tiny.experiment(draw=1)
    assert other.hash() == tiny.experiment().hash()
    with pytest.raises(ValueError, match="trained with draw 0, and this run's is 1: give --draw 0"):
        score_checkpoint(other, tiny.outcome.checkpoint)


def test_a_checkpoint_is_of_one_seed(tiny):
    with pytest.raises(ValueError, match="trained with seed 0, and this run's is 2: give --seed 0"):
        score_checkpoint(tiny.experiment(seed=2), tiny.outcome.checkpoint)
