"""The command line of the leaderboard, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from adabench.bench import Flags, Measured, Metrics, Prediction, Record, write_record
from adabench.evaluation import score_metrics

REPOSITORY = Path(__file__).parents[2]
REPORTED_TRACKS = ("avec13", "avec14", "avec14-freeform", "avec14-northwind")


def run(*arguments, cwd=REPOSITORY):
    command = [sys.executable, str(REPOSITORY / "tools" / "leaderboard.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture
def results(tmp_path):
    label, guess = [0.0, 10.0, 20.0, 30.0], [3.0, 8.0, 25.0, 28.0]
    predictions = [
        Prediction(session=str(index), prediction=value, label=truth)
        for index, (value, truth) in enumerate(zip(guess, label, strict=True))
    ]
    record = Record(
        kind="method",
        method="Mine",
        config="mine",
        config_hash="0123",
        track="demo",
        corpus="synthface",
        corpus_checksum="4567",
        licensed=False,
        protocol="official",
        fusion="joint",
        seed=0,
        metrics=Metrics(**score_metrics(guess, label)),
        predictions=predictions,
        flags=Flags(demo=True),
        created="2026-01-02T03:04:05+00:00",
        origin=Measured(),
    )
    write_record(record, tmp_path / "results")
    return tmp_path / "results"


def test_it_prints_and_writes_a_table_per_track(results, tmp_path):
    done = run("build", "--results", results, "--out", tmp_path / "pages")
    assert done.returncode == 0, done.stderr
    for track in (*REPORTED_TRACKS, "demo"):
        assert f"== {track} ==" in done.stdout
        assert (tmp_path / "pages" / f"{track}.md").is_file()
        assert (tmp_path / "pages" / f"{track}.csv").is_file()
    demo = (tmp_path / "pages" / "demo.md").read_text(encoding="utf-8")
    assert "Mine" in demo
    assert "nothing about depression" in demo
    assert "Dep-MAP" not in demo
    assert f"10 pages in {tmp_path / 'pages'}" in done.stdout


def test_one_track_only_and_build_is_the_default(results, tmp_path):
    done = run("--results", results, "--out", tmp_path / "pages", "--track", "demo")
    assert done.returncode == 0, done.stderr
    assert "==" in done.stdout
    assert "avec14" not in done.stdout
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["demo.csv", "demo.md"]


def test_pages_go_to_local_by_default(results, tmp_path):
    (tmp_path / "board").mkdir()
    done = run("--root", "board", "--results", "results", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "board" / "local" / "tables" / "demo.md").is_file()


def test_a_damaged_record_is_named_and_the_rest_is_built(results, tmp_path):
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
        (["--track", "avec41"], "no record of track 'avec41'; did you mean 'avec14'?"),
        (["destroy"], "invalid choice"),
    ],
)
def test_wrong_arguments_end_with_a_message_and_status_2(arguments, message, tmp_path):
    done = run(*arguments, "--out", tmp_path / "pages")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pages").exists()
