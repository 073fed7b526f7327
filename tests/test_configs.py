"""Every config in the repository, real and demo: builds, one batch forward and backward, contract."""

from pathlib import Path

import pytest

from adabench.engine.config import load_config
from adabench.engine.workbench import without_weights
from adabench.models.estimator import EstimatorMethod
from adabench.plugins import load_plugins
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS
from adabench.testing import check_plugin

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.py"))
CASES = [
    pytest.param(path, demo, id=f"{path.stem}{'-demo' if demo else ''}")
    for path in CONFIGS
    for demo in (False, True)
]


@pytest.fixture(autouse=True, scope="module")
def _plugins():
    load_plugins()


@pytest.mark.parametrize(("path", "demo"), CASES)
def test_config_is_whole(path, demo):
    experiment = load_config(path, demo=demo)
    assert experiment.track_.is_demo == demo
    for stage in experiment.stages.values():
        STAGES.build(dict(stage))
    if experiment.semantics is not None:
        assert SEMANTICS.type_of(experiment.semantics)
    assert experiment.views is not None
    for view in (experiment.views.train, experiment.views.test):
        assert TRANSFORMS.build(dict(view)).all(100)
    lines = path.read_text().count("\n")
    assert lines <= 30, f"{path.name} has {lines} lines; a config states what differs from its base"


@pytest.mark.parametrize(("path", "demo"), CASES)
def test_method_keeps_the_contract(path, demo):
    experiment = load_config(path, demo=demo)
    if experiment.method.get("type") == "EstimatorMethod":
        content = {k: v for k, v in experiment.method.items() if k != "name"}
        assert isinstance(MODELS.build(content), EstimatorMethod)
        return
    check_plugin(without_weights(experiment.method))
