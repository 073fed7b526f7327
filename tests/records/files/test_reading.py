"""Links, pipes, devices and giants are refused before they are read, wherever a record is read."""

import os
import stat
from time import process_time

import pytest

from adabench.records.checks.beside import read_beside
from adabench.records.files.reading import MOST_BYTES, present_in, read_plain, what_is
from adabench.records.files.reported import read_reported
from adabench.records.files.results import read_record, read_records, record_files, write_record
from adabench.records.files.side_files import digests, read_side_files, side_folder


def put_pipe(path):
    os.mkfifo(path)


def put_socket(path):
    os.mknod(path, stat.S_IFSOCK | 0o600)


def put_giant(path):
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


PLACED = {
    "link": (lambda path: path.symlink_to("/etc/hostname"), "it is a link"),
    "dead link": (lambda path: path.symlink_to("nowhere"), "it is a link"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "it is a link"),
    "loop": (lambda path: path.symlink_to(path.name), "it is a link"),
    "pipe": (put_pipe, "it is a pipe"),
    "socket": (put_socket, "it is a socket"),
    "folder": (lambda path: path.mkdir(), "it is a folder"),
    "giant": (put_giant, "larger than 20 MiB"),
}


@pytest.fixture(params=PLACED)
def placed(request):
    return PLACED[request.param]


def test_only_plain_files_are_read(placed, tmp_path):
    put, reason = placed
    put(tmp_path / "x")
    with pytest.raises(ValueError, match=reason) as caught:
        read_plain(tmp_path / "x")
    assert str(tmp_path / "x") in str(caught.value)


def test_devices_are_named():
    assert what_is("/dev/zero") == "a device"
    with pytest.raises(ValueError, match="/dev/zero: it is a device"):
        read_plain("/dev/zero")


def test_a_plain_file_is_read_also_in_a_linked_folder(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").write_bytes(b"abc")
    (tmp_path / "here").symlink_to("there")
    assert read_plain(tmp_path / "here" / "x", most=3) == b"abc"
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "nothing")


def test_what_is_in_a_folder(placed, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "b").touch()
    (tmp_path / "own" / "a").mkdir()
    assert list(present_in(tmp_path / "own")) == ["a", "b"]
    assert list(present_in(tmp_path / "nothing")) == []
    put, reason = placed
    put(tmp_path / "x")
    if "folder" not in reason:
        with pytest.raises(ValueError, match=str(tmp_path / "x")):
            list(present_in(tmp_path / "x"))


def test_a_record_is_a_plain_file(placed, make_record, tmp_path):
    put, reason = placed
    good = write_record(make_record(), tmp_path)
    bad = good.with_name("bad.json")
    put(bad)
    with pytest.raises(ValueError, match=reason):
        read_record(bad)
    records, problems = read_records(tmp_path)
    assert records == [make_record()]
    assert [problem.path for problem in problems] == [bad]
    assert reason in problems[0].reason


def test_a_record_is_written_where_something_else_stands(placed, make_record, tmp_path):
    put, _ = placed
    usual = write_record(make_record(), tmp_path)
    usual.unlink()
    put(usual)
    path = write_record(make_record(), tmp_path)
    assert path != usual
    assert read_record(path) == make_record()


def test_a_table_of_reported_rows_is_a_plain_file(placed, tmp_path):
    put, reason = placed
    put(tmp_path / "x.csv")
    with pytest.raises(ValueError, match=reason):
        read_reported(tmp_path / "x.csv")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b'a\n"' + b"x" * 200_000 + b'"\n', b"paper,table\n\0"], ids=range(3)
)
def test_a_table_that_is_none_is_named(content, tmp_path):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.csv"):
        read_reported(tmp_path / "x.csv")


def test_side_files_are_plain_files(placed, sound, with_side_folder, tmp_path):
    put, reason = placed
    path = with_side_folder(sound(), tmp_path, {"config.json": "{}", "environment.txt": "a"})
    expected = digests({"config.json": "{}", "environment.txt": "a"})
    file = side_folder(path) / "config.json"
    file.unlink()
    put(file)
    found, (told,) = read_beside(path, expected)
    assert list(found) == ["environment.txt"]
    assert "config.json can't be read" in told
    assert reason in told
    with pytest.raises(ValueError, match=reason):
        read_side_files(path, expected)


def test_a_side_folder_is_a_folder(placed, sound, with_side_folder, tmp_path):
    put, reason = placed
    files = {"config.json": "{}"}
    path = with_side_folder(sound(), tmp_path, files)
    side = side_folder(path)
    side.rename(tmp_path / "elsewhere")
    put(side)
    found, (told,) = read_beside(path, digests(files))
    assert found == {}
    if reason != "it is a folder":
        assert "its side folder can't be read" in told
        with pytest.raises(ValueError, match=side.name):
            read_side_files(path, digests(files))


def test_a_link_to_the_very_side_folder_is_refused(sound, with_side_folder, tmp_path):
    files = {"config.json": "{}"}
    path = with_side_folder(sound(), tmp_path, files)
    side_folder(path).rename(tmp_path / "elsewhere")
    side_folder(path).symlink_to(tmp_path / "elsewhere")
    assert "it is a link" in read_beside(path, digests(files))[1][0]


@pytest.mark.parametrize(
    "name", ["index.html", "reported.csv", "config.py", "environment.txt.json"]
)
def test_side_files_have_known_names(name, sound, with_side_folder, tmp_path):
    path = with_side_folder(sound(), tmp_path, {name: "x"})
    found, (reason,) = read_beside(path, digests({name: "x"}))
    assert found == {}
    assert f"{name} is no file that adabench keeps" in reason


def test_a_side_file_that_is_no_text_is_named(sound, with_side_folder, tmp_path):
    path = with_side_folder(sound(), tmp_path, {"config.json": "{}"})
    file = side_folder(path) / "config.json"
    file.write_bytes(b"\xff")
    expected = {"config.json": "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"}
    with pytest.raises(ValueError, match=r"config\.json: expected text in UTF-8"):
        read_side_files(path, expected)


def test_a_linked_folder_of_records_is_named(make_record, tmp_path):
    write_record(make_record(), tmp_path / "elsewhere")
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "demo").symlink_to(tmp_path / "elsewhere" / "demo")
    assert record_files(tmp_path / "board") == [tmp_path / "board" / "demo"]
    records, (problem,) = read_records(tmp_path / "board")
    assert (records, problem.path.name) == ([], "demo")


@pytest.mark.parametrize(
    "twice",
    ['"seed": 0, "seed": 0', '"metrics": {"RMSE": 1, "RMSE": 2}', '"seed": 0, "\\u0073eed": 1'],
)
def test_a_name_that_stands_twice_is_refused(twice, make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    path.write_text("{" + twice + "," + path.read_text().lstrip("{ \n"))
    with pytest.raises(ValueError, match="stands twice in one object"):
        read_record(path)


def test_a_name_among_many_is_looked_for_once(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    names = [*range(100_000), 99_999]
    path.write_text("{" + ",".join(f'"{name}": 0' for name in names) + "}")
    started = process_time()
    with pytest.raises(ValueError, match="'99999' stands twice in one object"):
        read_record(path)
    assert process_time() - started < 10


def test_sessions_among_many_are_looked_for_once(make_record):
    entry = make_record().predictions[0].model_dump()
    many = [{**entry, "session": str(number)} for number in range(5_000)]
    started = process_time()
    with pytest.raises(ValueError, match="hold session '0' more than once"):
        make_record(predictions=many * 2)
    assert process_time() - started < 10
    with pytest.raises(ValueError, match="at most 10000 items"):
        make_record(predictions=many * 3)


def test_what_came_is_told_shortly_and_printably(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    body = path.read_text().lstrip("{ \n")
    path.write_text('{"kinds": "' + "a" * 100_000 + '", "\\u001b[2J": "\\u202e", ' + body)
    with pytest.raises(ValueError, match="expected") as caught:
        read_record(path)
    assert len(str(caught.value)) < 2000
    assert str(caught.value).isprintable()
