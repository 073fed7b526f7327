"""Records on disk: whole or absent, never edited, never lost silently."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from adabench.evaluation import score_metrics
from adabench.records import Metrics, Prediction, read_record, read_records, write_record
from adabench.records.files.results import find_record, has_constant


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_name_and_content(make_record, tmp_path):
    record = make_record(seed=2)
    path = write_record(record, tmp_path)
    name = f"dep-map-depmap_r18_avec14-2-{record.checksum[:8]}.json"
    assert path == tmp_path / "demo" / name
    assert read_record(path) == record
    assert files_below(tmp_path) == [name]


def test_the_same_record_twice_is_one_untouched_file(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert write_record(make_record(), tmp_path) == path
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_another_record_gets_another_name(make_record, tmp_path):
    first = write_record(make_record(), tmp_path)
    kept = first.read_bytes()
    second = write_record(make_record(notes=["again"]), tmp_path)
    assert second != first
    assert first.read_bytes() == kept


def test_a_damaged_file_under_the_name_is_not_overwritten(make_record, tmp_path):
    record = make_record()
    path = write_record(record, tmp_path)
    path.write_text("cut of")
    other = write_record(record, tmp_path)
    assert other.name.endswith(f"-{record.checksum[:16]}.json")
    assert path.read_text() == "cut of"
    assert read_record(other) == record


def test_odd_names_stay_inside_the_folder(make_record, tmp_path):
    path = write_record(make_record(method="../Ünï/|x", config="../../etc"), tmp_path)
    assert path.parent == tmp_path / "demo"
    assert read_record(path).method == "../Ünï/|x"


def test_numbers_come_back_bit_for_bit(make_record, tmp_path):
    generator = np.random.default_rng(0)
    guess = generator.normal(20, 20, 200) * 10.0 ** generator.integers(-12, 1, 200)
    label = generator.uniform(0, 63, 200)
    predictions = [
        Prediction(session=str(index), subject=str(index), prediction=value, label=truth)
        for index, (value, truth) in enumerate(zip(guess, label, strict=True))
    ]
    record = make_record(predictions=predictions, metrics=Metrics(**score_metrics(guess, label)))
    back = read_record(write_record(record, tmp_path))
    assert [entry.prediction for entry in back.predictions] == guess.tolist()
    assert back == record


def test_a_copy_with_changed_numbers_is_not_written(make_record, tmp_path):
    record = make_record()
    better = record.model_copy(update={"metrics": Metrics(RMSE=0.1, MAE=0.1, PCC=1, CCC=1)})
    with pytest.raises(ValidationError, match=r"metrics\.RMSE"):
        write_record(better, tmp_path)
    assert files_below(tmp_path) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(make_record, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_record(make_record(), tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert "dep-map-depmap_r18_avec14-0-" in str(caught.value)
    assert "--results" in str(caught.value)
    assert "record.model_dump_json()" in str(caught.value)
    assert files_below(tmp_path) == []


LIMITED = """
import resource, signal, sys
from adabench.records import Record, write_record
record = Record.model_validate_json(sys.stdin.read())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    write_record(record, sys.argv[1])
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_write_that_breaks_off_leaves_nothing_behind(make_record, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        input=make_record().model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "can't write the result record" in done.stdout
    assert "File too large" in done.stdout
    assert files_below(tmp_path) == []


def test_a_folder_that_can_not_be_made_is_named(make_record, tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(OSError, match=r"can't write the result record .*results/demo") as caught:
        write_record(make_record(), tmp_path / "results")
    assert "--results" in str(caught.value)


def test_one_damaged_file_harms_no_other(make_record, tmp_path):
    for seed in range(3):
        write_record(make_record(seed=seed), tmp_path / "deep" / "down")
    good = write_record(make_record(seed=3), tmp_path)
    changed = good.read_text().replace('"seed": 3', '"seed": 4')
    bad = {
        "cut.json": good.read_bytes()[:500],
        "changed.json": changed.encode(),
        "list.json": b"[]",
        "nan.json": b'{"a": NaN}',
        "binary.json": b"\xff\xfe\x00",
        "deep.json": b"[" * 100_000,
        "unsigned.json": b'{"schema_version": 1}',
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.json").mkdir()
    records, problems = read_records(tmp_path)
    assert sorted(record.seed for record in records) == [0, 1, 2, 3]
    assert sorted(problem.path.name for problem in problems) == sorted([*bad, "folder.json"])
    reasons = {problem.path.name: problem.reason for problem in problems}
    assert "changed after it was written" in reasons["changed.json"]
    assert "not a JSON file" in reasons["cut.json"]
    assert "checksum is missing" in reasons["unsigned.json"]


def test_a_half_written_file_of_a_killed_process_is_no_record(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    (path.parent / f".part-00-{path.name}").write_text("{")
    (path.parent / f".part-01-{path.name}").write_text(path.read_text())
    records, problems = read_records(tmp_path)
    assert len(records) == 1
    assert problems == []
    path.unlink()
    assert find_record(tmp_path, "demo", "0123456789abcdef", 0, None) is None


def test_side_folders_hold_no_records(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    for folder in (path.with_suffix(".provenance"), tmp_path / "lone.provenance" / "deep"):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / path.name).write_bytes(path.read_bytes())
    records, problems = read_records(tmp_path)
    assert (len(records), problems) == (1, [])
    assert find_record(tmp_path, "demo", "0123456789abcdef", 0, None) == make_record()


def test_a_wrong_field_is_named_with_what_came(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    path.write_text(path.read_text().replace('"kind": "method"', '"kind": "miracle"'))
    with pytest.raises(ValueError, match=r"kind: .*'method', 'control' or 'bound'.*miracle") as got:
        read_record(path)
    assert str(path) in str(got.value)


def test_missing_folders_and_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_records(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_record(tmp_path / "nothing.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        read_records(tmp_path / "file")


def test_the_constant_is_found_again(make_record, tmp_path):
    checksum = "c0ffee00c0ffee00"
    assert not has_constant(tmp_path, "demo", checksum, "official")
    write_record(make_record(), tmp_path)
    assert not has_constant(tmp_path, "demo", checksum, "official")
    write_record(make_record(method="constant", kind="control"), tmp_path)
    assert has_constant(tmp_path, "demo", checksum, "official")
    assert not has_constant(tmp_path, "demo", "another corpus", "official")
    assert not has_constant(tmp_path, "demo", checksum, "train+dev")
    assert not has_constant(tmp_path, "demo-freeform", checksum, "official")


def test_the_library_writes_readable_files(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    umask = os.umask(0)
    os.umask(umask)
    assert Path(path).stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_runs_record_is_found_by_config_and_seed(make_record, tmp_path):
    assert find_record(tmp_path / "nowhere", "demo", "0123456789abcdef", 0, None) is None
    wanted = make_record(seed=1)
    for record in (make_record(seed=0), wanted, make_record(seed=1, config_hash="f" * 16)):
        write_record(record, tmp_path)
    write_record(make_record(seed=1, track="demo-freeform", notes=["of a task"]), tmp_path)
    assert find_record(tmp_path, "demo", "0123456789abcdef", 1, None) == wanted
    assert find_record(tmp_path, "demo", "0123456789abcdef", 2, None) is None
    assert find_record(tmp_path, "demo-northwind", "0123456789abcdef", 1, None) is None
    assert find_record(tmp_path, "demo-freeform", "0123456789abcdef", 1, None).notes == [
        "of a task"
    ]


def test_the_name_under_which_a_run_was_made_does_not_count(make_record, tmp_path):
    record = make_record(config="depmap_table3/r18", method="Another name")
    write_record(record, tmp_path)
    assert find_record(tmp_path, "demo", "0123456789abcdef", 0, None) == record


def test_of_several_records_of_a_run_the_newest_is_found(make_record, tmp_path):
    for hour in (3, 1, 2):
        record = make_record(created=f"2026-01-02T0{hour}:04:05+00:00")
        path = write_record(record, tmp_path)
        os.utime(path, (hour * 3600, hour * 3600))
    found = find_record(tmp_path, "demo", "0123456789abcdef", 0, None)
    assert found.created == "2026-01-02T03:04:05+00:00"


def test_a_damaged_record_is_not_found(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    path.write_bytes(path.read_bytes()[:-50])
    assert find_record(tmp_path, "demo", "0123456789abcdef", 0, None) is None
    whole = make_record(notes=["again"])
    os.utime(write_record(whole, tmp_path), (1, 1))
    assert find_record(tmp_path, "demo", "0123456789abcdef", 0, None) == whole
