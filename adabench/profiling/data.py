"""How long training waits for its data."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from adabench.config.experiment import Experiment
from adabench.engine.building import preflight
from adabench.engine.data.rundata import open_data
from adabench.engine.workbench import fit_method, set_up


def profile_data(experiment: Experiment, *, epochs: int = 2) -> dict[str, float]:
    """Train for a few epochs in a temporary folder and return what was measured.

    Args:
        experiment: the run; its corpus, stages and caches are made if missing, as a run would.
        epochs: how many; the first one may read from a cold disk.

    Returns:
        ``share`` of the steps' time spent waiting for the next batch, 0 to 1; ``epochs``.
    """
    preflight(experiment)
    bench = set_up(experiment, open_data(experiment))
    few = bench.training.model_copy(update={"epochs": epochs, "validate_every": epochs})
    bench = replace(bench, experiment=experiment.model_copy(update={"training": few}))
    with tempfile.TemporaryDirectory() as folder:
        done = fit_method(bench, Path(folder))
    return {"share": done.waiting, "epochs": epochs}
