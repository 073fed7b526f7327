"""What must hold of a record beyond its schema."""

import pytest
from record_fixtures import as_licensed

from adabench.evaluation import metric_intervals, score_metrics
from adabench.evaluation.scale import DRAWN_SCORE
from adabench.records import Metrics, Prediction, Reported, write_record
from adabench.records.checks.beside import place_reasons, read_beside
from adabench.records.checks.content import content_reasons, run_key
from adabench.records.checks.labels import interval_reasons, label_reasons
from adabench.records.files.labels import read_labels
from adabench.records.files.results import load_record
from adabench.records.schema.rounding import coarse
from adabench.records.schema.scale import bdi_ii, scale_form


def with_intervals(make, **changes):
    record = make(**changes)
    predicted = [entry.prediction for entry in record.predictions]
    true = [entry.label for entry in record.predictions]
    persons = [entry.subject for entry in record.predictions]
    return record.model_copy(update={"intervals": metric_intervals(predicted, true, persons)})


def test_runs_are_told_apart_by_config_seed_track_corpus_and_name(sound):
    keys = {
        run_key(record)
        for record in (
            sound(),
            sound(seed=1),
            sound(config_hash="f" * 16),
            sound(track="demo-freeform"),
            sound(corpus_checksum="other"),
            sound(method="bound: a", kind="bound"),
            sound(method="bound: b", kind="bound"),
        )
    }
    assert len(keys) == 7
    again = sound(2.0, created="2027-01-02T03:04:05+00:00", config="renamed", notes=["again"])
    assert run_key(again) == run_key(sound())


def test_the_constant_is_one_whichever_config_wrote_it(sound):
    one, other = (
        sound(method="constant", kind="control", config_hash=name, seed=seed)
        for seed, name in enumerate("ab")
    )
    assert run_key(one) == run_key(other)
    assert run_key(one) != run_key(
        sound(method="constant", kind="control", config_hash="a", protocol="train+dev")
    )


RELEVANCE = {"relevance_measures": {"all": {"roc_area": {"value": 0.6}}}}
WIDER = bdi_ii().model_copy(update={"high": 1000.0})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"track": "of-my-own", "corpus": "mine"}, None),
        ({"track": "of-my-own", "corpus": "mine", "scale": WIDER}, None),
        ({"decoy": {"outcome": "equal", "difference": 0.1, "repeated": 0.1}}, None),
        ({"decoy": {"outcome": "equal", "difference": 5, "repeated": 0.1}}, "differ by 5 points"),
        ({"scale": WIDER}, "scale is 'BDI-II', but corpus 'synthface' has drawn score or BDI-II's"),
        ({"scale": scale_form(DRAWN_SCORE)}, None),
        ({"draw": 3, "family": "f" * 16, "world": "sparse"}, None),
        ({**RELEVANCE}, None),
        ({"draw": 3, "family": "f" * 16, "world": "sparse", **RELEVANCE}, None),
        (
            {"draw": 3, "family": "f" * 16, "world": "diffuse", **RELEVANCE},
            "relevance_measures need key frames, and world 'diffuse' has none",
        ),
        ({"draw": 3, "family": "f" * 16, "world": "none", **RELEVANCE}, "world 'none' has none"),
        (
            {"track": "of-my-own", "corpus": "mine", **RELEVANCE},
            "relevance_measures are of generated corpora, and 'mine' is none",
        ),
        (
            {"track": "of-my-own", "corpus": "mine", "world": "none"},
            "family and world are of generated corpora",
        ),
        ({"track": "demo", "corpus": "avec2014"}, "track 'demo' is scored on 'synthface'"),
        ({"track": "avec14"}, "track 'avec14' is scored on 'avec2014', but corpus is 'synthface'"),
        ({"track": "of-my-own"}, "corpus 'synthface' is generated"),
        ({"track": "avec14", "corpus": "avec2014"}, "15 predictions carry their label"),
        ({"track": "of-my-own", "corpus": "avec2013"}, "15 predictions carry their label"),
        ({"origin": Reported(paper="p", table="1", row="r")}, "belong into a CSV file"),
    ],
)
def test_content(sound, changes, reason):
    reasons = list(content_reasons(sound(**changes)))
    assert bool(reasons) == bool(reason)
    assert reason is None or any(reason in each for each in reasons)


def test_place_and_name(sound, tmp_path):
    path = write_record(sound(), tmp_path)
    stored = load_record(path)
    assert list(place_reasons(path, tmp_path, stored)) == []
    longer = path.with_name(path.name.replace(stored.checksum[:8], stored.checksum[:16]))
    assert list(place_reasons(longer, tmp_path, stored)) == []
    (reason,) = place_reasons(path.with_name("mine.json"), tmp_path, stored)
    assert path.name in reason
    (reason,) = place_reasons(tmp_path / "avec14" / path.name, tmp_path, stored)
    assert str(tmp_path / "demo") in reason
    deeper = tmp_path / "demo" / "demo" / path.name
    assert len(list(place_reasons(deeper, tmp_path, stored))) == 1


def test_side_files_are_held_to_their_digests(sound, with_side_folder, tmp_path):
    files = {"config.json": "{}", "environment.txt": "a==1\n", "changes.patch": "x"}
    path = with_side_folder(sound(), tmp_path, files)
    expected = load_record(path).record.provenance
    found, reasons = read_beside(path, expected)
    assert {name: content.decode() for name, content in found.items()} == files
    assert reasons == []
    folder = path.with_suffix(".provenance")
    (folder / ".part-1-config.json").write_text("half")
    assert read_beside(path, expected)[1] == []
    (folder / "config.json").write_text('{"a": 1}')
    (folder / "environment.txt").unlink()
    (folder / "notes.txt").write_text("more")
    found, reasons = read_beside(path, expected)
    assert list(found) == ["changes.patch"]
    assert [reason.split()[0].rpartition("/")[2] for reason in reasons[1:]] == [
        "config.json",
        "environment.txt",
    ]
    assert "changed after" in reasons[1]
    assert "is missing" in reasons[2]
    assert "holds notes.txt" in reasons[0]


def test_a_record_without_provenance_needs_no_side_folder(sound, tmp_path):
    path = write_record(sound(), tmp_path)
    assert read_beside(path, {}) == ({}, [])
    folder = path.with_suffix(".provenance")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert len(read_beside(path, {})[1]) == 1


def test_a_licensed_records_metrics_follow_from_the_corpus(licensed, licensed_corpus):
    record = licensed()
    corpus = read_labels([licensed_corpus])[record.corpus_checksum]
    assert list(label_reasons(record, corpus)) == []
    better = record.metrics.model_copy(update={"RMSE": 0.5, "CCC": 0.99})
    reasons = list(label_reasons(licensed(metrics=better), corpus))
    assert [reason.split()[0] for reason in reasons] == ["metrics.RMSE", "metrics.CCC"]
    assert "give 5.0" in reasons[0]


def test_a_licensed_records_metrics_over_clips_follow_from_the_corpus(sound, licensed_corpus):
    (corpus,) = read_labels([licensed_corpus]).values()
    entries = sound().predictions
    clips = {clip.clip: 20.0 for clip in corpus.prepared.clips}
    own = {"track": "avec14", "corpus": "avec2014"}
    told = score_metrics([20.0] * len(entries), [entry.label for entry in entries])
    for changes, wrong in (({}, []), ({"MAE": 1.0}, ["clip_metrics.MAE"])):
        public = coarse({**told, **changes})
        record = as_licensed(sound(clips=clips), clip_metrics=public, **own)
        assert [reason.split()[0] for reason in label_reasons(record, corpus)] == wrong


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"session": "999_1"}, "no score for session '999_1'"),
        ({"subject": "8"}, "session '000_1' is of subject '0', not '8'"),
    ],
)
def test_sessions_and_subjects_are_the_corpuss(sound, licensed, licensed_corpus, entry, reason):
    first, *others = sound().predictions
    checksum = licensed().corpus_checksum
    record = as_licensed(sound(corpus_checksum=checksum), [first.model_copy(update=entry), *others])
    corpus = read_labels([licensed_corpus])[record.corpus_checksum]
    assert any(reason in each for each in label_reasons(record, corpus))


def test_a_label_that_is_not_the_corpuss_is_named(sound, licensed, licensed_corpus):
    checksum = licensed().corpus_checksum
    corpus = read_labels([licensed_corpus])[checksum]
    entries = list(sound().predictions)
    entries[2] = Prediction(session="002_1", subject="1", prediction=30.0, label=30.0)
    metrics = Metrics(**score_metrics([e.prediction for e in entries], [e.label for e in entries]))
    record = sound(predictions=entries, metrics=metrics, corpus_checksum=checksum)
    reasons = list(label_reasons(record, corpus))
    assert "licensed is not set" in reasons[0]
    assert "session '002_1' has label 30, its corpus 6" in reasons[1]


def test_intervals_are_recomputed(sound):
    record = with_intervals(sound)
    assert set(record.intervals) == {"RMSE", "MAE", "PCC", "CCC"}
    assert list(interval_reasons(record, None)) == []
    low, high = record.intervals["PCC"]
    narrow = {**record.intervals, "PCC": (low + 0.01, high)}
    (reason,) = interval_reasons(record.model_copy(update={"intervals": narrow}), None)
    assert reason.startswith("the interval of PCC")
    assert str(low) in reason


def test_intervals_of_constant_predictions_hold(sound):
    true = [entry.label for entry in sound().predictions]
    entries = [e.model_copy(update={"prediction": 17.3}) for e in sound().predictions]
    metrics = Metrics(**score_metrics([17.3] * len(true), true))
    record = with_intervals(sound, predictions=entries, metrics=metrics)
    assert record.intervals["PCC"] == (0.0, 0.0)
    assert list(interval_reasons(record, None)) == []


def test_one_person_has_no_interval(sound):
    alone = [entry.model_copy(update={"subject": "a"}) for entry in sound().predictions]
    assert list(interval_reasons(sound(predictions=alone), None)) == []
    record = sound(predictions=alone, intervals={"RMSE": (1.0, 2.0)})
    (reason,) = interval_reasons(record, None)
    assert "none, of one person" in reason


def test_intervals_of_a_licensed_record_need_its_corpus(licensed, licensed_corpus):
    record = licensed(intervals={"RMSE": (1.0, 2.0)})
    scores = read_labels([licensed_corpus])[record.corpus_checksum].scores
    assert list(interval_reasons(record, None)) == []
    assert len(list(interval_reasons(record, scores))) == 1
