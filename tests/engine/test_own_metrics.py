"""A metric of one's own, in a file outside the repository: in the record, in the table, verified."""

import sys

import pytest

from adabench.cli.leaderboard import command
from adabench.data.prepared import PreparedCorpus
from adabench.engine.run import train
from adabench.plugins import load_plugins
from adabench.records.files.results import read_record
from adabench.registry import METRICS, UnknownTypeError

CONSTANT = "constant_avec14.py"
OWN = """
import numpy as np

from adabench.evaluation import SessionMetric
from adabench.registry import METRICS


@METRICS.register_module()
class WorstError(SessionMetric):
    unit = "points"
    direction = "lower"

    def __call__(self, prediction, label):
        return float(np.abs(prediction - label).max())
"""


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder with the metric, loaded for one test."""
    monkeypatch.setattr(METRICS, "_module_dict", dict(METRICS.module_dict))
    # A module of this name that another test left behind would register nothing again.
    for name in [name for name in sys.modules if name.startswith("adabench_user_plugins.worst")]:
        monkeypatch.delitem(sys.modules, name)
    folder = tmp_path / "my_plugins"
    folder.mkdir()
    (folder / "worst.py").write_text(OWN)
    load_plugins([folder]).refuse_named()
    return folder


def run(tiny, root):
    experiment = tiny.experiment("metrics=[WorstError]", config=CONSTANT)
    return train(experiment, work_dir=root / "work", results=root / "board" / "local")


def worst(record):
    return max(abs(p.prediction - p.label) for p in record.predictions)


def test_it_stands_in_the_record_and_is_verified(tiny, plugins, tmp_path, capsys):
    outcome = run(tiny, tmp_path)
    measure = outcome.record.measures["WorstError"]
    assert measure.value == pytest.approx(worst(outcome.record))
    assert (measure.unit, measure.direction) == ("points", "lower")
    assert measure.code.startswith("WorstError ")
    plain = tiny.experiment(config=CONSTANT)
    assert outcome.record.config_hash == plain.hash()
    board = str(tmp_path / "board")
    assert command(["verify", "--root", board]) == 0
    assert "not recomputed" not in capsys.readouterr().out
    assert command(["build", "--root", board, "--track", "demo"]) == 0
    (path,) = (tmp_path / "board" / "local" / "tables").glob("demo-drawn-faces-*.csv")
    tables = path.read_text()
    assert "WorstError" in tables


def test_where_its_plugin_is_not_loaded_verify_says_so(tiny, plugins, tmp_path, capsys):
    run(tiny, tmp_path)
    METRICS.module_dict.pop("WorstError")
    board = str(tmp_path / "board")
    assert command(["verify", "--root", board]) == 0
    assert "measure 'WorstError'" in capsys.readouterr().out


def test_under_licence_it_stays_in_the_private_file(tiny, plugins, tmp_path, monkeypatch):
    monkeypatch.setattr(PreparedCorpus, "licensed", True)
    outcome = run(tiny, tmp_path)
    assert outcome.record.measures == {}
    assert "WorstError" not in outcome.path.read_text()
    assert read_record(outcome.path).further["WorstError"].value > 0


def test_a_metric_that_nobody_registered_is_told_before_anything_long(tiny, tmp_path):
    with pytest.raises(UnknownTypeError, match="WorstError"):
        run(tiny, tmp_path)
