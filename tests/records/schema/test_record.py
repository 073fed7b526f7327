"""The result record refuses what does not hold together."""

import json

import pytest
from pydantic import ValidationError
from record_fixtures import as_licensed

from adabench.evaluation import score_metrics
from adabench.records import Cost, Flags, Measured, Metrics, Prediction, Record, Reported
from adabench.records.schema.fields import SCHEMA_VERSION
from adabench.records.schema.record import content_checksum
from adabench.records.schema.tracks import is_demo_track


def unlabelled(record):
    return [entry.model_copy(update={"label": None}) for entry in record.predictions]


def reported(**changes):
    fields = {
        "kind": "method",
        "method": "ExpADA",
        "config": "ExpADA",
        "track": "avec14",
        "corpus": "avec2014",
        "licensed": True,
        "metrics": Metrics(RMSE=6.89, MAE=5.11),
        "origin": Reported(paper="expada", table="1", row="ExpADA"),
    }
    return Record(**{**fields, **changes})


def test_a_record_survives_json(make_record):
    record = make_record(
        seed=3,
        hardware={"cpu": "x", "cores": 2, "memory_gb": 15.5},
        packages={"torch": "2.15.0"},
        timing={"train": 12.5},
        flags=Flags(demo=True, pretrained="expressions", pretrained_checksum="ff"),
        notes=["Übung"],
    )
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert Record(**record.model_dump()) == record
    assert json.loads(record.model_dump_json())["schema_version"] == SCHEMA_VERSION


def test_the_checksum_is_that_of_the_canonical_content(make_record):
    content = json.loads(make_record().model_dump_json())
    checksum = content.pop("checksum")
    assert checksum == content_checksum(content)
    assert checksum == content_checksum(dict(reversed(content.items())))
    assert checksum != make_record(notes=["another"]).checksum


def test_a_changed_record_is_refused(make_record):
    content = json.loads(make_record().model_dump_json())
    content["notes"] = ["better than it looks"]
    with pytest.raises(ValidationError, match="changed after it was written"):
        Record.model_validate(content)


def test_a_record_of_an_older_form_keeps_its_own_signature(make_record):
    content = json.loads(make_record().model_dump_json(exclude={"checksum", "cost"}))
    content["checksum"] = content_checksum(content)
    assert Record.model_validate(content) == make_record()


def test_it_cannot_be_assigned_to(make_record):
    with pytest.raises(ValidationError, match="frozen"):
        make_record().method = "other"


@pytest.mark.parametrize("where", [(), ("metrics",), ("flags",), ("cost",), ("predictions", 0)])
def test_unknown_fields_are_refused(make_record, where):
    content = make_record().model_dump(exclude={"checksum"})
    part = content
    for step in where:
        part = part[step]
    part["surprise"] = 1
    with pytest.raises(ValidationError, match="surprise"):
        Record(**content)


@pytest.mark.parametrize("name", ["RMSE", "MAE", "PCC", "CCC"])
def test_numbers_that_do_not_follow_from_the_predictions_are_refused(make_record, name):
    metrics = make_record().metrics
    off = metrics.model_copy(update={name: getattr(metrics, name) - 1e-4})
    with pytest.raises(ValidationError, match=rf"metrics.{name} is .* labels give"):
        make_record(metrics=off)
    near = metrics.model_copy(update={name: getattr(metrics, name) - 1e-8})
    assert make_record(metrics=near).metrics == near


def test_a_changed_prediction_no_longer_fits_the_metrics(make_record):
    predictions = list(make_record().predictions)
    predictions[0] = Prediction(session="000_1", subject="0", prediction=1.0, label=0.0)
    with pytest.raises(ValidationError, match=r"metrics\.RMSE"):
        make_record(predictions=predictions)


def test_metrics_over_clips_follow_from_the_clips_of_a_joint_record(make_record):
    entries = make_record().predictions
    tasks = {"Freeform": -2.0, "Northwind": 3.0}
    clips = {f"{e.session}_{name}": e.prediction + d for e in entries for name, d in tasks.items()}
    true = [entry.label for entry in entries for _ in tasks]
    told = Metrics(**score_metrics(list(clips.values()), true))
    record = make_record(clips=clips, clip_metrics=told)
    assert record.clip_metrics == told
    assert told.RMSE > record.metrics.RMSE
    better = told.model_copy(update={"MAE": 0.5})
    with pytest.raises(ValidationError, match=r"clip_metrics\.MAE is 0\.5, but the clips'"):
        make_record(clips=clips, clip_metrics=better)
    with pytest.raises(ValidationError, match="fusion is 'fused'"):
        make_record(clips=clips, clip_metrics=told, fusion="fused")


def test_a_licensed_corpus_keeps_its_labels_out(make_record):
    with pytest.raises(ValidationError, match="labels must stay out of the record"):
        make_record(licensed=True)
    with pytest.raises(ValidationError, match=r"what goes by session .* holds predictions"):
        make_record(licensed=True, predictions=unlabelled(make_record()))
    text = as_licensed(make_record()).model_dump_json()
    assert '"predictions":[]' in text
    assert '"clips":{}' in text


def test_one_label_is_enough_to_refuse_a_licensed_record(make_record):
    predictions = unlabelled(make_record())
    predictions[4] = Prediction(session="004_1", subject="2", prediction=1.0, label=2.0)
    with pytest.raises(ValidationError, match="session '004_1'"):
        make_record(licensed=True, predictions=predictions)


def test_an_open_corpus_gives_every_label(make_record):
    with pytest.raises(ValidationError, match="session '000_1' has no label"):
        make_record(predictions=unlabelled(make_record()))


def test_a_session_counts_once(make_record):
    predictions = make_record().predictions
    with pytest.raises(ValidationError, match="'000_1' more than once"):
        make_record(predictions=[*predictions, predictions[0]])


def test_a_prediction_names_its_subject():
    with pytest.raises(ValidationError, match="subject"):
        Prediction(session="203_1", prediction=1.0)
    with pytest.raises(ValidationError, match="subject"):
        Prediction(session="203_1", subject="", prediction=1.0)


def test_provenance_holds_digests_of_plain_files(make_record):
    record = make_record(provenance={"config.json": "0" * 64, "changes.patch": "f" * 64})
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert record.checksum != make_record().checksum
    for wrong in ({"../config.json": "0" * 64}, {".hidden": "0" * 64}, {"config.json": "0" * 63}):
        with pytest.raises(ValidationError, match="provenance"):
            make_record(provenance=wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(make_record, value):
    with pytest.raises(ValidationError, match="finite"):
        Prediction(session="a", subject="a", prediction=value)
    with pytest.raises(ValidationError, match="finite"):
        Metrics(RMSE=value, MAE=1.0)
    with pytest.raises(ValidationError, match="finite"):
        make_record(timing={"train": value})


def test_labels_stay_on_the_scale_and_predictions_need_not(make_record):
    entry = Prediction(session="a", subject="a", prediction=71.5, label=63)
    assert entry.prediction == 71.5
    with pytest.raises(ValidationError, match=r"label 64, and BDI-II goes from 0 to 63"):
        make_record(predictions=[Prediction(session="a", subject="a", prediction=5.0, label=64)])


@pytest.mark.parametrize(
    "name", ["config_hash", "corpus_checksum", "protocol", "fusion", "created", "seed"]
)
def test_a_measured_record_says_where_it_comes_from(make_record, name):
    with pytest.raises(ValidationError, match=f"needs {name}"):
        make_record(**{name: None})


def test_a_measured_record_has_predictions_and_four_metrics(make_record):
    with pytest.raises(ValidationError, match="needs its predictions"):
        make_record(predictions=[])
    with pytest.raises(ValidationError, match="all four metrics"):
        as_licensed(make_record(), metrics=Metrics(RMSE=1.0, MAE=1.0))


def test_a_bound_needs_only_its_corpus(make_record):
    bare = {"kind": "bound", "method": "oracle", "predictions": [], "intervals": {}, "seed": None}
    record = make_record(**bare, metrics=Metrics(RMSE=4.3, MAE=3.3), protocol=None, fusion=None)
    assert record.metrics.PCC is None
    with pytest.raises(ValidationError, match="corpus_checksum"):
        make_record(**bare, metrics=Metrics(RMSE=4.3, MAE=3.3), corpus_checksum=None)


def test_the_constant_is_a_control(make_record):
    assert make_record(method="constant", kind="control").kind == "control"
    with pytest.raises(ValidationError, match="is a control"):
        make_record(method="constant")


def test_drawn_faces_stay_off_real_tracks(make_record):
    with pytest.raises(ValidationError, match="no demo track"):
        make_record(track="avec14", flags=Flags(demo=True))
    assert make_record(track="demo-freeform", flags=Flags(demo=True)).flags.demo
    assert [is_demo_track(name) for name in ("demo", "demo-freeform", "demographic")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("track", ["", "../up", "a/b", "Demo", ".hidden"])
def test_a_track_is_a_plain_folder_name(make_record, track):
    with pytest.raises(ValidationError, match="track"):
        make_record(track=track)


@pytest.mark.parametrize("created", ["yesterday", "2026-01-02T03:04:05"])
def test_the_time_is_complete(make_record, created):
    with pytest.raises(ValidationError, match="created"):
        make_record(created=created)


def test_an_interval_is_not_upside_down(make_record):
    with pytest.raises(ValidationError, match="upside down"):
        make_record(intervals={"RMSE": (5.0, 4.0)})
    with pytest.raises(ValidationError, match="intervals"):
        make_record(intervals={"R2": (0.0, 1.0)})


def test_another_schema_is_named_with_its_remedy(make_record):
    content = json.loads(make_record().model_dump_json())
    content["schema_version"] = SCHEMA_VERSION + 1
    told = rf"schema_version is {SCHEMA_VERSION + 1}.*update adabench"
    with pytest.raises(ValidationError, match=told):
        Record.model_validate(content)


def test_a_reported_row_needs_no_run():
    record = reported()
    assert record.seed is None
    assert record.predictions == []
    assert Record.model_validate_json(record.model_dump_json()) == record
    with pytest.raises(ValidationError, match="row"):
        reported(origin={"type": "reported", "paper": "expada", "table": "1"})


def test_origin_is_one_of_two():
    with pytest.raises(ValidationError, match="measured"):
        reported(origin={"type": "guessed"})
    with pytest.raises(ValidationError, match="config_hash"):
        reported(origin=Measured())


def test_where_key_frames_are_known_relevance_is_measured(make_record):
    area = {"value": 0.64, "chance": 0.5, "ceiling": 0.64}
    own = {"clips": 3, "roc_area": area, "share": {"value": 0.0}}
    record = make_record(relevance_measures={"all": own, "scale1": {"roc_area": {"value": 1.0}}})
    again = Record.model_validate_json(record.model_dump_json()).relevance_measures
    assert again == record.relevance_measures
    assert (again["all"].roc_area.ceiling, again["all"].pointing) == (0.64, None)
    assert make_record().relevance_measures == {}
    for wrong in (-0.01, 1.01, float("nan"), None):
        with pytest.raises(ValidationError, match=r"relevance_measures\.all\.roc_area\.value"):
            make_record(relevance_measures={"all": {"roc_area": {"value": wrong}}})
    with pytest.raises(ValidationError, match=r"value 0\.64 lies above 0\.63"):
        make_record(relevance_measures={"all": {"roc_area": {**area, "ceiling": 0.63}}})


def test_measures_of_relevance_fit_each_other_and_what_was_tested(make_record):
    def own(value, clips):
        return {"clips": clips, "roc_area": {"value": value}}

    levels = {"minimal": own(0.5, 10), "severe": own(0.8, 20)}
    counts = {"sessions": 15, "persons": 8, "clips": 30}
    assert make_record(relevance_measures={"all": own(0.7, 30), **levels}, counts=counts)
    # Clips without a level (another scale's) leave nothing to compare.
    assert make_record(relevance_measures={"all": own(0.6, 31), **levels})
    with pytest.raises(ValidationError, match=r"all\.roc_area is 0\.71, but its levels give 0\.7"):
        make_record(relevance_measures={"all": own(0.71, 30), **levels})
    with pytest.raises(ValidationError, match=r"scale1 is over 31 clips, and 30 were tested"):
        make_record(relevance_measures={"scale1": own(0.7, 31)}, counts=counts)
    with pytest.raises(ValidationError, match="relevance_measures has 'both'"):
        make_record(relevance_measures={"both": own(0.7, 31)})


def test_a_run_tells_its_cost_here_and_alone(make_record):
    record = make_record(cost=Cost(wall_seconds=3.5, alone_seconds=12.0))
    again = Record.model_validate_json(record.model_dump_json())
    assert (again.cost.wall_seconds, again.cost.alone_seconds) == (3.5, 12.0)
    assert make_record().cost.alone_seconds is None
    with pytest.raises(ValidationError, match="alone_seconds"):
        Cost(alone_seconds=-1.0)


@pytest.mark.parametrize("newer", ["relevance_measures", "alone_seconds"])
def test_a_record_from_before_these_fields_is_still_read(make_record, newer):
    content = json.loads(make_record().model_dump_json(exclude={"checksum"}))
    (content if newer in content else content["cost"]).pop(newer)
    content["checksum"] = content_checksum(content)
    assert Record.model_validate(content) == make_record()
