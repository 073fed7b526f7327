"""One tiny trained Dep-MAP, shared by the tests of a whole session and by xdist's workers."""

import fcntl
from dataclasses import dataclass
from pathlib import Path

import pytest

from adabench.engine import checkpoints
from adabench.engine.config import Experiment, load_config
from adabench.engine.experiment import Outcome, train
from adabench.engine.workbench import Workbench, set_up
from adabench.plugins import load_plugins
from adabench.testing.tiny import tiny_options

CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass
class TinyRun:
    """A finished run and its folders."""

    root: Path
    outcome: Outcome

    @property
    def work_dir(self) -> Path:
        return self.root / "work"

    @property
    def results(self) -> Path:
        return self.root / "results"

    def experiment(self, *overrides: str, config: str = "depmap_r18_avec14.py") -> Experiment:
        """The run's experiment, or one that differs from it."""
        options = [*tiny_options(self.root / "data"), *overrides]
        return load_config(CONFIGS / config, demo=True, overrides=options)

    def bench(self, *overrides: str) -> Workbench:
        """A workbench with the trained weights, where they fit."""
        bench = set_up(self.experiment(*overrides))
        if not overrides:
            checkpoints.load_model(bench.assessor, self.work_dir / checkpoints.BEST)
        bench.assessor.eval()
        return bench


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Train once; a second xdist worker waits and finds the finished run."""
    load_plugins()
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):
        shared = shared.parent
    root = shared / "tiny-run"
    root.mkdir(exist_ok=True)
    run = TinyRun(root, outcome=None)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run.outcome = train(
            run.experiment(), work_dir=run.work_dir, results=run.results, resume=True
        )
    return run
