"""Explanation records: of one run, beside its record, unchanged since they were written."""

import json

import pytest
from pydantic import ValidationError

from adabench.records import read_records, write_record
from adabench.records.files.explanations import (
    explanation_folder,
    read_explanations,
    write_explanation,
)
from adabench.records.schema.explanation import Explained, Explanation
from adabench.records.schema.sections import Counts


def explained(run, explainer="selection", **changes):
    area = Explained(
        value=0.71,
        direction="higher",
        code="roc_auc",
        chance=0.5,
        ceiling=0.93,
        interval=(0.6, 0.8),
    )
    return Explanation(
        run=run,
        explainer=explainer,
        counts=Counts(sessions=3, persons=2, clips=6),
        localisation={"auc": area},
        **changes,
    )


@pytest.fixture
def written(make_record, tmp_path):
    """A run's record on disk, and its path."""
    record = make_record()
    return record, write_record(record, tmp_path)


def test_it_is_read_beside_its_run(written):
    record, path = written
    given = [explained(record.checksum), explained(record.checksum, "occlusion", seconds=3)]
    for one in given:
        write_explanation(path, one)
    assert sorted(read_explanations(path, record.checksum), key=lambda e: e.explainer) == sorted(
        given, key=lambda e: e.explainer
    )


def test_it_is_no_record_of_a_run(written, tmp_path):
    record, path = written
    write_explanation(path, explained(record.checksum))
    assert read_records(tmp_path) == ([record], [])


def test_without_any_there_are_none(written):
    record, path = written
    assert read_explanations(path, record.checksum) == []


def test_another_runs_is_refused(written):
    record, path = written
    write_explanation(path, explained("a" * 64))
    with pytest.raises(ValueError, match="explains the run aaaaaaaa"):
        read_explanations(path, record.checksum)


def test_an_edited_one_is_refused(written):
    record, path = written
    file = write_explanation(path, explained(record.checksum))
    content = json.loads(file.read_text())
    content["localisation"]["auc"]["value"] = 0.99
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"{file.name}.*changed after it was written"):
        read_explanations(path, record.checksum)


def test_a_link_is_not_followed(written, tmp_path):
    record, path = written
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    explanation_folder(path).symlink_to(elsewhere)
    with pytest.raises(ValueError, match="it is a link"):
        read_explanations(path, record.checksum)


@pytest.mark.parametrize(
    "change",
    [{"run": "short"}, {"clips": {"a": 1.0}}, {"seconds": -1.0}, {"schema_version": 2}],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(ValidationError):
        Explanation(**{"run": "a" * 64, "explainer": "selection", **change})
