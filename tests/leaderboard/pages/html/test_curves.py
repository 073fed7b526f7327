"""A run's curve as the page draws it."""

import pytest
from record_fixtures import as_licensed

from adabench.leaderboard.pages.html.curves import curve_of
from adabench.records import read_record
from adabench.records.files.side_files import CURVE, side_folder
from adabench.records.schema.sections import Selection

TEXT = """epoch,rate,train/loss,train/head.mse,train/selector.wsl,val/RMSE,val/PCC,seconds
1,0.1,3.0,2.0,1.0,,,1.0
2,0.1,2.123456,1.5,nan,9.5,0.1,1.0
3,0.1,1.5,1.0,0.5,7.5,0.4,1.0
"""


@pytest.fixture
def curve(make_record, with_side_folder, tmp_path):
    def drawn(text=TEXT, chosen=3):
        record = make_record(selection=Selection(epoch=chosen, epochs=1000))
        path = with_side_folder(record, tmp_path, {CURVE: text})
        return curve_of(read_record(path), path)

    return drawn


def test_losses_errors_and_correlations_have_a_panel_each(curve):
    found = curve()
    assert found["chosen"] == 3
    assert {
        panel["label"]: [line["name"] for line in panel["lines"]] for panel in found["panels"]
    } == {
        "Training loss": ["sum", "head.mse", "selector.wsl"],
        "Validation": ["RMSE"],
        "Validation, within ±1": ["PCC"],
    }
    total, _, late = found["panels"][0]["lines"]
    assert total == {"name": "sum", "epochs": [1, 2, 3], "values": [3.0, 2.123, 1.5]}
    assert late["epochs"] == [1, 3]
    assert found["panels"][1]["lines"] == [{"name": "RMSE", "epochs": [2, 3], "values": [9.5, 7.5]}]


def test_one_loss_is_its_own_sum(curve):
    (panel,) = curve("epoch,train/loss,train/mse\n1,2.0,2.0\n")["panels"]
    assert [line["name"] for line in panel["lines"]] == ["mse"]
    (panel,) = curve("epoch,train/loss\n1,2.0\n")["panels"]
    assert [line["name"] for line in panel["lines"]] == ["loss"]


def test_what_a_panel_has_no_room_for_is_counted(curve):
    names = [f"train/part{n}" for n in range(8)]
    text = f"epoch,train/loss,{','.join(names)}\n1,8{',1' * 8}\n"
    (panel,) = curve(text)["panels"]
    assert [line["name"] for line in panel["lines"]] == ["sum", *(f"part{n}" for n in range(5))]
    assert panel["more"] == 3


def test_a_long_one_keeps_its_ends_and_the_chosen_epoch(curve):
    rows = "".join(f"{n},{1 / n}\n" for n in range(1, 1001))
    (panel,) = curve(f"epoch,train/loss\n{rows}", chosen=437)["panels"]
    epochs = panel["lines"][0]["epochs"]
    assert {1, 437, 1000} <= set(epochs)
    assert 50 <= len(epochs) <= 61


def test_what_does_not_hold_is_not_drawn(make_record, with_side_folder, tmp_path):
    path = with_side_folder(make_record(), tmp_path, {CURVE: TEXT})
    record = read_record(path)
    assert curve_of(record, path)["chosen"] is None
    assert curve_of(make_record(), path) is None
    assert curve_of(as_licensed(record, provenance=record.provenance), path) is None
    (side_folder(path) / CURVE).write_text(TEXT + "4\n")
    assert curve_of(record, path) is None
    (side_folder(path) / CURVE).unlink()
    assert curve_of(record, path) is None
    assert curve_of(record, None) is None
    damaged = with_side_folder(make_record(seed=7), tmp_path, {CURVE: "epoch\nx\n"})
    assert curve_of(read_record(damaged), damaged) is None
