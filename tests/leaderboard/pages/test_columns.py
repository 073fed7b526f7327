"""Calibration and relevance beside the metrics: measured, derived, of one run and of several seeds."""

import csv
import io

import numpy as np
import pytest
from draw_records import drawn_run
from record_fixtures import as_licensed, build, constant

from adabench.evaluation import calibration_of
from adabench.leaderboard.pages.columns import calibration_of_row, columns_beside, relevance_of_row
from adabench.leaderboard.pages.csv_text import render_csv
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.pages.text import render_markdown, render_text
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import Metrics, Reported
from adabench.records.schema.sections import Selection, StageUse

AREA = {"value": 0.67, "chance": 0.5, "ceiling": 0.89}
MEASURED = {"all": {"clips": 30, "roc_area": AREA, "share": AREA}, "scale2": {"roc_area": AREA}}


def calibrated(error=5.0, seed=0, **changes):
    record = build(error, seed)
    found = calibration_of(
        [entry.prediction for entry in record.predictions],
        [entry.label for entry in record.predictions],
    )
    return build(error, seed, calibration=found, **changes)


def printed(pcc=0.92, ccc=0.83, track="avec14", **metrics):
    known = Metrics(**{"RMSE": 5.68, "MAE": 4.43, "PCC": pcc, "CCC": ccc, **metrics})
    return build(
        origin=Reported(paper="p", table="1", row="Theirs"),
        method="Theirs",
        track=track,
        licensed=True,
        metrics=known,
        predictions=[],
        intervals={},
        seed=None,
        protocol=None,
    )


def table_of(*records):
    (table,) = build_tables([Entry(record, "measured") for record in records])
    return table


def line_of(table):
    return next(csv.DictReader(io.StringIO(render_csv(table))))


def test_calibration_is_the_mean_over_seeds():
    records = [calibrated(5.0, 0), calibrated(5.0, 1)]
    (row,) = table_of(*records).rows
    found = calibration_of_row(row)
    slopes = [record.calibration.slope for record in records]
    assert found.sigma is None
    assert found.numbers["slope"].value == pytest.approx(np.mean(slopes))
    assert found.numbers["slope"].deviation == pytest.approx(np.std(slopes, ddof=1))
    line = line_of(table_of(*records))
    assert float(line["slope"]) == pytest.approx(np.mean(slopes))
    assert float(line["bias_sd"]) == found.numbers["bias"].deviation
    assert line["calibration"] == "measured"


def test_a_constant_has_bias_and_no_slope():
    record = constant()
    labels = [entry.label for entry in record.predictions]
    row = table_of(constant(calibration=calibration_of([59.0] * len(labels), labels))).rows[0]
    assert set(calibration_of_row(row).numbers) == {"bias", "sigma_ratio"}


def test_a_printed_row_has_slope_and_ratio_derived_and_marked():
    table = table_of(printed())
    line = line_of(table)
    assert float(line["slope"]) == pytest.approx(1.40, abs=0.01)
    assert float(line["sigma_ratio"]) == pytest.approx(0.66, abs=0.01)
    assert (line["bias"], line["calibration"]) == ("", "derived")
    for text in (render_text(table), render_markdown(table)):
        assert "1.40†" in text
        assert "0.66†" in text
        assert "† derived from RMSE, PCC and CCC" in text.replace("\n", " ")
        assert "Bias" not in text
    (row,) = page_data([table])["tracks"][0]["rows"]
    assert row["calibration"] == {
        "slope": [1.3967, None],
        "sigma_ratio": [0.6587, None],
        "sigma": 11.4,
    }


@pytest.mark.parametrize("record", [printed(None, None), printed(track="avec13"), build()])
def test_where_nothing_is_known_there_is_no_column(record):
    table = table_of(record)
    assert calibration_of_row(table.rows[0]).numbers == {}
    assert columns_beside(table.rows).header == ()
    assert line_of(table)["calibration"] == ""
    assert "Slope" not in render_markdown(table)


def test_of_a_licensed_corpus_files_derive_from_public_metrics_and_a_terminal_shows_the_private():
    exact = calibrated(track="avec14", corpus="avec2014")
    record = as_licensed(exact)
    assert record.calibration is None
    table = table_of(record)
    public, private = (calibration_of_row(table.rows[0], private=p) for p in (False, True))
    assert private.sigma is None
    assert private.numbers["slope"].value == exact.calibration.slope
    # It follows from the two decimals that everybody has, and from nothing else.
    bare = as_licensed(exact).model_copy()
    bare._kept = None
    assert calibration_of_row(table_of(bare).rows[0]) == public
    assert public.sigma == 11.4
    assert "bias" not in public.numbers
    assert repr(exact.calibration.slope) not in render_csv(table)
    disjoint = table_of(as_licensed(exact, protocol="person_disjoint"))
    assert calibration_of_row(disjoint.rows[0]).numbers == {}


def test_relevance_stands_between_chance_and_ceiling():
    lower = {"all": {"clips": 30, "roc_area": {**AREA, "value": 0.61}}}
    table = table_of(build(relevance_measures=MEASURED), build(seed=1, relevance_measures=lower))
    (row,) = table.rows
    assert relevance_of_row(row) == {"all": {"roc_area": pytest.approx((0.64, 0.5, 0.89))}}
    assert "0.64 (0.50 to 0.89)" in render_markdown(table)
    assert "shifted round the clip" in render_markdown(table)
    line = line_of(table)
    found = [float(line[f"relevance_{part}"]) for part in ("area", "chance", "ceiling")]
    assert found == pytest.approx([0.64, 0.5, 0.89])


def test_an_older_area_has_neither_chance_nor_ceiling():
    table = table_of(build(relevance_measures={"all": {"roc_area": {"value": 0.61}}}))
    assert relevance_of_row(table.rows[0]) == {"all": {"roc_area": (0.61, None, None)}}
    assert " 0.61 " in render_markdown(table)
    assert (line_of(table)["relevance_area"], line_of(table)["relevance_chance"]) == ("0.61", "")


def test_the_page_tells_relevance_and_how_a_run_was_selected():
    selection = Selection(
        metrics=Metrics(RMSE=8.12344, MAE=6.0, PCC=0.5, CCC=0.4),
        epoch=3,
        epochs=9,
        schedule=12,
        looks=9,
        budget=1,
        rule="lowest RMSE",
    )
    stage = StageUse(name="encoder", type="MethodTraining", key="k", selection=Selection(looks=4))
    record = build(relevance_measures=MEASURED, selection=selection, stages=[stage])
    (row,) = page_data([table_of(record)])["tracks"][0]["rows"]
    assert row["relevance"]["scale2"] == {"roc_area": [0.67, 0.5, 0.89]}
    assert set(row["relevance"]["all"]) == {"roc_area", "share"}
    told = row["runs"][0]["selection"]
    assert told == {
        **{"epoch": 3, "epochs": 9, "schedule": 12, "looks": 9, "budget": 1},
        "rule": "lowest RMSE",
        "metrics": {"RMSE": 8.1234, "MAE": 6.0, "PCC": 0.5, "CCC": 0.4},
        "stages": {"encoder": 4},
    }
    assert "selection" not in page_data([table_of(build())])["tracks"][0]["rows"][0]["runs"][0]


def test_on_draws_calibration_and_relevance_are_means_over_draws_not_over_runs():
    """Draw 0 has three runs and draw 1 one: each draw counts alike, as in the error beside them."""
    runs = [*((0, seed, 0.6) for seed in range(3)), (1, 9, 0.8)]
    records = [
        drawn_run(
            "A",
            draw,
            5.0,
            seed=seed,
            calibration=calibration_of(*_pairs(drawn_run("A", draw, 5.0, seed=seed))),
            relevance_measures={"all": {"roc_area": {**AREA, "value": area}}},
        )
        for draw, seed, area in runs
    ]
    (row,) = table_of(*records).rows
    assert relevance_of_row(row)["all"]["roc_area"][0] == pytest.approx(0.7)
    slopes = [record.calibration.slope for record in records]
    found = calibration_of_row(row).numbers["slope"]
    by_draw = [np.mean(slopes[:3]), slopes[3]]
    assert found.value == pytest.approx(np.mean(by_draw))
    assert found.deviation == pytest.approx(np.std(by_draw, ddof=1))


def test_intervals_that_most_rows_have_stand_in_the_table_and_all_on_the_page():
    split = {"method": "SplitConformal", "level": 0.9, "relative_width": 0.8, "score": 40.0}
    binned = {"method": "BinnedConformal", "level": 0.5, "coverage": 0.4, "width": 9.0}
    one, other = ({**split, "coverage": c, "width": w} for c, w in ((0.9, 30.0), (0.8, 32.0)))
    table = table_of(
        build(method="B", config="b", conformal=[binned]),
        build(conformal=[binned, one]),
        build(seed=1, conformal=[other]),
        build(method="C", config="c", conformal=[one]),
    )
    text = render_markdown(table)
    assert "0.85, 31.0 (0.80)" in text
    assert "0.90, 30.0 (0.80)" in text
    assert "0.40, 9.0" not in text
    assert "intervals of 90% held (SplitConformal)" in text
    lines = {line["method"]: line for line in csv.DictReader(io.StringIO(render_csv(table)))}
    assert lines["B"]["interval_method"] == "BinnedConformal"
    assert lines["B"]["interval_relative_width"] == ""
    assert float(lines["C"]["interval_score"]) == 40.0
    rows = {row["method"]: row for row in page_data([table])["tracks"][0]["rows"]}
    assert rows["B"]["intervals"] == [binned]
    assert rows["C"]["intervals"] == [one]


def test_how_many_labels_an_interval_holds_is_private_of_a_licensed_corpus():
    found = {"method": "SplitConformal", "level": 0.9, "coverage": 0.9, "width": 30.0}
    record = as_licensed(build(track="avec14", corpus="avec2014", conformal=[found]))
    assert record.conformal == []
    assert record.kept.conformal[0].coverage == 0.9
    assert "0.90, 30.0" not in render_markdown(table_of(record))


def _pairs(record):
    return zip(*((e.prediction, e.label) for e in record.predictions), strict=True)
