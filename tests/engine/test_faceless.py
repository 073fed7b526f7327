"""Each planted shortcut is seen by the control that reads no face, and by no other."""

import numpy as np
import pytest

from adabench.config.controls import faceless_of
from adabench.config.experiment import Experiment
from adabench.engine.controls import run_controls
from adabench.engine.data.rundata import open_data
from adabench.engine.kinds import Place
from adabench.engine.run import measure
from adabench.evaluation.controls import CONSTANT, NUISANCE, PERSONS
from adabench.leaderboard.statistics.controls import contradictions
from adabench.records.files.results import read_records

SIZE = {"preset": "tiny", "every_level": False, "world": "none", "fps": 5, "seconds": [1.0, 1.6]}


def experiment(folder, shortcut, **synthface) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "any",
            "method": {"name": CONSTANT, "type": "EstimatorMethod"},
            "track": "demo-freeform",
            "data": {
                "root": str(folder),
                "size": 32,
                "synthface": {**SIZE, "seed": 11, "shortcut": shortcut, **synthface},
            },
            "is_demo": True,
        }
    )


class Fired:
    """Runs the controls of a corpus once: on which splits each beats the constant, and the flags."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.made = {}

    def data(self, shortcut):
        return self.folder / str(shortcut) / "data"

    def __call__(self, shortcut, **synthface):
        if shortcut not in self.made:
            run, work = experiment(self.data(shortcut), shortcut, **synthface), self.folder / "work"
            data = open_data(run)
            rows = {
                control.method["name"]: [measure(control, Place(work, work / "results"), data)[0]]
                for control in faceless_of(run)
            }
            splits = {
                name: {split for split, one in rows[name][0].against_constant.items() if one.fires}
                for name in (NUISANCE, PERSONS)
            }
            self.made[shortcut] = splits, contradictions(rows)
        return self.made[shortcut]


@pytest.fixture(scope="module")
def fired(tmp_path_factory):
    return Fired(tmp_path_factory.mktemp("shortcuts"))


@pytest.mark.parametrize(
    ("shortcut", "control", "where"),
    [
        ("light", NUISANCE, {"dev"}),
        pytest.param("background", NUISANCE, {"dev"}, marks=pytest.mark.slow),
        pytest.param("length", NUISANCE, {"dev", "test"}, marks=pytest.mark.slow),
        ("person", PERSONS, {"dev"}),
    ],
)
def test_each_planted_shortcut_is_seen_by_its_control(fired, shortcut, control, where):
    splits, flags = fired(shortcut, sessions=24)
    assert where <= splits[control]
    assert "a shortcut tells" in flags[control]
    other = PERSONS if control == NUISANCE else NUISANCE
    assert not splits[other]
    assert other not in flags


def test_without_a_shortcut_no_control_fires(fired):
    splits, flags = fired(None, sessions=8)
    assert splits == {NUISANCE: set(), PERSONS: set()}
    assert not {NUISANCE, PERSONS} & flags.keys()


def test_who_knows_persons_gains_nothing_where_persons_are_apart(fired, tmp_path):
    fired("person", sessions=24)
    run = experiment(fired.data("person"), "person", sessions=24)
    apart = {"kind": "person-disjoint", "shares": [0.6, 0.2, 0.2]}
    run_controls(type(run).model_validate({**run.model_dump(), "protocol": apart}), tmp_path)
    records = {r.method: r for r in read_records(tmp_path / "demo-freeform")[0]}
    held = records[PERSONS].against_constant
    assert held.keys() == {"dev", "test"}
    assert all(one.rmse == one.constant and not one.fires for one in held.values())
    predicted = [
        np.unique([entry.prediction for entry in records[name].predictions])
        for name in (CONSTANT, PERSONS)
    ]
    np.testing.assert_allclose(*predicted)
