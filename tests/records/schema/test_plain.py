"""What no text and no number in a record may be, in whichever field it stands."""

import json

import pytest
from pydantic import ValidationError

from adabench.data.plain import LONGEST_NAME, check_name, check_remark, check_visible, printable
from adabench.records import Flags, Prediction, Record, Reported, read_record, write_record
from adabench.records.schema.record import content_checksum

INVISIBLE = {
    "NUL": "a\0b",
    "escape": "a\x1b[31mb",
    "DEL": "a\x7fb",
    "C1": "a\x9b1mb",
    "tab": "a\tb",
    "zero-width space": "a\u200bb",
    "right-to-left override": "a\u202eb",
    "isolate": "a\u2066b",
    "byte order mark": "\ufeffab",
    "soft hyphen": "a\u00adb",
    "no-break space": "a\u00a0b",
    "line separator": "a\u2028b",
    "Hangul filler": "a\u3164b",
    "Braille blank": "a\u2800b",
    "variation selector": "a\ufe0fb",
    "tag letter": "a\U000e0041b",
    "surrogate": "a\ud800b",
    "private": "a\ue000b",
}


@pytest.mark.parametrize("kind", INVISIBLE)
def test_signs_that_nobody_sees_are_refused(kind):
    for check in (check_name, check_visible, check_remark):
        with pytest.raises(ValueError, match="signs that a reader sees") as caught:
            check(INVISIBLE[kind])
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" a", "blank at either end"),
        ("a ", "blank at either end"),
        ("", "letter or a digit"),
        ("--", "letter or a digit"),
        ("Zoe\u0308", "composed"),
        ("a\nb", "signs that a reader sees"),
        ("a" * (LONGEST_NAME + 1), "at most 200"),
        ("a" * 1_000_000, "got 1000000"),
    ],
)
def test_names(text, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        check_name(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text", ["Dep-MAP", "Zo\u00eb", "bound: oracle", "抑郁", "a/b (c) < d", "7"]
)
def test_names_that_can_be_read_are_taken(text):
    assert check_name(text) == text


def test_a_remark_has_lines_and_a_length():
    assert check_remark("one\ntwo \n") == "one\ntwo \n"
    with pytest.raises(ValueError, match="at most 10000"):
        check_remark("a" * 10_001)


def test_what_can_not_be_printed_is_shown_as_an_escape():
    assert printable("a\x1b[31m\u202eb\u200bé") == "a\\x1b[31m\\u202eb\\u200bé"


HOSTILE = "x\x1b]0;title\x07"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": HOSTILE},
        {"config": "a\u202eb"},
        {"protocol": "official "},
        {"config_hash": HOSTILE},
        {"overrides": ["a=1", HOSTILE]},
        {"notes": [HOSTILE]},
        {"commit": HOSTILE},
        {"corpus": "syn\u200bthface"},
        {"hardware": {"cores": HOSTILE}},
        {"hardware": {HOSTILE: 1}},
        {"packages": {"numpy": HOSTILE}},
        {"timing": {HOSTILE: 1.0}},
        {"relevance_measures": {HOSTILE: {"roc_area": {"value": 0.5}}}},
        {"flags": Flags(pretrained=HOSTILE)},
        {"origin": Reported(paper="p", table="1", row="r").model_copy(update={"row": HOSTILE})},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_text_of_a_record_is_plain(make_record, changes):
    with pytest.raises(ValidationError) as caught:
        make_record(**changes)
    assert next(iter(changes)) in str(caught.value)


@pytest.mark.parametrize("name", ["201_1 ", " 201_1", "201\x00", "a\u200b", "a\n", ""])
def test_sessions_and_persons_have_plain_names(make_record, name):
    first, *others = make_record().predictions
    for field in ("session", "subject"):
        entry = {**first.model_dump(), field: name}
        with pytest.raises(ValidationError):
            make_record(predictions=[entry, *others])


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": {"wall_seconds": 1e308}},
        {"timing": {"train": 1e300}},
        {"hardware": {"cores": 10**400}},
        {"hardware": {"cores": -1e308}},
        {"seed": 2**63},
        {"seed": 10**400},
        {"intervals": {"RMSE": (0.0, 1e200)}},
        {"cost": {"parameters": 10**30}},
        {"track": "a" * 101},
        {"provenance": {"a" * 101: "0" * 64}},
    ],
    ids=str,
)
def test_absurd_numbers_and_lengths_are_refused(make_record, changes):
    with pytest.raises(ValidationError) as caught:
        make_record(**changes)
    assert next(iter(changes)) in str(caught.value)


@pytest.mark.parametrize("value", [1e4, -1e4, 1e308])
def test_a_prediction_is_a_plausible_score(value):
    with pytest.raises(ValidationError, match="than"):
        Prediction(session="a", subject="a", prediction=value)


def test_a_record_that_is_sent_is_held_to_it_too(make_record, tmp_path):
    content = json.loads(make_record().model_dump_json(exclude={"checksum"}))
    content["notes"] = ["\x1b[2Jgone"]
    path = write_record(make_record(), tmp_path)
    path.write_text(json.dumps({**content, "checksum": content_checksum(content)}))
    with pytest.raises(ValueError, match=r"notes\.0: expected signs") as caught:
        read_record(path)
    assert "\x1b" not in str(caught.value)


def test_the_largest_sound_numbers_are_taken(make_record):
    record = make_record(seed=2**63 - 1, notes=["two\nlines"], hardware={"cores": 2**62})
    assert Record.model_validate_json(record.model_dump_json()) == record
