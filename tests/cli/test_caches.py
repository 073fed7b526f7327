"""Stages and caches that no record names are listed, and removed when asked to."""

import os
import time

import pytest
from record_fixtures import build

from adabench.cli.caches import command
from adabench.data.locks import alone_in
from adabench.records import write_record
from adabench.records.schema.sections import StageUse

NAMED = ("stages/Pretrain-1", "features/2", "semantics/3", "avec/semantics/clip-4")
OTHERS = (
    "stages/Pretrain-5",
    "features/6",
    "semantics/7",
    "signals/9",
    "avec/semantics/clip-8",
)


@pytest.fixture
def data(tmp_path):
    """A data folder with four stages and caches that a record names and five that none does."""
    for name in (*NAMED, *OTHERS):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        (folder / "a.npy").write_bytes(bytes(100_000))
        last = time.time() - 3 * 86400
        os.utime(folder, (last, last))
    (tmp_path / "data" / "avec" / "faces").mkdir()
    (tmp_path / "data" / "raw" / "synthface-9").mkdir(parents=True)
    stage = StageUse(name="trunk", type="Pretrain", key="1")
    write_record(build(stages=[stage], caches=["2", "3", "clip-4"]), tmp_path / "results")
    return tmp_path / "data"


def run(data, *more):
    return command(["--data", str(data), "--results", str(data.parent / "results"), *more])


def left(data):
    return {name for name in (*NAMED, *OTHERS) if (data / name).is_dir()}


def test_what_no_record_names_is_listed_and_stays(data, capsys):
    assert run(data) == 0
    told = capsys.readouterr().out
    assert [name in told for name in (*NAMED, *OTHERS)] == [False] * 4 + [True] * 5
    assert "5 that no record names" in told
    assert left(data) == {*NAMED, *OTHERS}


def test_it_is_removed_when_asked_to_and_nothing_else(data):
    assert run(data, "--remove") == 0
    assert left(data) == {*NAMED}
    assert sorted(p.name for p in data.glob("*/*")) == [
        "2", "3", "Pretrain-1", "faces", "semantics", "synthface-9"
    ]  # fmt: skip


def test_what_was_used_a_moment_ago_is_left_alone(data, capsys):
    os.utime(data / "features/6")
    assert run(data, "--remove") == 0
    assert left(data) == {*NAMED, "features/6"}
    assert "1 more were used in the last 1 days" in capsys.readouterr().out
    assert run(data, "--remove", "--days", "0") == 0
    assert left(data) == {*NAMED}


def test_what_somebody_works_in_stays(data, capsys):
    with alone_in(data / "features/6"):
        os.utime(data / "features/6", (0, 0))
        assert run(data, "--remove") == 1
    assert left(data) == {*NAMED, "features/6"}
    assert "another run works in this folder" in capsys.readouterr().err


def test_a_record_that_can_t_be_read_may_name_anything(data, capsys):
    (data.parent / "results" / "demo" / "x.json").write_text("{")
    with pytest.raises(SystemExit) as ended:
        run(data, "--remove", "--days", "0")
    assert ended.value.code == 2
    assert "x.json" in capsys.readouterr().err
    assert left(data) == {*NAMED, *OTHERS}


def test_a_data_folder_that_is_not_there_is_named(tmp_path, capsys):
    (tmp_path / "results").mkdir()
    with pytest.raises(SystemExit) as ended:
        run(tmp_path / "data")
    assert ended.value.code == 2
    assert f"data folder {tmp_path / 'data'} does not exist" in capsys.readouterr().err
