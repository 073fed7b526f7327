"""Every config and every suite row in the repository, real and demo: whole, and true to the contract."""

from pathlib import Path

import pytest

from adabench.bench.suites import load_suites
from adabench.config.digest import digest
from adabench.config.reading.load import load_config
from adabench.engine.building import preflight, without_weights
from adabench.engine.estimating import check_estimator_run
from adabench.models.assessor import build_part
from adabench.plugins import load_plugins
from adabench.registry import SEMANTICS, STAGES, TRANSFORMS
from adabench.testing import SIGNAL_NAMES, check_plugin, example_batch

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "configs", ROOT / "configs" / "baselines")
CONFIGS = [path for folder in FOLDERS for path in sorted(folder.glob("*.py"))]
#: Configs that differ from another in their track alone, and whose networks take long to build.
OF_A_TRACK = ("expada_avec13", "expada_avec14_freeform", "expada_avec14_northwind")
CASES = [
    pytest.param(
        *(path, demo),
        id=f"{path.stem}{'-demo' if demo else ''}",
        marks=[pytest.mark.slow] if path.stem in OF_A_TRACK and not demo else [],
    )
    for path in CONFIGS
    for demo in (False, True)
]
#: Channels that make a network small; a bottleneck gives four times as many.
CHANNELS = {"resnet18": (8, 8, 16, 16), "resnet34": (8, 8, 16, 16), "resnet50": (4, 4, 8, 8)}
#: Sizes that change no wiring.
SMALL = {
    "VAT": {"map_size": 2, "width": 32, "heads": 4},
    "MSR": {"width": 16},
    "MTE": {"dim": 16, "hidden": 16},
    "DFS": {"hidden": 16},
    "OrdinalRegressor": {"hidden": 16},
}
SEGMENT = 4
#: Configs whose network has one size.
LARGE = ("video_avec14",)


def experiments():
    """Yield (name, experiment) of every config, its stages that are methods, and every suite row."""
    for demo in (False, True):
        for path in CONFIGS:
            experiment = load_config(path, demo=demo)
            yield path.stem, experiment
            for name, stage in experiment.stages.items():
                if stage["type"] == "MethodTraining":
                    yield f"{path.stem}:{name}", load_config(path, demo=demo, stage=name)
        for suite in load_suites(None, ROOT / "configs" / "suites")[0]:
            for row in suite.rows:
                given = suite.config_of(row, suite.tracks_of(row)[0])
                yield given["name"], load_config(**given, demo=demo)


def distinct_methods():
    """Return a test case a method as it is when small, named after the first that has it.

    A suite's rows differ from its base by a part or an option, whose own tests hold it, and so do the
    demos; all of them take minutes, and so does a video network, which can't be made small.
    """
    found = {}
    for name, experiment in experiments():
        method = {k: v for k, v in experiment.method.items() if k != "name"}
        if method.get("type") != "EstimatorMethod":
            small = shrunk(without_weights(method))
            suffix = "-demo" if experiment.is_demo else ""
            is_slow = experiment.is_demo or "/" in name or name in LARGE
            slow = [pytest.mark.slow] if is_slow else []
            found.setdefault(digest(small), pytest.param(small, id=name + suffix, marks=slow))
    return list(found.values())


def shrunk(value):
    """Return a method's config with few channels: its parts, their wiring and options as they are."""
    if not isinstance(value, dict):
        return value
    small = {key: shrunk(item) for key, item in value.items()}
    small.update(SMALL.get(value.get("type"), {}))
    if value.get("type") == "TimmFrames":
        small["options"] = {"channels": CHANNELS[value["name"]], "stem_width": 8}
    return small


@pytest.fixture(autouse=True, scope="module")
def _plugins():
    load_plugins()


@pytest.mark.parametrize(("path", "demo"), CASES)
def test_config_is_whole(path, demo):
    experiment = load_config(path, demo=demo)
    assert experiment.track_.is_demo == demo
    for stage in experiment.stages.values():
        STAGES.build(dict(stage)).check(experiment)
    if experiment.semantics is not None:
        assert SEMANTICS.type_of(experiment.semantics)
    assert experiment.views is not None
    for view in (experiment.views.train, experiment.views.test):
        assert TRANSFORMS.build(dict(view)).all(100)
    preflight(experiment)
    if experiment.method.get("type") == "EstimatorMethod":
        check_estimator_run(experiment)
    lines = path.read_text().count("\n")
    assert lines <= 30, f"{path.name} has {lines} lines; a config states what differs from its base"


@pytest.mark.parametrize("method", distinct_methods())
def test_method_keeps_the_contract(method):
    backbone = build_part("backbone", method["backbone"], "the inputs", signals=SIGNAL_NAMES)
    # Enough segments for every temporal scale of the sweeps, and a clip with fewer than those.
    segments = {"segment": SEGMENT, "lengths": [SEGMENT * n for n in (6, 1, 3)]}
    given = segments if backbone.per_segment else {}
    inputs, truth = example_batch(reads=backbone.reads, **given)
    check_plugin(method, inputs=inputs, truth=truth)
