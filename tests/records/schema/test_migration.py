"""Records of older schema versions are read as what they would be today; newer ones are refused."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from record_fixtures import as_licensed

from adabench.records import Metrics, Record, Reported, read_record, write_record
from adabench.records.files.private import find_private
from adabench.records.schema.fields import SCHEMA_VERSION
from adabench.records.schema.migration import MIGRATIONS, STRIPPED, check_version, migrate
from adabench.records.schema.record import content_checksum
from adabench.records.schema.tracks import PRIVATE_FOLDER

NEW_IN_3 = {
    *("code", "draw", "world", "scale", "stages", "view", "kept_share", "selection", "counts"),
    *("clips", "private", "groups", "calibration", "conformal", "measures", "contract", "decoy"),
    *("relevance", "load"),
}

# The constant predictor on the generated corpus, as adabench recorded it before version 2.
WRITTEN_BY_1 = Path(__file__).parent / "version_1.json"


def first_version(record):
    """The record as version 1 wrote it: no subjects, no provenance."""
    content = json.loads(record.model_dump_json(exclude={"checksum", "provenance"}))
    content["schema_version"] = 1
    for entry in content["predictions"]:
        del entry["subject"]
    return sign(content)


def sign(content):
    content.pop("checksum", None)
    return {**content, "checksum": content_checksum(content)}


def named(record, *names):
    entries = [
        entry.model_copy(update={"session": name})
        for entry, name in zip(record.predictions, names, strict=False)
    ]
    return [*entries, *record.predictions[len(names) :]]


def test_every_version_up_to_todays_can_be_migrated():
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))


def test_a_session_of_version_1_names_its_subject(make_record):
    record = make_record()
    sessions = ("203_1", "203_2", "a_b_1", "lone", "_1")
    content = first_version(make_record(predictions=named(record, *sessions)))
    read = Record.model_validate(content)
    assert read.schema_version == SCHEMA_VERSION
    assert [entry.subject for entry in read.predictions[:5]] == ["203", "203", "a_b", "lone", "_1"]
    assert read.provenance == {}
    assert read.metrics == record.metrics


def test_migrating_leaves_what_it_was_given_alone(make_record):
    content = first_version(make_record())
    before = json.dumps(content)
    migrate(content, 1, SCHEMA_VERSION)
    Record.model_validate(content)
    assert json.dumps(content) == before


def test_todays_version_needs_no_step(make_record):
    content = make_record().model_dump(mode="json")
    assert migrate(content, SCHEMA_VERSION, SCHEMA_VERSION) == content


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("claimed", [None, 1, 2, "x"])
def test_its_version_is_kept_whatever_the_file_says_itself(make_record, version, claimed):
    content = (
        first_version(make_record()) if version == 1 else make_record().model_dump(mode="json")
    )
    said = {} if claimed is None else {"written_in": claimed}
    record = Record.model_validate(sign({**content, "schema_version": version, **said}))
    assert record.written_in == version
    again = record.model_dump(mode="json")
    assert (again["schema_version"], again["written_in"]) == (SCHEMA_VERSION, version)
    assert Record.model_validate(again) == record


def test_a_record_of_today_has_no_older_version(make_record):
    assert "written_in" not in make_record().model_dump()
    content = sign({**make_record().model_dump(mode="json"), "written_in": SCHEMA_VERSION})
    with pytest.raises(ValidationError, match="written_in"):
        Record.model_validate(content)


def test_an_edited_file_of_version_1_is_refused_by_its_own_checksum(make_record):
    content = first_version(make_record())
    content["notes"] = ["better than it looks"]
    with pytest.raises(ValidationError, match="changed after it was written"):
        Record.model_validate(content)


def test_a_subject_put_into_version_1_by_hand_is_an_edit(make_record):
    content = first_version(make_record())
    content["predictions"][0]["subject"] = "elsewhere"
    with pytest.raises(ValidationError, match="changed after it was written"):
        Record.model_validate(content)


def test_the_checksum_of_todays_form_does_not_sign_version_1(make_record):
    content = first_version(make_record())
    content["checksum"] = make_record().checksum
    with pytest.raises(ValidationError, match="changed after it was written"):
        Record.model_validate(content)


@pytest.mark.parametrize("predictions", [None, 3, {"a": 1}, [1, "two", {"session": 3}]])
def test_a_damaged_file_of_version_1_is_named_by_the_schema(make_record, predictions):
    content = sign({**first_version(make_record()), "predictions": predictions})
    with pytest.raises(ValidationError, match="predictions"):
        Record.model_validate(content)


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 1000])
def test_a_newer_version_says_what_to_do(make_record, version, tmp_path):
    content = sign({**make_record().model_dump(mode="json"), "schema_version": version})
    (tmp_path / "new.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"new.json: .*version is {version}.*update adabench"):
        read_record(tmp_path / "new.json")


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None, [1]])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(ValueError, match="expected a number from 1 to 2"):
        check_version(version, 2)


def test_a_file_that_version_1_wrote_is_read_as_it_is():
    assert json.loads(WRITTEN_BY_1.read_text())["schema_version"] == 1
    record = read_record(WRITTEN_BY_1)
    assert record.schema_version == SCHEMA_VERSION
    assert len(record.predictions) == 50
    assert {entry.session: entry.subject for entry in record.predictions}["203_1"] == "203"


def second_version(record, *notes):
    """A licensed corpus's record as version 2 wrote it, from an open one: predictions, all digits."""
    names = Record.model_fields.keys() - NEW_IN_3
    content = json.loads(record.model_dump_json(include=names))
    told = {"licensed": True, "track": "avec14", "corpus": "avec2014", "notes": list(notes)}
    content |= {**told, "schema_version": 2}
    for entry in content["predictions"]:
        entry["label"] = None
    return sign(content)


@pytest.fixture
def written(make_record, tmp_path):
    """Such a record's file."""
    note = "best of 9 epochs on the validation data: epoch 4, RMSE 8.127"
    path = tmp_path / "local" / "avec14" / "old.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(second_version(make_record(error=4.123), note)))
    return path


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ("dev MAE 6.4321, PCC 0.51239", "dev MAE 6.43, PCC 0.51"),
        ("RMSE (12.34567)", "RMSE (12.35)"),
        (
            "torch 2.1.0+cu118, v1.234.5, epoch 4, 8.13",
            "torch 2.1.0+cu118, v1.234.5, epoch 4, 8.13",
        ),
    ],
)
def test_notes_of_version_2_keep_two_decimals_of_any_metric(make_record, tmp_path, note, told):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(second_version(make_record(), note)))
    assert read_record(path).notes == [told, STRIPPED]


def test_an_open_record_of_version_2_reads_as_it_was(make_record):
    record = make_record()
    content = json.loads(record.model_dump_json(include=Record.model_fields.keys() - NEW_IN_3))
    content = sign({**content, "schema_version": 2})
    assert Record.model_validate(content) == record.model_copy(update={"written_in": 2})


def test_a_licensed_record_of_version_2_is_stripped(written, make_record):
    record = read_record(written)
    assert (record.predictions, record.private) == ([], None)
    assert (record.sessions, record.persons) == (15, 8)
    assert record.metrics.RMSE == 4.12
    assert all(value == round(value, 2) for pair in record.intervals.values() for value in pair)
    assert record.notes == [
        "best of 9 epochs on the validation data: epoch 4, RMSE 8.13",
        STRIPPED,
    ]
    text = record.model_dump_json()
    assert not [e.session for e in make_record().predictions if e.session in text]
    assert json.loads(written.read_text())["checksum"] not in text


def test_its_predictions_are_at_hand_where_the_older_file_is(written, make_record):
    record = read_record(written)
    assert [e.prediction for e in record.entries] == [
        e.prediction for e in make_record(error=4.123).predictions
    ]
    assert all(entry.label is None for entry in record.entries)
    assert pytest.approx(4.123) == record.kept.metrics.RMSE


def test_its_strip_is_the_same_every_time(written):
    assert read_record(written).checksum == read_record(written).checksum


def test_written_anew_it_names_a_private_file(written, tmp_path):
    path = write_record(read_record(written), tmp_path / "again")
    record = read_record(path)
    assert record.entries == read_record(written).entries
    assert find_private(path, record.private).parent == tmp_path / "again" / PRIVATE_FOLDER


def test_a_licensed_record_of_version_1_is_stripped_too(written, tmp_path):
    content = json.loads(written.read_text())
    for entry in content["predictions"]:
        del entry["subject"]
    del content["provenance"]
    old = tmp_path / "older.json"
    old.write_text(json.dumps(sign({**content, "schema_version": 1})))
    record = read_record(old)
    assert record.predictions == []
    # Version 1 had no persons but those that sessions were named after.
    assert (len(record.entries), record.persons) == (15, 15)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ({"label": 3.0}, "labels must stay out"),
        ({"surprise": 1}, "surprise"),
        ({"session": "001_1"}, "holds predictions"),
        ({"prediction": None}, "prediction"),
        ({"session": ""}, "session"),
    ],
)
def test_stripping_hides_no_damage(written, harm, reason):
    content = json.loads(written.read_text())
    content["predictions"][0] |= harm
    written.write_text(json.dumps(sign(content)))
    with pytest.raises(ValueError, match=reason):
        read_record(written)


def test_a_reported_row_of_version_2_keeps_its_digits():
    row = Record(
        kind="method",
        method="M",
        config="M",
        track="avec14",
        corpus="avec2014",
        licensed=True,
        metrics=Metrics(RMSE=6.891, MAE=5.117),
        origin=Reported(paper="p", table="1", row="M"),
    )
    content = json.loads(row.model_dump_json(include=Record.model_fields.keys() - NEW_IN_3))
    found = Record.model_validate(sign({**content, "schema_version": 2}))
    assert found == row.model_copy(update={"written_in": 2})


def test_an_area_of_version_3_becomes_one_of_several_measures(make_record):
    content = json.loads(make_record().model_dump_json(exclude={"relevance_measures"}))
    areas = {"all": 0.64, "scale1": 0.6, "severe": 0.7}
    old = sign({**content, "relevance_auc": areas, "schema_version": 3})
    found = Record.model_validate(old).relevance_measures
    assert {name: own.roc_area.value for name, own in found.items()} == areas
    assert (found["all"].clips, found["all"].roc_area.ceiling, found["all"].share) == (None,) * 3
    plain = make_record().model_copy(update={"written_in": 3})
    assert Record.model_validate(sign({**content, "schema_version": 3})) == plain
    with pytest.raises(ValidationError, match="relevance_auc"):
        Record.model_validate(sign({**content, "relevance_auc": 3, "schema_version": 3}))


def test_a_licensed_record_of_version_3_leaves_its_areas_out(make_record):
    content = json.loads(as_licensed(make_record()).model_dump_json(exclude={"relevance_measures"}))
    old = sign({**content, "relevance_auc": {"severe": 0.64}, "schema_version": 3})
    assert Record.model_validate(old).relevance_measures == {}
