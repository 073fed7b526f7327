"""A run of a scikit-learn estimator over an extractor's rows, from config to record and back."""

import pytest
from tiny_runs import CONFIGS, TinyRun, tiny_options

from adabench.config.experiment import load_config
from adabench.engine.run import train


def svr(tiny: TinyRun, *overrides, **options):
    return load_config(
        CONFIGS / "baselines" / "svr_trunk_avec14.py",
        demo=True,
        overrides=[*tiny_options(tiny.root / "data"), "method.search.folds=3", *overrides],
        **options,
    )


@pytest.fixture(scope="module")
def done(tiny, tmp_path_factory):
    root = tmp_path_factory.mktemp("svr")
    run = svr(tiny)
    return run, train(run, work_dir=root / "work", results=root / "results")


def test_it_runs(done):
    run, outcome = done
    print(outcome.record.model_dump_json(indent=1))
