"""One bad record ends nothing for the others."""

import os
import time

import pytest
from draw_records import drawn_run
from sent_records import send

from adabench.leaderboard.pages import publish as module
from adabench.leaderboard.pages.publish import publish
from adabench.leaderboard.rows import collect as collecting
from adabench.leaderboard.rows.row import Entry
from adabench.records import Cost, write_record


@pytest.fixture
def root(tmp_path, make_record):
    for seed in range(2):
        write_record(make_record(seed=seed), tmp_path / "board" / "local")
        write_record(make_record(6.0, seed, method="Other"), tmp_path / "board" / "local")
    return tmp_path / "board"


def methods(board):
    return {row.method for table in board.tables for row in table.rows}


ABSURD = {
    "seconds": {"cost": Cost.model_construct(wall_seconds=1e308)},
    "interval": {"intervals": {"RMSE": (float("-inf"), float("inf"))}},
    "time": {"timing": {"training": float("nan")}},
}


@pytest.mark.parametrize("kind", ABSURD)
def test_what_can_not_be_computed_is_left_out_and_named(root, make_record, monkeypatch, kind):
    """Such a record is refused when it is read; here it got round that."""
    real = collecting.collect

    def collect(*arguments):
        entries, problems = real(*arguments)
        absurd = [
            Entry(
                make_record(method="Absurd", seed=seed).model_copy(update=ABSURD[kind]),
                "local",
                root / f"absurd-{seed}.json",
            )
            for seed in range(2)
        ]
        return [*entries, *absurd], problems

    monkeypatch.setattr(module, "collect", collect)
    board = publish(root)
    assert {"Dep-MAP", "Other"} <= methods(board)
    assert "Absurd" not in methods(board)
    assert [problem.path.name for problem in board.problems] == ["absurd-0.json", "absurd-1.json"]
    assert "can't be shown" in board.problems[0].reason
    assert [page.name for page in board.pages] == ["drawn-faces.html"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"wall_seconds": null', '"wall_seconds": 1e308'),
        ('"seed": 1', f'"seed": {10**400}'),
        ('"timing": {}', '"timing": {"x": 1e999}'),
        ('"notes": []', '"notes": ["\\u0000"]'),
    ],
)
def test_an_absurd_file_is_named_and_the_rest_is_built(root, old, new):
    path = next((root / "local" / "demo").glob("other-*-1-*.json"))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    board = publish(root)
    assert [problem.path for problem in board.problems] == [path]
    assert methods(board) == {"Dep-MAP", "Other"}


def test_pipes_links_and_giants_end_nothing(root):
    folder = root / "local" / "demo"
    os.mkfifo(folder / "pipe.json")
    (folder / "link.json").symlink_to("/dev/zero")
    (folder / "folder.json").mkdir()
    with (folder / "giant.json").open("wb") as file:
        file.truncate(2**30)
    (root / "reported").mkdir()
    os.mkfifo(root / "reported" / "pipe.csv")
    board = publish(root)
    assert methods(board) == {"Dep-MAP", "Other"}
    assert sorted(problem.path.name for problem in board.problems) == [
        "folder.json",
        "giant.json",
        "link.json",
        "pipe.csv",
        "pipe.json",
    ]


def test_names_that_mean_something_elsewhere_end_nothing(root, make_record):
    for method in ("a$\\bad$", "%s %d {x}", "</script>", "$x_{$ $"):
        write_record(make_record(7.0, method=method, config="c"), root / "local")
    for track in ("demo-freeform", "demo-northwind", "demo"):
        for method in ("a$\\bad$", "%s", "b", "c"):
            write_record(make_record(8.0, 3, method=method, track=track), root / "local")
    assert publish(root).problems == ()


def test_an_unknown_track_is_still_an_error(root):
    with pytest.raises(ValueError, match="no record of track 'nowhere'"):
        publish(root, track="nowhere")


def test_leftovers_of_killed_builds_go(root):
    old, new = root / ".part-0123-index.html", root / ".part-4567-index.html"
    table = root / "local" / "tables" / ".part-89ab-demo.md"
    table.parent.mkdir(parents=True)
    for path in (old, new, table):
        path.write_text("half")
    (root / ".part-folder").mkdir()
    past = time.time() - 7200
    for path in (old, table, root / ".part-folder"):
        os.utime(path, (past, past))
    publish(root)
    assert [path.exists() for path in (old, new, table)] == [False, True, False]


def test_a_sent_record_is_built_as_any_other(root):
    send(root / "local", config="own")
    assert "Mine" in methods(publish(root))


def test_drawn_faces_have_pages_of_their_own_that_say_so(root, make_record):
    write_record(make_record(track="table", corpus="own"), root / "local")
    for world in ("sparse", "none"):
        for draw in range(2):
            write_record(drawn_run("A", draw, 4.0, world=world, family=world * 3), root / "local")
    board = publish(root)
    first, *others = [path.name for path in board.pages]
    assert first == "index.html"
    assert sorted(others) == [
        "drawn-faces-world-none.html",
        "drawn-faces-world-sparse.html",
        "drawn-faces.html",
    ]
    pages = {path.name: path.read_text(encoding="utf-8") for path in board.pages}
    for name, page in pages.items():
        assert all(f'href="{other}"' in page for other in pages if other != name)
    assert (
        "<title>adabench leaderboard: drawn faces, world none</title>"
        in pages["drawn-faces-world-none.html"]
    )
    assert "a drawn score (0 to 63)" in pages["drawn-faces-world-none.html"]
    assert "drawn faces, world" not in pages["index.html"].split("<script")[1]
    tables = {path.name for path in board.folder.iterdir()}
    assert "demo-freeform-drawn-faces-world-none.csv" in tables
    assert "table.csv" in tables
