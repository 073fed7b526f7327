"""A metric that one run names is a column for all runs of its track, and is recomputed by `verify`."""

import csv
import io
import json

import pytest
from sent_records import drawn, send, sent

from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.text import render_markdown
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import read_record
from adabench.records.measures import measures_of

NAMED = {"metrics": ({"type": "WithinPoints", "points": 4},)}


def with_measure(root, error=3.0, seed=0, *, value=None, **run):
    """Send a run that names the metric; ``value`` is what its record says in place of the true one."""
    run = {**NAMED, **run}
    predictions = sent(error, seed, run=run)[0].predictions
    pairs = ([p.prediction for p in predictions], [p.label for p in predictions])
    measures, _ = measures_of(NAMED["metrics"], *pairs)
    if value is not None:
        measures = {name: m.model_copy(update={"value": value}) for name, m in measures.items()}
    return send(root, error, seed, run=run, measures=measures)


def table_of(*paths):
    (table,) = build_tables([Entry(read_record(path), "local", path) for path in paths])
    return table


def test_every_run_of_the_track_has_it(tmp_path):
    other = {"name": "other", "method": {"name": "Other", "type": "EstimatorMethod"}}
    found = table_of(
        with_measure(tmp_path, 3.0, 0),
        with_measure(tmp_path, 5.0, 1),
        send(tmp_path, 2.0, run=other),
    )
    values = {row.method: row.measures["WithinPoints@4"] for row in found.rows}
    assert values["Mine"].value == pytest.approx(0.5)
    assert values["Mine"].deviation == pytest.approx(0.5**0.5)
    assert values["Other"].value == 1.0
    rows = list(csv.DictReader(io.StringIO(render_csv(found))))
    assert [row["WithinPoints@4"] for row in rows] == ["1.0", "0.5"]
    assert "WithinPoints@4" in render_markdown(found)


def test_a_table_believes_predictions_not_what_a_record_says(tmp_path):
    (row,) = table_of(with_measure(tmp_path, 5.0, value=0.99)).rows
    assert row.measures["WithinPoints@4"].value == 0.0


def test_without_any_there_is_no_column(tmp_path):
    assert all(row.measures == {} for row in table_of(send(tmp_path)).rows)


def test_verify_recomputes_it(tmp_path):
    with_measure(tmp_path / "local")
    assert verify(tmp_path).holds
    forged = with_measure(tmp_path / "local", seed=1, value=0.25)
    found = verify(tmp_path)
    (problem,) = found.problems
    assert (problem.path, "measures.WithinPoints@4 is 0.25" in problem.reason) == (forged, True)


def test_one_whose_plugin_is_not_loaded_is_not_recomputed(tmp_path):
    metric = ({"type": "OfSomebody"},)
    measures = {"OfSomebody": {"value": 3.0, "direction": "lower", "code": "OfSomebody"}}
    path = send(tmp_path / "local", run={"metrics": metric}, measures=measures)
    found = verify(tmp_path)
    assert found.holds
    assert [str(w.reason) for w in found.warnings] == [
        "measure 'OfSomebody' (OfSomebody) was not recomputed"
    ]
    (row,) = table_of(path).rows
    assert row.measures["OfSomebody"].value == 3.0


def test_metrics_decide_no_hash(tmp_path):
    one, other = read_record(with_measure(tmp_path)), sent()[0]
    assert one.config_hash == other.config_hash
    beside = next(tmp_path.rglob("config.json"))
    assert json.loads(beside.read_text())["metrics"] == [{"type": "WithinPoints", "points": 4}]
    assert len(drawn()) == len(one.predictions)
