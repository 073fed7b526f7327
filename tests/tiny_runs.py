"""One tiny trained Dep-MAP and ExpADA, shared by a session's tests and by xdist's workers."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adabench.config.experiment import Experiment
from adabench.config.reading.load import load_config
from adabench.data.protocol import Parts
from adabench.engine.building import preflight
from adabench.engine.controls import run_controls
from adabench.engine.data.rundata import RunData, open_data
from adabench.engine.files import checkpoints
from adabench.engine.run import Outcome, train
from adabench.engine.stages.stage import StageContext
from adabench.engine.workbench import Workbench, set_up
from adabench.plugins import load_plugins
from adabench.testing.tiny import tiny_options

CONFIGS = Path(__file__).parents[1] / "configs"


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

    def experiment(
        self, *overrides: str, config: str = "depmap_r18_avec14.py", **options: Any
    ) -> Experiment:
        """The run's experiment, or one that differs from it; on the same corpus whatever its seed."""
        options.setdefault("draw", 0)
        small = tiny_options(
            self.root / "data",
            encoder=config.startswith("expada"),
            select=not config.endswith("_compat.py"),
        )
        return load_config(CONFIGS / config, demo=True, overrides=[*small, *overrides], **options)

    def bench(self, *overrides: str) -> Workbench:
        """A workbench with the trained weights, where they fit."""
        bench = bench_of(self.experiment(*overrides))
        if not overrides:
            checkpoints.load_model(bench.assessor, self.work_dir / checkpoints.BEST)
        bench.assessor.eval()
        return bench


def bench_of(experiment: Experiment) -> Workbench:
    """Check a run, open its data and set it up."""
    preflight(experiment)
    return set_up(experiment, open_data(experiment))


def parts_of(experiment: Experiment):
    """Return the corpus and the parts that a run sees, with the labels of the test clips."""
    data = open_data(experiment)
    return data.corpus, unsealed(data.parts)


def unsealed(parts: Parts) -> Parts:
    """The same parts with test clips that bear their scores."""
    labels = parts.open_labels(dict.fromkeys((clip.session for clip in parts.test), 0.0))
    test = tuple(replace(clip, score=int(labels[clip.session])) for clip in parts.test)
    return replace(parts, test=test)


def context_of(experiment: Experiment, corpus=None, earlier=None, *, divided=None, fit=None):
    """What a stage is given; a corpus may be a stand-in."""
    data = RunData(corpus, divided, divided)
    return StageContext(experiment, data, earlier or {}, fit)


def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session's runs; a second xdist worker waits and finds them finished."""
    load_plugins()
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):
        shared = shared.parent
    root = shared / "tiny-run"
    root.mkdir(exist_ok=True)
    return root


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Train once."""
    run = TinyRun(_root(tmp_path_factory), outcome=None)
    with _alone(run.root / "lock"):
        run.outcome = train(
            run.experiment(), work_dir=run.work_dir, results=run.results, resume=True
        )
        run_controls(run.experiment(), run.results)
    return run


@pytest.fixture(scope="session")
def tiny_encoder(tiny: TinyRun) -> Outcome:
    """Train ExpADA on the tiny run's Freeform clips once: a method on top of a trained encoder."""
    with _alone(tiny.root / "lock-encoder"):
        return train(
            tiny.experiment(config="expada_avec14_freeform.py"),
            work_dir=tiny.root / "work-encoder",
            results=tiny.root / "results-encoder",
            resume=True,
        )
