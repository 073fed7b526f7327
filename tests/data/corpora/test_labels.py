"""Label files."""

import re

import pytest

from adabench.data.corpora import SourceClip
from adabench.data.corpora.labels import LABEL_PATTERN, read_label, read_labels

PATTERN = re.compile(LABEL_PATTERN, re.IGNORECASE)


def clip(session, tmp_path):
    return SourceClip(session, session, session, "", "train", tmp_path / "video.mp4")


def test_scores_and_reasons(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "1_1_Depression.csv").write_text("0")
    (tmp_path / "1_2_DEPRESSION.CSV").write_text("63\n")
    (tmp_path / "1_3_Depression.csv").write_text("none")
    (tmp_path / "1_4_Depression.csv").mkdir()
    labels = read_labels(tmp_path, PATTERN)
    assert labels.scores == {"1_1": 0, "1_2": 63}
    scored, problems = labels.give([clip(f"1_{number}", tmp_path) for number in (1, 3, 4)])
    assert [(one.clip, one.score) for one in scored] == [("1_1", 0)]
    assert [problem.status for problem in problems] == ["no_label", "no_label"]
    assert "b'none': correct the file" in problems[0].detail
    assert "no file 1_4_Depression.csv below" in problems[1].detail
    assert "--labels" in problems[1].detail
    assert [(p.name, p.status) for p in labels.unused(["1_1"])] == [
        ("1_2_DEPRESSION.CSV", "no_video"),
        ("1_3_Depression.csv", "bad_label"),
    ]


def test_a_file_of_many_labels_is_not_told(tmp_path):
    path = tmp_path / "1_1_Depression.csv"
    path.write_text("id,score\n203_1,23\n203_2,14\n")
    with pytest.raises(ValueError, match="and 15 bytes more: correct the file") as caught:
        read_label(path)
    assert "23" not in str(caught.value).removeprefix(str(path))


def test_binary_rubbish(tmp_path):
    path = tmp_path / "1_1_Depression.csv"
    path.write_bytes(b"\xff\x00\x9c" * 20)
    with pytest.raises(ValueError, match="expected one integer from 0 to 63"):
        read_label(path)
