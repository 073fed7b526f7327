"""A run's work folder: where it is, whose it is, and that nobody else works there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.cli import train as cli
from adabench.cli import training
from adabench.config.reading.load import load_config
from adabench.data.locks import FolderInUseError
from adabench.engine.files.work_folder import CONFIG, default_work_dir, runs_beside, working_in
from adabench.engine.run import train

CONFIGS = Path(__file__).parents[3] / "configs"
PLAIN = CONFIGS / "depmap_r18_avec14.py"

HOLD = """
import sys, time
from pathlib import Path
from adabench.data.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(60)
"""


def experiment(*overrides, **options):
    return load_config(PLAIN, demo=True, overrides=overrides, **options)


def begun(folder, *overrides, **options):
    with working_in(folder, experiment(*overrides, **options), resume=False):
        pass


def resumed(folder, *overrides, **options):
    with working_in(folder, experiment(*overrides, **options), resume=True):
        pass


@pytest.fixture
def place(monkeypatch, tmp_path):
    """Where a command's run would work; nothing is run."""
    monkeypatch.chdir(tmp_path)
    found = []

    def stop(_experiment, *, work_dir, **_):
        found.append(work_dir)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stop)

    def ask(*words, config=PLAIN):
        monkeypatch.setattr(sys, "argv", ["train", str(config), *words])
        with pytest.raises(KeyboardInterrupt):
            cli.command()
        return found[-1]

    return ask


USUAL = Path("work_dirs/depmap_r18_avec14-demo/seed0")


def test_a_plain_run_works_where_it_is_documented(place):
    assert place("--demo") == USUAL
    assert place("--demo", "--seed", "3") == USUAL.with_name("seed3")
    # None of these makes it another run.
    for options in (["training.workers=2"], ["data.root=/tmp/x", "data.processes=1"], ["seed=0"]):
        assert place("--demo", "--cfg-options", *options) == USUAL
    again = str(experiment().training.epochs)
    assert place("--demo", "--cfg-options", f"training.epochs={again}") == USUAL


def test_runs_that_differ_in_an_option_share_no_folder(place):
    options = [
        ["training.optimiser.lr=2e-3"],
        ["training.optimiser.lr=1e-1"],
        ["shuffle_labels=True"],
        ["data.synthface.seed=7"],
        ["method.selector._delete_=True", "method.selector.type=KeepAll"],
    ]
    places = {place("--demo", "--cfg-options", *one) for one in options}
    assert len(places | {USUAL}) == 6
    assert all(p.parent == USUAL.parent and p.name.startswith("seed0-") for p in places)
    run = experiment("training.optimiser.lr=2e-3")
    assert default_work_dir(run, with_hash=True) in places


def test_the_run_of_a_stage_has_a_folder_of_its_own(place):
    config = CONFIGS / "expada_avec14_freeform.py"
    plain, stage = (
        place("--demo", config=config),
        place("--demo", "--stage", "encoder", config=config),
    )
    assert stage != plain
    assert stage.name.startswith("seed0-")


def test_a_second_run_is_told_who_works_there_and_touches_nothing(tmp_path):
    begun(tmp_path, "training.optimiser.lr=2e-3")
    kept = (tmp_path / CONFIG).read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "holds\n"
        for enter in (begun, resumed):
            with pytest.raises(FolderInUseError) as caught:
                enter(tmp_path, "training.optimiser.lr=1e-1")
            assert f"(process {other.pid})" in str(caught.value)
            assert "--work-dir" in str(caught.value)
        other.kill()
    assert (tmp_path / CONFIG).read_bytes() == kept


def test_a_resume_of_the_same_run_goes_on(tmp_path):
    resumed(tmp_path / "new")
    begun(tmp_path)
    resumed(tmp_path)
    resumed(tmp_path, "training.workers=2", "data.root=elsewhere")


def test_a_resume_with_other_settings_says_field_by_field_what_differs(tmp_path):
    begun(tmp_path, "training.optimiser.lr=2e-3")
    with pytest.raises(ValueError, match="begun with other settings") as caught:
        resumed(tmp_path, "training.optimiser.lr=1e-1", "shuffle_labels=True", seed=4)
    told = str(caught.value)
    assert "training.optimiser.lr is 0.002 there and 0.1 now" in told
    assert "shuffle_labels is 'absent' there and True now" in told
    assert "seed is 0 there and 4 now" in told
    assert "draw is 0 there and 4 now" in told
    assert told.count(" there and ") == 4
    begun(tmp_path)  # begun anew, it is another run's
    resumed(tmp_path)


def test_a_replaced_part_is_told_too_and_a_long_list_is_cut(tmp_path):
    begun(tmp_path)
    with pytest.raises(
        ValueError, match=r"method\.selector\.\w+ is .* there and .* now, and \d+ more"
    ):
        resumed(
            tmp_path,
            "method.selector._delete_=True",
            "method.selector.type=KeepAll",
            "data.size=80",
            "data.synthface.seed=7",
            "cache=False",
            "paper_compat=True",
            "training.clip_grad=2",
            "training.batch_size=3",
            "training.epochs=77",
            "views.variants=9",
        )


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"name": 3}', b"\xff"])
def test_a_damaged_config_is_written_anew(tmp_path, content):
    begun(tmp_path)
    kept = (tmp_path / CONFIG).read_bytes()
    (tmp_path / CONFIG).write_bytes(content)
    resumed(tmp_path)
    assert (tmp_path / CONFIG).read_bytes() == kept


def test_a_resume_that_finds_nothing_tells_of_runs_beside(place, capsys):
    begun(USUAL)
    begun(USUAL.with_name("seed1"))
    own = place("--demo", "--resume", "--cfg-options", "training.optimiser.lr=0.5")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"nothing to go on with in {own}: {USUAL} holds a run of this config" in told
    assert "training.optimiser.lr is " in told
    begun(own, "training.optimiser.lr=0.5")
    place("--demo", "--resume", "--cfg-options", "training.optimiser.lr=0.5")
    assert capsys.readouterr().err == ""
    assert list(runs_beside(own, experiment("training.optimiser.lr=0.5")))


def test_the_kept_config_tells_no_place_of_this_machine(tmp_path):
    weights = tmp_path / "alice" / "w.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    begun(tmp_path, f"data.root={tmp_path}/data", f"method.backbone.trunk.weights={weights}")
    text = (tmp_path / CONFIG).read_text()
    assert "alice" not in text
    assert str(tmp_path) not in text
    assert json.loads(text)["data"]["root"] == "data"


def test_check_reads_all_that_is_kept(tmp_path, monkeypatch, capsys):
    from adabench.data.digests import DigestBook

    with DigestBook(tmp_path / "stages" / "x").writing("result.pth") as temporary:
        temporary.write_bytes(b"content")
    command = ["train", str(PLAIN), "--demo", "--check", "--cfg-options", f"data.root={tmp_path}"]
    monkeypatch.setattr(sys, "argv", command)
    assert cli.command() == 0
    path = tmp_path / "stages" / "x" / "result.pth"
    stat = path.stat()
    path.write_bytes(b"contenT")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert cli.command() == 1
    told = capsys.readouterr().out
    assert f"{path}: other content than was written" in told
    assert "1 files read, 1 not as they were written" in told


def test_a_run_that_is_refused_leaves_no_folder(tmp_path):
    wrong = experiment("method.selector.key_share=-1", f"data.root={tmp_path / 'data'}")
    with pytest.raises((ValueError, LookupError)):
        train(wrong, work_dir=tmp_path / "run", results=tmp_path / "results")
    assert not list(tmp_path.iterdir())
