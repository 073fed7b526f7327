"""tools/synthface.py: a corpus, its contact sheet, its bounds."""

from pathlib import Path

import pytest
from PIL import Image

from adabench.cli import synthface

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


def ended(monkeypatch, capsys, *words):
    """Run the tool here, which ends with status 2; returns what it says."""
    monkeypatch.setattr("sys.argv", ["synthface.py", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        synthface.main()
    assert left.value.code == 2
    (told,) = capsys.readouterr().err.splitlines()
    return told


@pytest.mark.parametrize("size", ["tables", "tiny"])
@pytest.mark.parametrize("what", ["--corpus", "--bounds"])
def test_a_label_a_person_goes_with_the_demo_alone(monkeypatch, capsys, tmp_path, what, size):
    out = [tmp_path / "raw"] if what == "--corpus" else []
    told = ended(monkeypatch, capsys, what, *out, "--shortcut", "person", "--size", size)
    assert "--shortcut person deals one label to each person" in told
    assert f"--size {size}" in told
    assert "take it with --size demo" in told
    assert not list(tmp_path.iterdir())
    as_told = ["--bounds", "--shortcut", "person", "--size", "demo"]
    options = synthface.make_parser().parse_args(as_told)
    assert synthface.corpus_parameters(options).shortcut == "person"


def test_what_can_t_be_drawn_read_or_written_is_told_in_a_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").touch()
    large = 2**63
    for words, said in (
        (["--corpus", tmp_path / "raw", "--seed", large], "error: --seed: expected below"),
        (["--expressions", tmp_path / "raw", "--seed", large], "error: --seed: expected below"),
        (["--bounds", "--draw", large], "error: --draw: expected below"),
        (["--table", tmp_path, tmp_path / "out"], "no complete synthface corpus"),
        (["--corpus", tmp_path], "expected an empty folder or a synthface corpus"),
        (["--corpus", tmp_path / "file" / "raw"], "Not a directory"),
        (["--sheet", tmp_path / "sheet.foo"], "expected a picture's name, such as sheet.png"),
        (["--sheet", tmp_path / "no" / "sheet.png"], "can't be written"),
    ):
        assert said in ended(monkeypatch, capsys, *words), words
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_bounds_say_which_sizes_they_were_drawn_with(monkeypatch, capsys):
    asked = {}

    def none(parameters, draws, **given):
        asked.update(given, draws=draws, seconds=parameters.seconds, fps=parameters.fps)
        return {}

    monkeypatch.setattr(synthface, "bounds_over_draws", none)
    words = ["synthface.py", "--bounds", "--size", "tiny", "--draws", "3"]
    monkeypatch.setattr("sys.argv", words)
    synthface.main()
    assert (asked["draws"], asked["seconds"], asked["fps"]) == (3, (2.0, 2.5), 15)
    told = capsys.readouterr().out
    assert "3 draws of 50 train and 200 test sessions, whatever --size says" in told
    assert "its clips, 2 to 2.5 s at 15 frames a second" in told
