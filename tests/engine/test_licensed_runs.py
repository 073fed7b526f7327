"""Runs on a corpus under licence: what is public, what stays, and that joined runs find it again.

The tiny generated corpus stands in for one under licence.
"""

import json
import shutil

import numpy as np
import pytest

from adabench.data.prepared import PreparedCorpus
from adabench.engine.recording.repeat import differences
from adabench.engine.run import RECORD, score_checkpoint, train
from adabench.records.files.results import read_record, read_records, write_record
from adabench.records.schema.tracks import PRIVATE_FOLDER

CONSTANT = "constant_avec14.py"
FOLDS = ("protocol.k=2", "protocol.validation=0.25")


@pytest.fixture
def under_licence(monkeypatch):
    monkeypatch.setattr(PreparedCorpus, "licensed", True)


@pytest.fixture
def run(tiny):
    """A model per task over folds: records of folds of tasks, each joined and joined again."""
    return tiny.experiment(*FOLDS, "fusion=fused", protocol="folds", config=CONSTANT)


def folders(root, work="work"):
    return {"work_dir": root / work, "results": root / "results"}


def private_files(folder):
    return sorted((folder / PRIVATE_FOLDER).glob("*.json"))


def test_a_networks_record_is_public_and_its_predictions_are_not(tiny, under_licence, tmp_path):
    evaluation, record = score_checkpoint(tiny.experiment(), tiny.outcome.checkpoint)
    path = write_record(record, tmp_path)
    text = path.read_text()
    assert not [name for name in (*evaluation.sessions, *evaluation.clips) if name in text]
    content = json.loads(text)
    assert content["counts"]["sessions"] == len(evaluation.sessions)
    assert content["counts"]["clips"] == len(evaluation.clips)
    (kept,) = private_files(tmp_path)
    private = json.loads(kept.read_text())
    assert private["clips"] == evaluation.clips
    assert {p["session"]: p["prediction"] for p in private["predictions"]} == evaluation.sessions
    truth = {clip.session: clip.score for clip in tiny.bench().corpus.clips}
    squares = [(guess - truth[name]) ** 2 for name, guess in evaluation.sessions.items()]
    assert private["metrics"]["RMSE"] == pytest.approx(np.mean(squares) ** 0.5, abs=1e-9)
    assert content["metrics"]["RMSE"] == round(private["metrics"]["RMSE"], 2)
    assert private["calibration"]["bias"] is not None


def test_joined_runs_take_predictions_from_private_files(run, under_licence, tmp_path):
    first = train(run, **folders(tmp_path))
    records, problems = read_records(tmp_path / "results")
    assert problems == []
    assert all(record.predictions == [] and record.private for record in records)
    assert len(private_files(tmp_path / "results")) == len({record.private for record in records})
    # With the members' records there, joining them is all that is done.
    again = train(run, **folders(tmp_path, "again"))
    assert again.record.entries == first.record.entries
    assert len(read_records(tmp_path / "results")[0]) == len(records) + 1
    told = list(differences(first.record, again.record))
    assert f"all {first.record.sessions} predictions are equal" in told


def test_a_joined_run_says_which_private_files_it_lacks(run, under_licence, tmp_path):
    train(run, **folders(tmp_path))
    shutil.rmtree(tmp_path / "results" / PRIVATE_FOLDER)
    with pytest.raises(ValueError, match=r"[0-9a-f]{8}….json.* are not in the folder `private`"):
        train(run, **folders(tmp_path, "again"))


def test_a_run_that_is_resumed_publishes_its_private_file_too(tiny, under_licence, tmp_path):
    run = tiny.experiment(config=CONSTANT)
    first = train(run, **folders(tmp_path))
    own = read_record(tmp_path / "work" / RECORD)
    assert own.entries == first.record.entries
    shutil.rmtree(tmp_path / "results")
    second = train(run, **folders(tmp_path), resume=True)
    assert [path.name for path in private_files(tmp_path / "results")] == [
        path.name for path in private_files(tmp_path / "work")
    ]
    assert read_record(second.path).entries == first.record.entries


def test_a_record_without_its_private_file_is_read_and_says_so(tiny, under_licence, tmp_path):
    run = tiny.experiment(config=CONSTANT)
    outcome = train(run, **folders(tmp_path))
    shutil.rmtree(tmp_path / "results" / PRIVATE_FOLDER)
    bare = read_record(outcome.path)
    assert (bare.entries, bare.sessions) == ([], outcome.record.sessions)
    told = list(differences(bare, outcome.record))
    assert any("private side file is not at hand" in line for line in told)


def test_an_open_corpus_keeps_everything_in_the_record(tiny):
    record = tiny.outcome.record
    assert record.private is None
    assert not (tiny.results / PRIVATE_FOLDER).exists()
    assert not (tiny.work_dir / PRIVATE_FOLDER).exists()
    assert len(record.clips) == record.counts.clips
    assert record.scale.levels[-1].name == "severe"
    assert record.load.cores >= 1
    assert record.calibration.bias is not None
    assert {stage.name for stage in record.stages} == set(tiny.experiment().stages)
    assert all(stage.key for stage in record.stages)
    selection = record.selection
    assert selection.epochs == tiny.experiment().training.epochs
    assert 1 <= selection.epoch <= selection.epochs
    assert selection.looks >= 1
    assert None not in selection.metrics.model_dump().values()
