"""Corpora of other scales, from a table of videos to folds, records, tables and the page."""

import csv

import pytest
from tiny_runs import CONFIGS

from adabench.config.reading.load import load_config
from adabench.data.prepare import prepare
from adabench.data.prepared import PreparedCorpus
from adabench.engine.run import train
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.pages.publish import publish
from adabench.plugins import load_plugins
from adabench.records.files.labels import read_labels
from adabench.records.schema.scale import scale_form
from adabench.synthface import SynthfaceParameters, generate
from adabench.synthface.writing.layouts import write_table

CLASS_NAMES = {"AreaUnderROC", "BalancedAccuracy", "Brier", "MacroF1"}
CLASSES = {"name": "depressed", "classes": ["no", "yes"]}
UNITS = "type='UnitRegressor', loss='cross_entropy'"
CONFIG = """
track = "table-{name}"
method = dict(
    name="Levels",
    backbone=dict(
        type="TimmFrames",
        name="resnet18",
        scales=1,
        options=dict(channels=(8, 8, 16, 16), stem_width=8),
    ),
    aggregator=dict(type="Identity"),
    selector=dict(type="DFS", hidden=0),
    head=dict({head}),
)
data = dict(size=32)
views = dict(
    train=dict(type="StridedView", frames=4),
    test=dict(type="StridedView", frames=4),
)
training = dict(
    epochs=1, batch_size=8, optimiser=dict(type="AdamW", lr=1e-3), threads=1, workers=0
)
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A tiny generated corpus as a table."""
    load_plugins()
    root = tmp_path_factory.mktemp("scales")
    parameters = SynthfaceParameters(
        seed=3, sessions=8, every_level=True, fps=15, seconds=(1.0, 1.0)
    )
    generate(parameters, root / "raw", processes=1, progress=False)
    return write_table(root / "raw", root / "table")


def rewritten(table, score, name):
    """The table's Freeform clips with other scores, and a group beside them."""
    rows = list(csv.DictReader((table / "clips.csv").read_text().splitlines()))
    path = table / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "group_site"])
        writer.writeheader()
        for row in rows:
            if row["task"] == "Freeform":
                site = "north" if int(row["subject"]) % 2 else "south"
                new = {"score": score(int(row["score"])), "group_site": site}
                writer.writerow({**row, **new})
    return path


@pytest.mark.parametrize(
    ("name", "scale", "score", "head", "loss"),
    [
        pytest.param(
            *("phq", "phq-8", lambda y: round(24 * y / 63), "type='OrdinalRegressor'", "mse"),
            marks=pytest.mark.slow,
        ),
        ("binary", CLASSES, lambda y: int(y >= 14), UNITS, "cross_entropy"),
    ],
)
def test_another_scale_goes_all_the_way(table, tmp_path, name, scale, score, head, loss):
    src = rewritten(table, score, name)
    out, board = tmp_path / "data" / f"table-{name}", tmp_path / "board"
    given = {"name": f"table-{name}", "licensed": False, "scale": scale}
    prepare("table", src, out, size=32, processes=0, progress=False, **given)
    corpus = PreparedCorpus.open(out)
    run = folds(tmp_path, name, head)
    outcome = train(run, work_dir=tmp_path / "work", results=board / "local")
    record = outcome.record
    assert record.scale == scale_form(corpus.scale)
    assert record.sessions == len({clip.session for clip in corpus.clips})
    assert set(record.measures) == (CLASS_NAMES if corpus.scale.classes else set())
    assert outcome.figure.is_file()
    curves = list((tmp_path / "work").rglob("curve.csv"))
    assert curves
    assert all(f"train/head.{loss}" in curve.read_text() for curve in curves)
    if corpus.scale.classes:
        assert all(0 < entry.prediction < 1 for entry in record.predictions)
    assert set(record.groups) == {"group_site: north", "group_site: south"}
    assert sum(group.persons for group in record.groups.values()) == record.persons
    assert all(group.metrics is None for group in record.groups.values())  # too few persons
    publish(board)
    text = (board / "local" / "tables" / f"table-{name}.md").read_text()
    assert f"RMSE and MAE are in {corpus.scale.points}." in text
    assert all(name in text for name in record.measures)
    page = (board / "index.html").read_text()
    assert f'"RMSE, {corpus.scale.points}"' in page
    assert f"Errors in {corpus.scale.points} over" in page
    found = verify(board, read_labels([out]))
    assert not found.problems
    assert found.ungrouped == ()
    assert not any("not recomputed" in str(warning) for warning in found.warnings)


def folds(root, name, head):
    """A method with levels over two folds of the table."""
    (root / "levels.py").write_text(CONFIG.format(name=name, head=head))
    return load_config(
        root / "levels.py",
        protocol=CONFIGS / "_base_" / "protocols" / "folds.py",
        overrides=[f"data.root={root / 'data'}", "protocol.k=2", "protocol.validation=0.25"],
    )
