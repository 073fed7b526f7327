"""CSVs that persons make."""

import pytest

from adabench.data.corpora.rows import read_table

REQUIRED, OPTIONAL = ("clip", "score"), ("split",)


def read(tmp_path, content):
    path = tmp_path / "clips.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return read_table(path, REQUIRED, OPTIONAL)


@pytest.mark.parametrize(
    "content",
    [
        "clip,score\na,1\nb,2\n",
        "score;clip\r\n1;a\r\n2;b",
        "\ufeffclip,score\na,1\nb,2",
        " Clip , SCORE \n a , 1 \n\n b,2,,\n,,\n",
        "clip\tscore\na\t1\nb\t2\n",
        'sep=;\n"clip";"score"\n"a";1\nb;"2"\n',
        "\n\nclip,score\na,1\nb,2\n",
        "clip,score\ra,1\rb,2\r",
    ],
    ids=["plain", "semicolons", "bom", "blanks", "tabs", "sep", "blank lines", "old mac"],
)
def test_ways_to_write_the_same(tmp_path, content):
    table = read(tmp_path, content)
    assert [row.values for row in table.rows] == [
        {"clip": "a", "score": "1"},
        {"clip": "b", "score": "2"},
    ]
    assert (table.columns, table.problems) == (("clip", "score"), ())


def test_rows_are_counted_as_an_editor_counts_lines(tmp_path):
    table = read(tmp_path, 'sep=,\nclip,score\n\n"a\nb",1\nc,2\n')
    assert [row.number for row in table.rows] == [5, 6]
    assert table.rows[0]["split"] == ""
    assert table.rows[1].name == "clips.csv row 6"


def test_rows_of_another_length_and_other_columns(tmp_path):
    table = read(tmp_path, "clip,score,spilt,age\na,1,dev,5\nb,x,2,dev,6\nc\n")
    assert [row["clip"] for row in table.rows] == ["a"]
    told = {problem.name: problem for problem in table.problems}
    assert told["clips.csv row 3"].status == told["clips.csv row 4"].status == "bad_row"
    assert "row 3: expected 4 fields between ',', got 5: put" in told["clips.csv row 3"].detail
    assert "did you mean 'split'?" in told["clips.csv column spilt"].detail
    assert not told["clips.csv column age"].left_out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the table is empty"),
        ("\n \n", "the table is empty"),
        ("sep=;\n", "the table is empty"),
        ("clip,scores\na,1\n", r"row 1: no column 'score' \(is it 'scores'\?\); expected clip,"),
        ("a,1\nb,2\n", "row 1: no column 'clip'; .* got 'a', '1': correct the first row"),
        ("clip,score,Score\na,1,1\n", "column 'score' comes twice"),
        ("clip,score\na,1\nb\xe4,1\n".encode("latin-1"), "row 3: no text in UTF-8: save"),
        ("clip,score\na,1\n".encode("utf-16"), "row 1: no text in UTF-8"),
        ("clip,score\na," + "1" * 200_000, "row 2: no CSV"),
    ],
)
def test_no_table(tmp_path, content, told):
    with pytest.raises(ValueError, match=told) as caught:
        read(tmp_path, content)
    assert "clips.csv" in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such table"):
        read_table(tmp_path / "clips.csv", REQUIRED, OPTIONAL)
