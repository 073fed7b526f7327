"""Text of a record in a terminal, a Markdown page and a CSV file."""

import csv
import io
import re

import pytest

from adabench.leaderboard.pages.cells import csv_cell, markdown_cell, terminal_cell
from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.text import render_markdown, render_text
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables

STEERS = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "a\rb",
    "\x9b1m",
    "\u202ea",
    "a\u200bb",
    "\x00",
    "\x7f",
    "\b",
]


@pytest.mark.parametrize("text", STEERS)
def test_nothing_steers_a_terminal(text):
    for cell in (terminal_cell, markdown_cell, csv_cell):
        assert cell(text).isprintable()
    assert terminal_cell(f"one\n{text}").count("\n") == 1


@pytest.mark.parametrize("text", ["≈ 4.00", "Dep-MAP", "抑郁", "Zoë", "two\nlines", "5 ± 1"])
def test_what_is_plain_stays(text):
    assert terminal_cell(text) == text
    assert csv_cell(text) == text


FORMULAS = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "@SUM(A1)",
    "-2+3+cmd|' /C calc'!A0",
    "\t=1",
    "\r=1",
    " =1+1",
    "\n=1",
    "\uff1d1+1",
    "\u00a0=1",
    "\ufeff=1",
    "--x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text):
    assert csv_cell(text).startswith("'")
    (row,) = csv.reader(io.StringIO(_written([csv_cell(text), "1"])))
    assert not re.match(r"\s*[=+\-@\t\r]", row[0])


@pytest.mark.parametrize(
    "text", ["Mine;=1+1", "x; @SUM(A1)", "a;\t=1", "one\n=1", "a;+1;-2", "b\n @x"]
)
def test_nor_is_one_that_a_semicolon_or_a_line_begins(text):
    assert not [part for part in re.split("[;\n]", csv_cell(text)) if re.match(r"\s*[=+\-@]", part)]


def test_a_semicolon_in_a_text_stays():
    assert csv_cell("one; two 2") == "one; two 2"


def _written(cells):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("![x](http://a/b.png)", r"\!\[x\](http&#58;//a/b.png)"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("<img src=x>", r"&lt;img src=x\>"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("`code`", r"\`code\`"),
        ("**b** _i_ ~~s~~", r"\*\*b\*\* \_i\_ \~\~s\~\~"),
        ("__b__ _i r18_full_x", r"\_\_b\_\_ \_i r18_full_x"),
        ("# heading", r"\# heading"),
        ("> quote", r"\> quote"),
        ("$x$", r"\$x\$"),
        ("https://a.b", "https&#58;//a.b"),
        ("FTP://a.b", "FTP&#58;//a.b"),
        ("www.a.b", "www&#46;a.b"),
        ("me@a.b", "me&#64;a.b"),
        ("[a]: http://b", r"\[a\]: http&#58;//b"),
        ("two\n| lines", r"two \| lines"),
        ("ratio 1:2", "ratio 1:2"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("12) item", r"12\) item"),
        ("---", r"\---"),
        ("-0.25", "-0.25"),
        ("1.5 points", "1.5 points"),
    ],
)
def test_markdown_shows_what_is_written(text, cell):
    assert markdown_cell(text) == cell


HOSTILE = "=1 ![x](http://a.b/c.png) | <script> \x1b[31m \u202e"


@pytest.fixture
def table(make_record):
    """A record that got round the schema."""
    fields = {"method": HOSTILE, "config": HOSTILE, "notes": [HOSTILE], "overrides": [HOSTILE]}
    hostile = make_record().model_copy(update=fields)
    (found,) = build_tables([Entry(make_record(), "measured"), Entry(hostile, f"a{HOSTILE}")])
    return found


def test_every_form_of_a_table_is_safe(table):
    text, markdown, sheet = render_text(table), render_markdown(table), render_csv(table)
    for form in (text, markdown, sheet):
        assert all(line.isprintable() for line in form.split("\n"))
    assert "](" not in markdown.replace("\\](", "")
    assert "<" not in markdown
    assert not re.search(r"(?<!\\)!\[", markdown)
    assert "://" not in markdown
    widths = {
        len(re.split(r"(?<!\\)\|", line)) for line in markdown.splitlines() if line[:1] == "|"
    }
    assert len(widths) == 1
    rows = list(csv.reader(io.StringIO(sheet)))
    numbers = re.compile(r"-?[0-9.e-]*")
    assert all(
        not re.match(r"[=+\-@]", cell) or numbers.fullmatch(cell) for row in rows for cell in row
    )
    assert any(cell.startswith("'=1") for row in rows for cell in row)
