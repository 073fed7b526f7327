"""The sentences kept beside vectors."""

import pytest

from adabench.engine.caches.prompts import PromptRuns, read_prompts, write_prompts


def written(folder, *portions):
    runs = PromptRuns()
    for portion in portions:
        runs.add(portion)
    write_prompts(folder, "203_1", runs)
    return (folder / "203_1.prompts.csv").read_text(encoding="utf-8")


def test_runs_are_compressed_across_portions(tmp_path):
    said = ["one.", "one.", "two, and three."], ["two, and three."], ["one."]
    text = written(tmp_path, *said)
    assert text == 'first,last,sentence\n0,1,one.\n2,3,"two, and three."\n4,4,one.\n'
    assert read_prompts(tmp_path, "203_1") == [line for part in said for line in part]


@pytest.mark.parametrize("sentence", ['say "ah"', "naïve,\n two lines", ""])
def test_any_sentence_comes_back(tmp_path, sentence):
    written(tmp_path, ["a", sentence, sentence])
    assert read_prompts(tmp_path, "203_1") == ["a", sentence, sentence]


def test_no_frames(tmp_path):
    assert written(tmp_path) == "first,last,sentence\n"
    assert read_prompts(tmp_path, "203_1") == []


def test_none_kept_says_why(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"203_1\.prompts\.csv does not exist: .* not compu"
    ):
        read_prompts(tmp_path, "203_1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "frame,sentence\n0,one\n",
        "first,last,sentence\n0,1,one\n3,3,two\n",
        "first,last,sentence\n0,1,one\n2,1,two\n",
        "first,last,sentence\n0,1,one\n2,two\n",
        "first,last,sentence\nzero,1,one\n",
    ],
)
def test_a_damaged_file_is_told(tmp_path, text):
    (tmp_path / "203_1.prompts.csv").write_text(text)
    with pytest.raises(
        ValueError, match=r"203_1\.prompts\.csv is damaged .*; delete it and 203_1\.npy"
    ):
        read_prompts(tmp_path, "203_1")
