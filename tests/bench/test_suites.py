"""Suite files: what is read from them, and how a mistake is told."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.bench.suites import REPORTED_FILE, find_suites, load_suite, load_suites
from adabench.records.files.reported import read_reported

ROOT = Path(__file__).parents[2]
HEAD = """
paper = "depmap"
table = "3"
title = "Modules"
base = "../base.py"
tracks = ("avec14-northwind", "avec14-freeform")
seeds = (0, 1)
"""
ROWS = """
_shared = dict(selector=dict(type="KeepAll"))
rows = (
    dict(name="plain", label="Plain", reported="r18_visual", change=dict(method=_shared)),
    dict(name="full", label="All", base="../other.py", tracks=("avec14-freeform",), stage="encoder"),
    *[dict(name=f"k{k}", label=f"K = {k}", group="K", change=dict(k=k)) for k in (1, 2)],
)
"""


@pytest.fixture(scope="module")
def reported():
    return read_reported(ROOT / REPORTED_FILE)


@pytest.fixture
def write(tmp_path):
    (tmp_path / "suites").mkdir()
    for name in ("base.py", "other.py"):
        (tmp_path / name).write_text("")

    def write_suite(text, name="mine.py"):
        path = tmp_path / "suites" / name
        path.write_text(text)
        return path

    return write_suite


@pytest.fixture
def load(reported):
    return lambda path: load_suite(path, reported=reported)


def test_a_suite_is_its_assignments(write, load, tmp_path):
    suite = load(write(HEAD + ROWS))
    assert (suite.name, suite.paper, suite.table, suite.seeds) == ("mine", "depmap", "3", (0, 1))
    assert [row.name for row in suite.rows] == ["plain", "full", "k1", "k2"]
    plain, full, one, _ = suite.rows
    assert plain.change == {"method": {"selector": {"type": "KeepAll"}}}
    assert suite.base_of(plain) == tmp_path / "base.py"
    assert suite.base_of(full) == tmp_path / "other.py"
    assert suite.tracks_of(plain) == ("avec14-northwind", "avec14-freeform")
    assert suite.tracks_of(full) == ("avec14-freeform",)
    assert (one.group, one.reported, one.change) == ("K", None, {"k": 1})


TABLES = {"data": {"synthface": {"preset": "tables"}}}


def test_a_row_says_what_load_config_needs(write, load, tmp_path):
    suite = load(write(HEAD + ROWS))
    assert suite.config_of(suite.row("full"), "avec14-freeform") == {
        "path": tmp_path / "other.py",
        "change": {"track": "avec14-freeform", "demo": TABLES},
        "name": "mine/full",
        "stage": "encoder",
    }
    assert suite.config_of(suite.row("k2"), "avec14-northwind")["change"] == {
        "k": 2,
        "track": "avec14-northwind",
        "demo": TABLES,
    }
    own = suite.model_copy(update={"corpus": None})
    assert own.config_of(own.row("k2"), "avec14-northwind")["change"] == {
        "k": 2,
        "track": "avec14-northwind",
    }
    with pytest.raises(ValueError, match="'full' does not run on track 'avec14-northwind'"):
        suite.config_of(suite.row("full"), "avec14-northwind")
    with pytest.raises(ValueError, match=r"no row is called 'ful'; did you mean 'full'\?"):
        suite.row("ful")


def test_a_sweep_needs_no_table_and_a_mix_no_paper(write, load):
    rows = 'rows = [dict(name="a", label="A")]'
    sweep = load(write(HEAD.replace('"3"', "None") + rows))
    assert (sweep.paper, sweep.table) == ("depmap", None)
    mix = load(write(HEAD.replace('"3"', "None").replace('"depmap"', "None") + rows))
    assert mix.paper is None


ROW = 'dict(name="a", label="A", {})'


@pytest.mark.parametrize(
    ("change", "row", "message"),
    [
        (("title", "titel"), "", r":4: unknown field 'titel'; did you mean 'title'\?"),
        (("table =", "_table ="), "", ": field 'table': it is missing"),
        (
            ('"3"', '"4"'),
            "",
            ":3: field 'table': no reported row is from table '4'.*known: 1, 2, 3",
        ),
        (('"depmap"', '"depmab"'), "", r":2: field 'paper': .*did you mean 'depmap'\?"),
        (('"depmap"', "None"), "", ":3: field 'table': '3' of no paper"),
        (
            ("../base.py", "../bas.py"),
            "",
            r":5: field 'base': .*bas.py does not exist; did you mean",
        ),
        (
            ("avec14-freeform", "avec14-freefrom"),
            "",
            r":6: field 'tracks': .*mean 'avec14-freeform'",
        ),
        (("(0, 1)", "(0, 0)"), "", ":7: field 'seeds': one stands twice"),
        (("(0, 1)", "(0, -1)"), "", r":7: field 'seeds\.1': .*at least 0"),
        (("(0, 1)", '("0",)'), "", r":7: field 'seeds\.0': .*whole number; got '0'"),
        (("", ""), 'lable="A"', r":9: row 'a', unknown field 'lable'; did you mean 'label'\?"),
        (("", ""), "group=3", ":9: row 'a', field 'group': .*a text; got 3"),
        (("", ""), 'change="x"', ":9: row 'a', field 'change': .*a dict"),
        (("", ""), 'change=dict(track="avec14")', ":9: row 'a', field 'change': 'track' is set by"),
        (("", ""), 'tracks=("demo", "demo")', ":9: row 'a', field 'tracks': one stands twice"),
        (("", ""), "tracks=()", ":9: row 'a', field 'tracks': .*at least 1"),
        (("", ""), 'base="../no.py"', ":9: row 'a', field 'base': .*no.py does not exist"),
        (
            ("", ""),
            'reported="r18_ful"',
            r":9: row 'a', field 'reported': .*did you mean 'r18_full'",
        ),
        (
            ("", ""),
            'reported="r18_full", tracks=("avec13",)',
            ":9: row 'a', field 'reported': .*prints no row 'r18_full' on avec13",
        ),
        (
            ("", ""),
            "change=dict(a=[len])",
            r":9: rows\[0\]\.change\.a\[0\]: a suite holds plain data",
        ),
        (("", ""), "change={1: 2}", r":9: rows\[0\]\.change: names are strings; got 1"),
    ],
)
def test_a_mistake_is_told_with_its_line(write, load, change, row, message):
    path = write(HEAD.replace(*change, 1) + f"rows = (\n    {ROW.format(row)},\n)")
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}{message}"):
        load(path)


@pytest.mark.parametrize(
    ("number", "line", "line_of_one"),
    [(0, 9, 9), (1, 10, 10), (2, 8, 11), (3, 8, 11), (4, 8, 12), (5, 8, 13), (6, 14, 14)],
)
def test_a_row_is_found_among_those_that_are_unpacked(write, load, number, line, line_of_one):
    names = [f"r{place}" for place in range(7)]
    names[number] = "A b"
    row = [f"dict(name={name!r}, label='A')" for name in names]
    begin, end = f"rows = [\n{row[0]},\n{row[1]},\n", f"\n{row[6]},\n]"
    # Which of two gave a row is not known, and the list's line is told; of one it is.
    two = f"*[{row[2]}, {row[3]}],\n{row[4]},\n*[{row[5]}],"
    one = f"*[{row[2]}, {row[3]}],\n{row[4]},\n{row[5]},"
    for middle, told in ((two, line), (one, line_of_one)):
        path = write(f"{HEAD}{begin}{middle}{end}")
        with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}:{told}: row 'A b', field"):
            load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "title = 'x'\nrows = (",
            r":2: a suite is a file of Python .*; SyntaxError: '\(' was never",
        ),
        ("title = 'x'\n  rows = ()", ":2: a suite is .*; IndentationError: unexpected indent"),
        ("title = 'x'\nreturn", ":2: a suite is .*; SyntaxError: 'return' outside function"),
        ("paper = 'x'\ntitle = missing", ":2: a suite is .*; NameError: name 'missing'"),
        (
            f"{HEAD}rows = (\n    dict(name='a', label='A'),\n    dict(label=missing),\n)",
            ":10: a suite is .*; NameError: name 'missing'",
        ),
        ("import os\n" + HEAD, ": os: a suite holds plain data.*got a module"),
        (HEAD + "rows = ()", ":8: field 'rows': .*at least 1"),
        (HEAD + "rows = (3,)", ":8: row 1: expected a dict; got 3"),
        (HEAD + 'rows = (dict(name="A b", label="x"),)', ":8: row 'A b', field 'name'.*pattern"),
        (
            HEAD + f"rows = ({ROW.format('')},\n{ROW.format('')})",
            ":9: row 'a', .*two rows are called",
        ),
        (HEAD + f"rows = [{ROW.format('group=n')} for n in (1,)]", ":8: row 'a', field 'group'"),
        (
            HEAD.replace('"3"', "None") + f"rows = ({ROW.format('reported=' + repr('x'))},)",
            ":8: row 'a', field 'reported': 'x' of no table",
        ),
    ],
)
def test_a_file_that_is_no_suite_is_told(write, load, text, message):
    path = write(text)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}{message}"):
        load(path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_as_a_config_s_is(write, load, encoding):
    path = write("")
    path.write_bytes(f"{HEAD}# café".encode(encoding))
    line = 1 if encoding == "utf-16" else 8
    with pytest.raises(ValueError, match=rf"mine\.py:{line}: a suite is a text in UTF-8.*save it"):
        load(path)
    path.write_text(HEAD, encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"mine\.py: it begins with a byte order mark"):
        load(path)


def test_suites_are_found_by_name(write, reported, tmp_path):
    write(HEAD + ROWS, "b.py")
    write(HEAD + ROWS, "a.py")
    write("", "_base.py")
    folder = tmp_path / "suites"
    assert [path.name for path in find_suites(folder)] == ["a.py", "b.py"]
    assert load_suite("a", folder, reported).name == "a"
    assert load_suite(folder / "b.py", folder, reported).name == "b"
    with pytest.raises(FileNotFoundError, match=r"no suite is called 'aa'; did you mean 'a'\?"):
        load_suite("aa", folder, reported)
    with pytest.raises(FileNotFoundError, match=r"does not exist; did you mean 'a\.py'"):
        load_suite(folder / "aa.py", folder, reported)
    with pytest.raises(FileNotFoundError, match="suite folder"):
        find_suites(tmp_path / "nowhere")


def test_a_broken_suite_harms_no_other(write, reported, tmp_path):
    write(HEAD + ROWS, "good.py")
    bad = write("rows = (", "bad.py")
    suites, broken = load_suites(None, tmp_path / "suites", reported)
    assert [suite.name for suite in suites] == ["good"]
    assert [found.path for found in broken] == [bad]
    assert str(broken[0]).startswith(f"failed {bad}:1: a suite is a file of Python assignments")
    twice, _ = load_suites(["good", "good"], tmp_path / "suites", reported)
    assert len(twice) == 1


def test_two_files_of_one_name_are_refused(write, reported, tmp_path):
    write(HEAD + ROWS, "same.py")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "same.py").write_text(HEAD + ROWS)
    with pytest.raises(ValueError, match="are both suite 'same'"):
        load_suites(["same", str(tmp_path / "more" / "same.py")], tmp_path / "suites", reported)


def test_every_suite_of_the_repository_is_whole():
    suites, broken = load_suites(None, ROOT / "configs" / "suites")
    assert not broken, [str(found) for found in broken]
    assert suites


def test_reading_suites_loads_no_torch():
    probe = """
import sys
from adabench.bench.suites import load_suites
load_suites(None)
print(*(name for name in ("torch", "mmengine") if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []
