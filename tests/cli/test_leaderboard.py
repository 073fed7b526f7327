"""The command line of the leaderboard, run as a user runs it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from record_fixtures import OF_DRAW
from sent_records import send

from adabench.evaluation import score_metrics
from adabench.records import Flags, Measured, Metrics, Prediction, Record, write_record

REPOSITORY = Path(__file__).parents[2]
TOOL = REPOSITORY / "tools" / "leaderboard.py"
REPORTED_TRACKS = ("avec13", "avec14", "avec14-freeform", "avec14-northwind")
DEMO_FILE, DEMO_HEADING = "demo-drawn-faces-world-sparse", "demo: drawn faces, world sparse"


@pytest.fixture
def run(forks):
    """Runs the tool in a folder, the repository's if none is named."""
    return lambda *words, cwd=REPOSITORY: forks.run([TOOL, *words], cwd)


def make(error=3.0, seed=0, **changes):
    label = [float(score) for score in range(0, 60, 3)]
    guess = [score + error * (-1) ** index for index, score in enumerate(label)]
    predictions = [
        Prediction(session=f"{index}_1", subject=str(index), prediction=value, label=truth)
        for index, (value, truth) in enumerate(zip(guess, label, strict=True))
    ]
    fields = {
        "kind": "method",
        "method": "Mine",
        "config": "mine",
        "config_hash": "0123",
        "track": "demo",
        "corpus": "synthface",
        "corpus_checksum": "4567",
        "licensed": False,
        **OF_DRAW,
        "protocol": "official",
        "fusion": "joint",
        "seed": seed,
        "metrics": Metrics(**score_metrics(guess, label)),
        "predictions": predictions,
        "commit": "c" * 40,
        "clean_tree": True,
        "flags": Flags(demo=True),
        "created": "2026-01-02T03:04:05+00:00",
        "origin": Measured(),
    }
    return Record(**{**fields, **changes})


@pytest.fixture
def results(tmp_path):
    write_record(make(), tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def board(tmp_path):
    """A leaderboard with a local record of two seeds each of a good and a bad method."""
    worse = {"method": "Theirs", "config": "theirs", "config_hash": "89ab"}
    for seed in (0, 1):
        write_record(make(3.0 + seed / 10, seed), tmp_path / "board" / "local")
        write_record(make(12.0 + seed / 10, seed, **worse), tmp_path / "board" / "local")
    return tmp_path / "board"


def files_of(board, method="mine"):
    return sorted((board / "local" / "demo").glob(f"{method}-*.json"))


def test_it_prints_and_writes_a_table_per_track(run, results, tmp_path):
    done = run("build", "--results", results, "--out", tmp_path / "pages")
    assert done.returncode == 0, done.stderr
    assert f"== {DEMO_HEADING} ==" in done.stdout
    for track in REPORTED_TRACKS:
        assert f"== {track} ==" in done.stdout
    for track in (*REPORTED_TRACKS, DEMO_FILE):
        assert (tmp_path / "pages" / f"{track}.md").is_file()
        assert (tmp_path / "pages" / f"{track}.csv").is_file()
    demo = (tmp_path / "pages" / f"{DEMO_FILE}.md").read_text(encoding="utf-8")
    assert "Mine" in demo
    assert "nothing about depression" in demo
    assert "Dep-MAP" not in demo
    assert f"10 pages in {tmp_path / 'pages'}" in done.stdout
    pages = (("index", False), ("drawn-faces-world-sparse", True))
    for page, has_it in pages:
        path = tmp_path / "pages" / f"{page}.html"
        assert f"all of them to sort and filter in {path}" in done.stdout
        assert ("Mine" in path.read_text(encoding="utf-8")) == has_it


def test_one_track_only_and_build_is_the_default(run, results, tmp_path):
    done = run("--results", results, "--out", tmp_path / "pages", "--track", "demo")
    assert done.returncode == 0, done.stderr
    assert "==" in done.stdout
    assert "avec14" not in done.stdout
    written = sorted(path.name for path in (tmp_path / "pages").iterdir())
    assert written == [f"{DEMO_FILE}.csv", f"{DEMO_FILE}.md"]


def test_pages_go_to_local_by_default(run, results, tmp_path):
    (tmp_path / "board").mkdir()
    done = run("--root", "board", "--results", "results", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "board" / "local" / "tables" / f"{DEMO_FILE}.md").is_file()
    assert (tmp_path / "board" / "drawn-faces-world-sparse.html").is_file()


def test_an_empty_leaderboard_says_so(run, tmp_path):
    (tmp_path / "board").mkdir()
    done = run("build", "--root", tmp_path / "board")
    assert (done.returncode, done.stdout) == (0, f"no record found below {tmp_path / 'board'}\n")


def test_a_damaged_record_is_named_and_the_rest_is_built(run, results, tmp_path):
    (results / "demo" / "cut.json").write_text("{")
    done = run("--results", results, "--out", tmp_path / "pages", "--track", "demo")
    assert done.returncode == 1
    assert "cut.json: not a JSON file" in done.stderr
    assert "Mine" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--results", "nowhere"], "results folder nowhere does not exist"),
        (["--root", "nowhere"], "leaderboard folder nowhere does not exist"),
        (["--results"], "expected at least one argument"),
        (["--track", "avec41"], "no record of track 'avec41'; did you mean 'avec14'?"),
        (["destroy"], "invalid choice"),
    ],
)
def test_wrong_arguments_end_with_a_message_and_status_2(run, arguments, message, tmp_path):
    done = run(*arguments, "--out", tmp_path / "pages")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pages").exists()


def test_verify_says_whether_all_records_hold(run, board):
    done = run("verify", "--root", board, "--intervals")
    assert (done.returncode, done.stdout) == (0, "4 files hold, 0 do not, 0 warnings\n")
    path = files_of(board)[0]
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 5'))
    done = run("verify", "--root", board)
    assert done.returncode == 1
    first, last = done.stdout.splitlines()
    assert first.startswith(f"does not hold: {path}: ")
    assert "changed after it was written" in first
    assert last == "3 files hold, 1 do not, 0 warnings"


def test_the_projects_own_records_hold():
    # Several processes read them, which is slow in a fork of a large one.
    command = [sys.executable, TOOL, "verify", "--intervals"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stdout


def test_add_moves_records_and_says_where_to(run, board):
    files = [send(board / "local", run={"name": "own"}, seed=seed) for seed in (0, 1)]
    done = run("add", *files, "--root", board)
    assert done.returncode == 0, done.stderr
    for file in files:
        assert f"{file} -> {board / 'measured' / 'demo' / file.name}\n" in done.stdout
        assert not file.exists()


def test_add_names_what_it_refuses_and_takes_the_others(run, board):
    bad, _ = files_of(board)
    bad.write_text("{")
    good = send(board / "local", run={"name": "own"})
    os.mkfifo(board / "pipe.json")
    long = send(board / "long").with_name("long.json")
    long.write_text(json.dumps({**json.loads(files_of(board)[1].read_text()), "seed": 10**400}))
    escape = board / "\x1b[2Jx.json"
    done = run(
        "add", bad, board / "none.json", board / "pipe.json", long, escape, good, "--root", board
    )
    assert done.returncode == 1
    assert f"{bad}: refused: not a JSON file" in done.stderr
    assert "none.json: refused: there is no such file" in done.stderr
    assert "pipe.json: refused: it is a pipe" in done.stderr
    assert "long.json: refused: " in done.stderr
    assert "\\x1b[2Jx.json: refused: there is no such file" in done.stderr
    assert "\x1b" not in done.stderr
    assert str(board / "measured" / "demo" / good.name) in done.stdout
    assert bad.exists()
    assert not good.exists()


def test_add_goes_on_after_a_file_that_can_not_be_moved(run, board):
    first, second = (send(board / "local", run={"name": "own"}, seed=seed) for seed in (0, 1))
    taken = board / "measured" / "demo" / first.with_suffix(".provenance").name
    taken.parent.mkdir(parents=True)
    taken.write_text("a file where a folder is needed")
    done = run("add", first, second, "--root", board)
    assert done.returncode == 1
    assert taken.name in done.stderr
    assert first.exists()
    assert str(board / "measured" / "demo" / second.name) in done.stdout


def test_add_notes_what_it_was_told_to_allow(run, board):
    file = send(board / "local", run={"name": "own"}, seed=7, clean_tree=False)
    assert "--allow-dirty takes it" in run("add", file, "--root", board).stderr
    done = run("add", "--allow-dirty", "--root", board, file)
    assert done.returncode == 0
    assert done.stdout.endswith(f"{file.name}; its working tree was not clean\n")


def test_add_tells_of_a_copy(run, board):
    own, other = {"name": "own"}, {"name": "other", "paper_compat": True}
    first = send(board / "local", run=own)
    assert run("add", first, "--root", board).returncode == 0
    done = run("add", send(board / "local", run=other), "--root", board)
    assert done.returncode == 0
    accepted = board / "measured" / "demo" / first.name
    assert f"its predictions are those of {accepted} but for a shift" in done.stdout


def test_compare_tells_two_rows_apart(run, board):
    done = run("compare", "Mine", "theirs", "--root", board)
    assert done.returncode == 0, done.stderr
    assert "Mine" in done.stdout
    assert "Theirs" in done.stdout
    alone = run("compare", files_of(board)[0], files_of(board, "theirs")[0], "--root", board)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout != done.stdout


def test_compare_without_names_tells_every_pair(run, board):
    done = run("compare", "--track", "demo", "--root", board)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^demo: drawn faces, world sparse: \d+ of \d+ pairs are told apart \(Holm over all",
        done.stdout,
    )
    assert "nothing about depression" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--root", "nowhere"], "leaderboard folder nowhere does not exist"),
        (["verify", "--data", "nowhere"], "no prepared corpus: the folder nowhere"),
        (["add"], "the following arguments are required: FILE"),
        (["add", "file.json", "--root", "nowhere"], "leaderboard folder nowhere does not exist"),
        (["compare", "Dep-MAP"], "two rows, A and B, or --track alone"),
        (["compare"], "two rows, A and B, or --track alone"),
        (["compare", "Dep-MAP", "--track", "demo"], "two rows, A and B, or --track alone"),
        (["compare", "--track", "avec13"], "no two measured rows"),
        (["compare", "constnat", "Dep-MAP"], "did you mean 'constant'"),
        (["compare", "Dep-MAP", "constant", "--track", "avec14"], "only reported by papers"),
        (["compare", "constant", "Dep-MAP", "--track", "avec14"], "no measured row on track"),
    ],
)
def test_wrong_arguments_of_the_others_too(run, arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
