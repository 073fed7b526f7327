"""Records of older schema versions are read as what they would be today; newer ones are refused."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from adabench.records import Record, read_record
from adabench.records.migration import MIGRATIONS, check_version, migrate
from adabench.records.record import SCHEMA_VERSION, content_checksum

# The constant predictor on the generated corpus, as adabench recorded it before version 2.
WRITTEN_BY_1 = Path(__file__).parent / "files" / "version_1.json"


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
