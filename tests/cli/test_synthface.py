"""tools/synthface.py: a corpus, its contact sheet, its bounds."""

from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(forks):
    """Runs the tool."""
    return lambda *words: forks.run([ROOT / "tools" / "synthface.py", *words], ROOT)


def test_contact_sheet_is_a_picture(run, tmp_path):
    sheet = tmp_path / "sheet.png"
    done = run("--sheet", str(sheet))
    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture:
        assert min(picture.size) >= 200


def test_corpus_is_written_in_avec_2014s_layout(run, tmp_path):
    done = run("--corpus", str(tmp_path / "raw"), "--size", "tiny", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "raw" / "Training" / "Freeform").glob("*.mp4"))) == 8
    for layout, pattern, count in (
        ("renamed", "train/freeform/*_freeform_video.mp4", 8),
        ("avec2013", "Training/*_cut_combined.mp4", 8),
        ("table", "videos/*.mp4", 48),
    ):
        done = run(f"--{layout}", str(tmp_path / "raw"), str(tmp_path / layout))
        assert done.returncode == 0, done.stderr
        assert len(list((tmp_path / layout).glob(pattern))) == count


def test_expression_clips_have_no_size_of_tables(run, tmp_path):
    done = run("--expressions", str(tmp_path / "raw"), "--size", "tables")
    assert done.returncode == 2
    assert "--size tables is of corpora: --expressions takes demo or tiny" in done.stderr
    assert not list(tmp_path.iterdir())
