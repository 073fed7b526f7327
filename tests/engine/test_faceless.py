"""Each planted shortcut is seen by the control that reads no face, and by no other."""

import numpy as np
import pytest

from adabench.config.controls import faceless_of
from adabench.config.experiment import Experiment
from adabench.data.nuisance import NUMBERS, face_sizes, nuisance_numbers
from adabench.engine.controls import run_controls
from adabench.engine.rundata import open_data
from adabench.evaluation.controls import CONSTANT, NUISANCE, PERSONS
from adabench.leaderboard.controls import contradictions
from adabench.records.results import read_records

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


@pytest.fixture(scope="module")
def fired(tmp_path_factory):
    """Shortcut → control → the splits on which it beats the constant, and the flags of its row."""
    made = {}

    def run(shortcut, **synthface):
        key = (shortcut, *sorted(synthface.items()))
        if key not in made:
            root = tmp_path_factory.mktemp(str(shortcut))
            run_controls(experiment(root / "data", shortcut, **synthface), root / "results")
            records = read_records(root / "results" / "demo-freeform")[0]
            rows = {record.method: [record] for record in records}
            splits = {
                name: {split for split, one in rows[name][0].against_constant.items() if one.fires}
                for name in (NUISANCE, PERSONS)
            }
            made[key] = splits, contradictions(rows)
        return made[key]

    return run
