"""Manifests: what is written comes back, and what is wrong is named."""

import dataclasses

import pytest

from adabench.data.manifest import FIELDS, ClipRecord, manifest_bytes, read_manifest, write_manifest

RECORD = ClipRecord(
    clip="203_1_Freeform",
    subject="203",
    session="203_1",
    task="Freeform",
    split="train",
    score=17,
    fps=30000 / 1001,
    frames=187,
    face_rate=0.9737,
    source="Training/Freeform/203_1_Freeform_video.mp4",
    source_sha256="0123456789abcdef" * 4,
)
UNKNOWN = dataclasses.replace(
    RECORD, clip="0001_expression", task="", score=None, source='a, "strange" nameü.mp4'
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [RECORD, UNKNOWN])
    return path


def test_round_trip_sorted_by_clip(path):
    assert read_manifest(path) == (UNKNOWN, RECORD)


def test_bytes_depend_on_nothing_but_the_records(path):
    assert manifest_bytes([UNKNOWN, RECORD]) == path.read_bytes()
    assert manifest_bytes(read_manifest(path)) == path.read_bytes()
    assert b"\r" not in path.read_bytes()


def test_columns_are_the_contract():
    assert ",".join(FIELDS) == (
        "clip,subject,session,task,split,score,fps,frames,face_rate,source,source_sha256"
    )


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("score", "64"),
        ("score", "-1"),
        ("score", "12.5"),
        ("score", "many"),
        ("split", "training"),
        ("fps", "0"),
        ("fps", "nan"),
        ("frames", "0"),
        ("frames", "3.0"),
        ("face_rate", "1.01"),
        ("face_rate", ""),
        ("clip", "../../other"),
        ("clip", ""),
        ("session", ""),
        ("source_sha256", "0123"),
    ],
)
def test_wrong_fields_are_named(path, field, wrong):
    header, first, second = path.read_text(encoding="utf-8").splitlines()
    values = second.split(",")
    values[FIELDS.index(field)] = wrong
    path.write_text("\n".join([header, first, ",".join(values)]) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"row 3 .*field {field}: expected") as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)
    assert repr(wrong) in str(caught.value) or wrong in str(caught.value)


def test_missing_column(path):
    path.write_text(path.read_text(encoding="utf-8").replace(",face_rate,", ","), encoding="utf-8")
    with pytest.raises(ValueError, match="row 1: expected the columns clip,"):
        read_manifest(path)


def test_missing_field(path):
    path.write_text(path.read_text(encoding="utf-8") + "a,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 4: expected 11 fields, got 2"):
        read_manifest(path)


def test_empty_file(path):
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="expected the columns"):
        read_manifest(path)


def test_no_text(path):
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="UTF-8"):
        read_manifest(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="prepare the corpus first"):
        read_manifest(tmp_path / "none.csv")


def test_a_clip_comes_once(tmp_path):
    with pytest.raises(ValueError, match="'203_1_Freeform' comes twice"):
        write_manifest(tmp_path / "manifest.csv", [RECORD, UNKNOWN, RECORD])
    assert list(tmp_path.iterdir()) == []


def test_records_check_themselves():
    with pytest.raises(ValueError, match="field score: expected a finite number"):
        dataclasses.replace(RECORD, score=float("nan"))


def test_traits_are_columns_of_their_own_and_only_where_there_are_any(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [RECORD])
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(FIELDS)
    known = dataclasses.replace(RECORD, traits=(("age", "44"), ("group_site", "a, b")))
    other = dataclasses.replace(RECORD, clip="other", traits=(("sex", "f"),))
    write_manifest(path, [known, other])
    header = path.read_text(encoding="utf-8").splitlines()[0]
    assert header == ",".join((*FIELDS, "age", "group_site", "sex"))
    assert read_manifest(path) == (known, other)
    path.write_text(path.read_text(encoding="utf-8").replace("group_site", "site"))
    with pytest.raises(ValueError, match="column 'site': expected sex, age or group_NAME"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("traits", "told"),
    [
        ((("age", "4x"),), "field age: expected whole years, at most 130, got '4x'"),
        ((("sex", "\u200b"),), "field sex: expected a text"),
        ((("height", "3"),), "field height: expected sex, age or group_NAME"),
    ],
)
def test_wrong_traits_are_named(traits, told):
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(RECORD, traits=traits)
