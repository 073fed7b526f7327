"""Running a record's config again, and what is said about the difference."""

import json

import pytest

from adabench.config.reading.load import load_config
from adabench.engine.recording.repeat import differences, experiment_of, side_files
from adabench.engine.run import train
from adabench.records import provenance
from adabench.records.files.results import write_record
from adabench.records.files.side_files import (
    CONFIG,
    ENVIRONMENT,
    digests,
    read_side_files,
    side_folder,
    write_side_files,
)


def test_a_record_has_its_config_and_environment_beside_it(tiny):
    path, record = tiny.outcome.path, tiny.outcome.record
    assert {CONFIG, ENVIRONMENT} <= set(record.provenance)
    files = read_side_files(path, record.provenance)
    assert f"numpy=={provenance.packages()['numpy']}" in files[ENVIRONMENT].splitlines()
    before, experiment = experiment_of(path)
    assert before == record
    # Tuples of a config come back as lists; where its sender kept data does not come at all.
    ours = tiny.experiment().model_dump(mode="json")
    assert experiment.data.root == "data"
    assert str(tiny.root) not in files[CONFIG]
    ours["data"]["root"] = "data"
    assert experiment.model_dump(mode="json") == ours
    assert (experiment.hash(), experiment.seed) == (record.config_hash, record.seed)


def test_every_record_s_own_config_comes_back(tiny_encoder):
    _, experiment = experiment_of(tiny_encoder.path)
    assert experiment.hash() == tiny_encoder.record.config_hash


def test_the_same_run_again_gives_the_same_numbers(tiny, tmp_path):
    before, experiment = experiment_of(tiny.outcome.path, [f"data.root={tiny.root / 'data'}"])
    after = train(experiment, work_dir=tmp_path / "work", results=tmp_path / "results").record
    told = list(differences(before, after))
    assert f"all {len(before.predictions)} predictions are equal" in told
    assert not any("config's hash" in line or "corpus" in line for line in told)


def test_data_may_lie_elsewhere_and_nothing_else_may_differ(tiny, tmp_path):
    _, moved = experiment_of(tiny.outcome.path, [f"data.root={tmp_path}", "data.processes=1"])
    assert (moved.data.root, moved.data.processes) == (str(tmp_path), 1)
    assert moved.hash() == tiny.outcome.record.config_hash
    assert moved.overrides == tiny.experiment().overrides
    with pytest.raises(ValueError, match=r"only data\.root.*'training\.epochs=3' came"):
        experiment_of(tiny.outcome.path, ["training.epochs=3"])


@pytest.fixture
def copied(tiny, tmp_path):
    """The tiny run's record and its folder, elsewhere."""
    path = write_record(tiny.outcome.record, tmp_path)
    write_side_files(path, read_side_files(tiny.outcome.path, tiny.outcome.record.provenance))
    return path


def test_a_changed_or_missing_config_is_refused(copied):
    config = side_folder(copied) / CONFIG
    text = config.read_text()
    config.write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ValueError, match=r"config\.json was changed"):
        experiment_of(copied)
    config.unlink()
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing"):
        experiment_of(copied)


def test_a_record_without_a_config_says_what_to_run(tiny, tmp_path):
    bare = tiny.outcome.record.model_copy(update={"provenance": {}})
    path = write_record(bare, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no config beside it.*depmap_r18_avec14"):
        experiment_of(path)


def test_a_config_of_another_adabench_is_told(tiny, tmp_path):
    record = tiny.outcome.record
    config = json.loads(read_side_files(tiny.outcome.path, record.provenance)[CONFIG])
    files = {CONFIG: json.dumps({**config, "from_the_future": 1})}
    path = write_record(record.model_copy(update={"provenance": digests(files)}), tmp_path)
    write_side_files(path, files)
    with pytest.raises(ValueError, match="another adabench"):
        experiment_of(path)


def test_where_no_record_lies_it_is_told_what_a_record_is(tmp_path):
    for path in (tmp_path / "nope.json", tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"no record at that path.*\.json.*leaderboard/"
        ):
            experiment_of(path)


@pytest.mark.parametrize("place", [("method", "name"), ("stages", "trunk", "trunk", "weights")])
def test_a_path_that_was_put_into_a_record_is_not_read(tiny, tmp_path, place):
    """Its digest would stand in the next record, and a device would be read to the end of time."""
    record = tiny.outcome.record
    config = json.loads(read_side_files(tiny.outcome.path, record.provenance)[CONFIG])
    secret = tmp_path / "secret"
    secret.write_text("mine")
    secret.chmod(0)
    inner = config
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = str(secret)
    files = {CONFIG: json.dumps(config)}
    path = write_record(record.model_copy(update={"provenance": digests(files)}), tmp_path)
    write_side_files(path, files)
    with pytest.raises(ValueError, match="secret' names a file of this machine"):
        experiment_of(path)


def test_what_was_in_no_commit_names_the_files_that_are_kept(tiny):
    record = tiny.outcome.record.model_copy(update={"clean_tree": False})
    for kept, told in (({"code.patch": "0" * 64}, "code.patch"), ({}, "nothing")):
        lines = differences(record.model_copy(update={"provenance": kept}), record)
        assert f"the record's code was in no commit: see {told} beside it" in list(lines)


def test_differences_name_what_differs(tiny):
    record = tiny.outcome.record
    first, *others = record.predictions
    moved = [first.model_copy(update={"prediction": first.prediction + 0.5}), *others]
    metrics = record.metrics.model_copy(update={"RMSE": record.metrics.RMSE + 0.25})
    after = record.model_copy(
        update={
            "predictions": moved,
            "metrics": metrics,
            "corpus_checksum": "other",
            "commit": "abc",
            "packages": {**record.packages, "numpy": "9.9"},
            "hardware": {**record.hardware, "gpu": "a GPU"},
        }
    )
    told = "\n".join(differences(record, after))
    assert "+2.50e-01" in told
    assert f"5.00e-01 points ({first.session})" in told
    for part in ("the corpus is another", "abc now", "numpy", "9.9 now", "gpu absent then"):
        assert part in told
    fewer = "\n".join(differences(record, record.model_copy(update={"predictions": others})))
    assert "other sessions" in fewer


def test_what_is_kept_tells_of_a_changed_tree(tiny, monkeypatch):
    monkeypatch.setattr(provenance, "changes", lambda: "a patch\n")
    assert side_files(tiny.experiment())["changes.patch"] == "a patch\n"
    monkeypatch.setattr(provenance, "changes", lambda: None)
    assert "changes.patch" not in side_files(tiny.experiment())


def test_a_config_goes_through_json_unchanged():
    experiment = load_config("configs/expada_avec14.py", demo=True, seed=3)
    again = type(experiment).model_validate(json.loads(side_files(experiment)[CONFIG]))
    assert again.hash() == experiment.hash()
    assert again.seed == 3
