"""Expression clips: videos with signals, no scores."""

import pytest

from adabench.data.corpora import ExpressionsReader


@pytest.fixture
def root(tmp_path):
    for split, number in (("train", "0001"), ("train", "0002"), ("dev", "0100")):
        (tmp_path / split).mkdir(exist_ok=True)
        (tmp_path / split / f"{number}_expression.mp4").write_bytes(b"")
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{number}_expression.csv").write_text("frame,AU01\n")
    (tmp_path / "synthface.json").write_text('{"seed": 2}')
    return tmp_path


def test_clips(root):
    reader = ExpressionsReader()
    scan = reader.scan(root)
    assert scan.problems == ()
    assert [(clip.clip, clip.subject, clip.split, clip.task) for clip in scan.clips] == [
        ("0001_expression", "0001", "train", ""),
        ("0002_expression", "0002", "train", ""),
        ("0100_expression", "0100", "dev", ""),
    ]
    for clip in scan.clips:
        assert clip.score is None
        assert clip.signals == root / "labels" / f"{clip.clip}.csv"
    assert reader.parameters(root) == {"seed": 2}


def test_problems(root):
    (root / "labels" / "0002_expression.csv").rename(root / "labels" / "0003_expression.csv")
    (root / "train" / "smile.mp4").write_bytes(b"")
    (root / "dev" / "0001_expression.mp4").write_bytes(b"")
    scan = ExpressionsReader().scan(root)
    assert [clip.clip for clip in scan.clips] == ["0100_expression"]
    assert {(problem.name, problem.status) for problem in scan.problems} == {
        ("0001_expression", "duplicate"),
        ("0002_expression", "no_label"),
        ("0003_expression.csv", "no_video"),
        ("train/smile.mp4", "bad_name"),
    }


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"NNNN_expression\.mp4"):
        ExpressionsReader().scan(tmp_path)
