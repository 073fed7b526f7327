"""Records are moved into the accepted ones whole, or refused with reasons; none is ever lost."""

import json
import multiprocessing
import os
import signal

import pytest
from record_fixtures import OF_DRAW
from sent_records import HEAD, TINY, drawn, predicted, send, sent

from adabench.leaderboard.acceptance import accept as module
from adabench.leaderboard.acceptance.accept import RefusedError, accept, untraceable
from adabench.leaderboard.acceptance.verify import verify
from adabench.records import Metrics, Reported, read_record, read_records, write_record
from adabench.records.files.labels import read_labels
from adabench.records.files.side_files import digests
from adabench.records.schema.fields import SCHEMA_VERSION
from adabench.records.schema.record import content_checksum
from adabench.synthface import SynthfaceParameters, bounds


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def files_below(folder):
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    )


def bound_config(name):
    method = {"name": f"bound: {name}", "type": "GeneratorBound", "bound": name}
    return {"name": "bounds", "method": method}


def of_bound(name):
    """The fields of the generator's own bound, as it is computed."""
    found = bounds(SynthfaceParameters.tiny(TINY["seed"]))[name]
    guess = [found.predictions[session.name] for session in drawn()]
    return {"kind": "bound", **predicted(drawn(), guess)}


def refused(file, root, **options):
    """The reasons, after a look whether anything was touched."""
    before = files_below(root), file.is_file() and file.read_bytes()
    with pytest.raises(RefusedError) as caught:
        accept(file, root, **options)
    assert (files_below(root), file.is_file() and file.read_bytes()) == before
    assert str(caught.value).startswith(f"{file}: refused: ")
    return caught.value.reasons


def test_a_local_record_moves(root):
    path = send(root / "local")
    content = path.read_bytes()
    accepted = accept(path, root)
    assert accepted == root / "measured" / "demo" / path.name
    assert accepted.read_bytes() == content
    assert files_below(root)[0] == f"measured/demo/{path.name}"
    assert verify(root).holds


def test_a_record_that_was_sent_gets_its_name(root, tmp_path):
    path = send(tmp_path, run={"track": "demo-freeform"})
    record = read_record(path)
    path.with_suffix(".provenance").rename(tmp_path / "their result.provenance")
    path = path.rename(tmp_path / "their result.json")
    accepted = accept(path, root)
    assert accepted.parent == root / "measured" / "demo-freeform"
    assert accepted.name.endswith(f"-0-{record.checksum[:8]}.json")
    assert not path.exists()
    assert verify(root).holds


def test_its_side_folder_comes_along(root):
    path = send(root / "local")
    (path.with_suffix(".provenance") / ".part-1-config.json").write_text("left by a kill")
    accepted = accept(path, root)
    name = accepted.stem
    assert files_below(root) == [
        f"measured/demo/{name}.json",
        f"measured/demo/{name}.provenance/config.json",
        f"measured/demo/{name}.provenance/environment.txt",
    ]
    assert not path.with_suffix(".provenance").exists()
    assert (verify(root).holds, verify(root).warnings) == (True, ())


def test_a_damaged_side_folder_is_refused(root):
    path = send(root / "local")
    (path.with_suffix(".provenance") / "config.json").write_text("{}")
    (path.with_suffix(".provenance") / "environment.txt").unlink()
    changed, missing = refused(path, root)
    assert "config.json was changed" in changed
    assert "environment.txt is missing" in missing


def sign(content):
    del content["checksum"]
    return {**content, "checksum": content_checksum(content)}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[:700], "not a JSON file"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "changed after it was written"),
        (lambda text: '{"name": "of another program"}', "checksum is missing"),
        (lambda text: json.dumps(sign({**json.loads(text), "schema_version": 5})), "update adab"),
        (
            lambda text: json.dumps(
                sign({**json.loads(text), "metrics": {"RMSE": 1, "MAE": 1, "PCC": 1, "CCC": 1}})
            ),
            "metrics.RMSE is 1.0, but predictions and labels give",
        ),
    ],
    ids=["truncated", "edited", "foreign", "of the future", "edited and signed"],
)
def test_a_damaged_record_is_refused(root, damage, reason):
    path = send(root / "local")
    path.write_text(damage(path.read_text()))
    (found,) = refused(path, root)
    assert reason in found


def test_a_missing_file_a_folder_and_a_missing_root_are_named(root, tmp_path):
    assert "no such file" in refused(tmp_path / "nothing.json", root)[0]
    assert "it is a folder" in refused(tmp_path, root)[0]
    with pytest.raises(FileNotFoundError, match="--root"):
        accept(send(tmp_path), tmp_path / "nowhere")


BROKEN = {"outcome": "broken", "reasons": ["broken: repeat by Mine"]}
SEES = {"outcome": "sees labels", "difference": 9.0, "repeated": 0.0}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"commit": None}, "the commit that it was run at is not known"),
        ({"commit": ""}, "its commit '' is no commit's hash"),
        ({"commit": "not a commit"}, "its commit 'not a commit' is no commit's hash"),
        ({"commit": "--help"}, "its commit '--help' is no commit's hash"),
        ({"commit": "c" * 40}, f"its commit {'c' * 40} is not in adabench's repository here"),
        ({"provenance": {}, "files": {}}, "no config.json lies beside it"),
        ({"clean_tree": False}, "its working tree was not clean"),
        ({"clean_tree": None}, "whether its working tree was clean is not known"),
    ],
)
def test_what_nobody_can_find_again_is_refused_unless_allowed(root, changes, reason):
    path = send(root / "local", **changes)
    (found,) = refused(path, root)
    assert found.startswith(reason)
    assert found.endswith(" (--allow-dirty takes it)")
    assert list(untraceable(read_record(path))) == [found.removesuffix(" (--allow-dirty takes it)")]
    assert accept(path, root, allow_dirty=True).is_file()


def test_a_traceable_record_raises_no_doubt():
    assert list(untraceable(sent()[0])) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"track": "avec14", "corpus": "avec2014"}, "is licensed, but 15 predictions carry"),
        ({"track": "avec14"}, "track 'avec14' is scored on 'avec2014'"),
        ({"track": "my-own"}, "corpus 'synthface' is generated"),
        ({"origin": Reported(paper="p", table="1", row="r")}, "belong into a CSV file"),
        ({"intervals": {"RMSE": (4.9, 5.1)}}, "the interval of RMSE"),
        ({"contract": BROKEN}, "its method breaks the contract: broken: repeat by Mine"),
        ({"decoy": SEES}, "its predictions follow the names of the test clips"),
    ],
)
def test_what_a_record_claims_is_checked(root, sound, changes, reason):
    path = write_record(sound(**changes), root / "local")
    assert any(reason in each for each in refused(path, root, allow_dirty=True))


def test_all_reasons_are_told_at_once(root):
    path = send(root / "local", corpus="mine", config_hash="x", commit=None, clean_tree=False)
    reasons = refused(path, root)
    assert [reason.split()[0] for reason in reasons] == ["track", "config_hash", "the", "its"]


def test_a_licensed_record_is_recomputed_where_its_corpus_is_given(root, licensed, licensed_corpus):
    labels = read_labels([licensed_corpus])
    good = write_record(licensed(), root / "local")
    fake = licensed(seed=1, metrics=Metrics(RMSE=1.0, MAE=1.0, PCC=1.0, CCC=1.0))
    bad = write_record(fake, root / "local")
    assert len(refused(bad, root, labels_from=labels, allow_dirty=True)) == 4
    assert accept(good, root, labels, allow_dirty=True).parent.name == "avec14"


def test_an_accepted_record_is_refused(root, tmp_path):
    accepted = accept(send(root / "local"), root)
    again = send(tmp_path)
    assert refused(again, root) == (f"this very record is accepted already, as {accepted}",)
    assert refused(accepted, root) == (f"this very record is accepted already, as {accepted}",)
    assert accepted.is_file()


def test_the_same_run_is_refused_and_both_files_are_named(root):
    accepted = accept(send(root / "local"), root)
    later = {"created": "2026-01-03T03:04:05+00:00"}
    same = send(root / "local", **later)
    (reason,) = refused(same, root)
    assert reason == f"its run is accepted already with the same numbers, as {accepted}"
    other = send(root / "local", 2.0, run={"name": "renamed"}, **later)
    (reason,) = refused(other, root)
    assert str(accepted) in reason
    assert "RMSE 3 there, 2 here" in reason
    assert "seed 0" in reason


def test_other_seeds_tracks_configs_and_corpora_are_other_runs(root):
    runs = [
        {},
        {"seed": 1},
        {"run": {"track": "demo-freeform"}},
        {"run": {"paper_compat": True}},
        {"corpus_checksum": "other"},
        {"run": bound_config("mean"), **of_bound("mean")},
        {"run": bound_config("oracle"), **of_bound("oracle")},
    ]
    for run in runs:
        accept(send(root / "local", **run), root)
    assert len(read_records(root / "measured")[0]) == len(runs)


def test_a_damaged_accepted_record_is_no_reason_against_another(root):
    accepted = accept(send(root / "local"), root)
    accepted.write_text("{")
    again = accept(send(root / "local"), root)
    assert again.name.endswith(f"-{sent()[0].checksum[:16]}.json")
    assert accepted.read_text() == "{"


@pytest.fixture
def written(sound, tmp_path):
    """Writes a record without its draw as a file of a schema version."""

    def write(version, **changes):
        record = sound(**{**dict.fromkeys(OF_DRAW), **changes})
        content = json.loads(record.model_dump_json(exclude={"checksum", "provenance"}))
        for entry in content["predictions"]:
            if version == 1:
                del entry["subject"]
        content = {**content, "schema_version": version}
        path = tmp_path / f"of schema {version}.json"
        path.write_text(json.dumps({**content, "checksum": content_checksum(content)}))
        return path

    return write


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_record_stays_one_however_often_it_is_written_anew(root, written, version):
    path = written(version)
    record = read_record(path)
    for _ in range(3):
        path = accept(path, root, allow_dirty=True)
        content = json.loads(path.read_text())
        assert (content["schema_version"], content["written_in"]) == (SCHEMA_VERSION, version)
        assert read_record(path) == record
        assert verify(root).holds
        root = root.parent / f"{root.name}-again"
        root.mkdir()


def test_one_of_today_that_leaves_out_its_draw_is_refused(root, written):
    path = written(SCHEMA_VERSION)
    (reason,) = refused(path, root, allow_dirty=True)
    assert reason.startswith("draw and family and world are missing")
    assert "run again" in reason
    write_record(read_record(path), root / "measured")
    assert [problem.reason for problem in verify(root).problems] == [reason]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_one_that_is_said_to_be_older_is_refused_where_its_code_is_not(root, written, version):
    (reason,) = refused(written(version, commit=HEAD), root, allow_dirty=True)
    assert f"written_in is {version}" in reason
    assert f"{HEAD} wrote schema {SCHEMA_VERSION}" in reason
    # A file can't say it of itself, either.
    claimed = written(SCHEMA_VERSION, commit=HEAD, written_in=version)
    assert refused(claimed, root, allow_dirty=True) == (reason,)


def test_what_is_written_is_the_record_and_not_the_bytes_that_were_sent(root):
    path = send(root / "local")
    usual = path.read_bytes()
    path.write_bytes(b" \n" + usual.replace(b'"seed"', b'"\\u0073eed"') + b"\t" * 1000)
    assert accept(path, root).read_bytes() == usual


def test_a_disk_that_fills_up_loses_nothing(root, monkeypatch):
    path = send(root / "local")
    before = files_below(root)

    def full(target, content):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(module, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        accept(path, root)
    assert files_below(root) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from adabench.leaderboard.acceptance import accept as module

left = int(sys.argv[3])

def counted(function):
    def call(*given, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*given, **options)
    return call

module.write_bytes = counted(module.write_bytes)
Path.unlink = counted(Path.unlink)
Path.rmdir = counted(Path.rmdir)
os.replace = counted(os.replace)
module.accept(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("steps", range(10))
def test_a_kill_at_any_step_loses_nothing(forks, root, tmp_path, steps):
    path, program = send(root / "local"), tmp_path / "killed.py"
    program.write_text(KILLED)
    done = forks.run([program, path, root, steps], tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    wanted = read_record(path) if path.exists() else None
    records, problems = read_records(root)
    assert problems == []
    assert len(records) in (1, 2)
    assert wanted in (None, records[0])
    if not (root / "measured" / "demo" / path.name).exists():
        assert accept(path, root).is_file()
    # Whatever a kill left, the accepted record is whole, with its side folder.
    found = verify(root)
    assert not [problem for problem in found.problems if "measured" in str(problem.path.parent)]


def add_all(root, folder, names, barrier, queue):
    barrier.wait()
    for name in names:
        try:
            accept(folder / name, root)
            queue.put((name, "accepted"))
        except RefusedError as error:
            queue.put((name, error.reasons[0]))


def in_processes(root, folder, shares):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(len(shares)), context.Queue()
    processes = [
        context.Process(target=add_all, args=(root, folder, names, barrier, queue))
        for names in shares
    ]
    for process in processes:
        process.start()
    results = [queue.get(timeout=60) for names in shares for _ in names]
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    return results


def test_8_processes_that_add_at_once_lose_none(root):
    names = [send(root / "local", seed=seed).name for seed in range(40)]
    shares = [names[turn::8] for turn in range(8)]
    results = in_processes(root, root / "local" / "demo", shares)
    assert {result for _, result in results} == {"accepted"}
    records, problems = read_records(root / "measured")
    assert problems == []
    assert sorted(record.seed for record in records) == list(range(40))
    assert read_records(root / "local") == ([], [])
    found = verify(root)
    assert (found.problems, found.warnings) == ((), ())


def test_of_8_processes_that_add_one_run_at_once_one_does(root, tmp_path):
    """Eight machines ran it: every record is another, the run is one."""
    names = [send(tmp_path, hardware={"cores": cores}).name for cores in range(8)]
    results = in_processes(root, tmp_path / "demo", [[name] for name in names])
    outcomes = [result for _, result in results]
    assert outcomes.count("accepted") == 1
    assert sum("accepted already with the same numbers" in each for each in outcomes) == 7
    assert len(read_records(root / "measured")[0]) == 1
    assert len(read_records(tmp_path / "demo")[0]) == 7


def test_of_8_processes_that_add_one_file_at_once_one_does(root, tmp_path):
    path = send(tmp_path)
    results = in_processes(root, path.parent, [[path.name]] * 8)
    outcomes = [result for _, result in results]
    assert outcomes.count("accepted") == 1
    assert all("accepted" in each or "no such file" in each for each in outcomes)
    assert len(read_records(root / "measured")[0]) == 1


def test_the_lock_stays_out_of_the_accepted_records(root):
    accept(send(root / "local"), root)
    assert not list((root / "measured").rglob(".lock"))


def snapshot(folder):
    """Everything below a folder, links as what they point to."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.is_file()
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


def side_of(path):
    return path.with_suffix(".provenance")


def swap_for_link(path):
    """Put what stands there elsewhere, and a link to it in its place."""
    elsewhere = path.with_name(f"of others {path.name}")
    path.rename(elsewhere)
    path.symlink_to(elsewhere.name)


LINKED = {
    "the side folder": lambda path: swap_for_link(side_of(path)),
    "a side file": lambda path: swap_for_link(side_of(path) / "config.json"),
    "the record": swap_for_link,
    "the side folder, absolute": lambda path: (
        side_of(path).rename(path.with_name("own")),
        side_of(path).symlink_to(path.with_name("own").resolve()),
    ),
}


@pytest.mark.parametrize("kind", LINKED)
def test_nothing_behind_a_link_is_read_or_removed(root, tmp_path, kind):
    path = send(tmp_path)
    LINKED[kind](path)
    before = snapshot(path.parent)
    assert any("it is a link" in reason for reason in refused(path, root, allow_dirty=True))
    assert snapshot(path.parent) == before


@pytest.mark.parametrize("which", ["track", "side folder"])
def test_nothing_is_written_through_a_link(root, tmp_path, which):
    path = send(root / "local")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "config.json").write_text("theirs")
    link = root / "measured" / "demo"
    if which == "side folder":
        link /= side_of(path).name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "others")
    with pytest.raises(RefusedError, match="it is a link; put a folder there, or nothing"):
        accept(path, root)
    assert [each.read_text() for each in (tmp_path / "others").iterdir()] == ["theirs"]
    assert path.is_file()


def test_files_of_others_that_a_record_names_stay(root, tmp_path):
    """Digests of public files are no secret, so a record can name them."""
    table = root / "reported" / "reported.csv"
    table.parent.mkdir()
    table.write_text("paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note\n")
    path = send(tmp_path, provenance=digests({table.name: table.read_text()}), files={})
    side_of(path).symlink_to(table.parent)
    assert any("its side folder can't be read" in each for each in refused(path, root))
    side_of(path).unlink()
    side_of(path).mkdir()
    (side_of(path) / table.name).symlink_to(table)
    assert any("no file that adabench keeps" in reason for reason in refused(path, root))
    assert table.is_file()


def put_pipe(path):
    path.unlink()
    os.mkfifo(path)


def put_giant(path):
    with path.open("ab") as file:
        file.truncate(30 * 2**20)


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (put_pipe, "it is a pipe"),
        (put_giant, "larger than 20 MiB"),
        (lambda path: (path.unlink(), path.mkdir()), "it is a folder"),
        (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "it is a link"),
    ],
    ids=["pipe", "giant", "folder", "device"],
)
@pytest.mark.parametrize("which", ["record", "side file"])
def test_pipes_devices_folders_and_giants_are_refused(root, tmp_path, put, reason, which):
    path = send(tmp_path)
    put(path if which == "record" else side_of(path) / "environment.txt")
    assert any(reason in each for each in refused(path, root, allow_dirty=True))


def test_a_side_folder_that_is_a_file_is_refused(root, tmp_path):
    path = send(tmp_path, provenance={}, files={})
    side_of(path).write_text("a file")
    assert any("its side folder can't be read" in each for each in refused(path, root))


def test_an_empty_side_folder_goes_and_strange_things_stay(root, tmp_path):
    path = send(tmp_path, provenance={}, files={})
    side_of(path).mkdir()
    accept(path, root, allow_dirty=True)
    assert not side_of(path).exists()
    path = send(tmp_path, seed=1)
    (side_of(path) / ".part-0-folder").mkdir()
    (side_of(path) / ".part-1-link").symlink_to("/etc/hostname")
    accept(path, root)
    assert [entry.name for entry in sorted(side_of(path).iterdir())] == [
        ".part-0-folder",
        ".part-1-link",
    ]


@pytest.mark.parametrize("name", ["index.html", "notes.md", "config.json.bak", "run.sh"])
def test_side_files_of_other_names_are_refused(root, tmp_path, name):
    files = {**sent()[1], name: "x"}
    path = send(tmp_path, files=files, provenance=digests(files))
    assert any(f"{name} is no file that adabench keeps" in each for each in refused(path, root))
    unnamed = send(tmp_path, seed=1)
    (side_of(unnamed) / name).write_text("x")
    assert any(f"holds {name}" in each for each in refused(unnamed, root))
