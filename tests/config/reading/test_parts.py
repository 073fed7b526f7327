"""Mistyped parts and arguments are told by place, before anything is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from adabench.bench.suites import load_suites
from adabench.config.reading.load import load_config
from adabench.config.reading.origin import Origin
from adabench.config.reading.parts import Known, check_parts
from adabench.plugins.signatures import signatures_in_source

CONFIGS = Path(__file__).parents[3] / "configs"
DEPMAP, EXPADA = CONFIGS / "depmap_r18_avec14.py", CONFIGS / "expada_avec14.py"


@pytest.mark.parametrize("demo", [False, True])
def test_every_config_and_row_passes(demo):
    known = Known(signatures_in_source())
    suites, _ = load_suites(None, CONFIGS / "suites")
    given = [{"path": path} for path in sorted(CONFIGS.glob("*.py"))]
    given += [
        suite.config_of(row, suite.tracks_of(row)[0]) for suite in suites for row in suite.rows
    ]
    for each in given:
        check_parts(load_config(**each, demo=demo), known)
    assert len(given) > 20


@pytest.mark.parametrize(
    ("config", "option", "told"),
    [
        (
            DEPMAP,
            "method.selector.type=PrototypMAP",
            r"method.selector.type: .*mean 'PrototypeMAP'",
        ),
        (DEPMAP, "method.backbone.trunk.type=TimFrames", r"trunk.type: .*mean 'TimmFrames'"),
        (DEPMAP, "method.agregator=1", r"method.agregator: Assessor takes no 'agregator'. Did you"),
        (
            DEPMAP,
            "method.selector.keeep=1",
            r"method.selector.keeep: PrototypeMAP takes no 'keeep'",
        ),
        (DEPMAP, "method.backbone.trunk.scale=2", r"trunk.scale: TimmFrames takes .*mean 'scales'"),
        (DEPMAP, "views.train.frame=8", r"views.train.frame: StridedView takes .*mean 'frames'"),
        (DEPMAP, "views.test.type=StrideView", r"views.test.type: .*mean 'StridedView'"),
        (DEPMAP, "semantics.tags=x", r"semantics.tags: OpenClipSemantics takes .*mean 'tag'"),
        (
            DEPMAP,
            "views.augment=[{'type': 'ClipAugment', 'flap': 1}]",
            r"augment\[0\].flap: .*'flip'",
        ),
        (DEPMAP, "metrics=[WithinPoint]", r"metrics\[0\].type: .*mean 'WithinPoints'"),
        (EXPADA, "stages.encoder.type=MethodTrain", r"stages.encoder.type: .*'MethodTraining'"),
        (EXPADA, "stages.encoder.seed=-1", r"encoder.seed: expected .*least 0 or 'run' or 'draw'"),
        (EXPADA, "stages.encoder.seed=runs", r"encoder.seed: expected .* got 'runs'"),
        (EXPADA, "stages.encoder.method.head.hiden=8", r"head.hiden: OrdinalRegressor .*'hidden'"),
        (
            EXPADA,
            "method.selector.type=KeepAll",
            r"expada_avec14.py: .*percent: KeepAll takes no .*takes: nothing. .*_base_/expada.py sets it "
            r"for the DFS that stood there. .*: "
            r"--cfg-options method.selector._delete_=True method.selector.type=KeepAll$",
        ),
    ],
)
def test_a_mistake_is_told_by_its_place(config, option, told):
    experiment = load_config(config, overrides=[option])
    with pytest.raises(ValueError, match=told):
        check_parts(experiment, Known(signatures_in_source(), origin=Origin(config)))


def test_a_librarys_own_parts_are_left_alone():
    options = ["method.estimator.type=Ridge", "method.estimator.alpha=2.0"]
    experiment = load_config(CONFIGS / "constant_avec14.py", overrides=options)
    check_parts(experiment, Known(signatures_in_source()))


@pytest.mark.parametrize(
    "option", ["trainig.epochs=1", "method.selector.keeep=1", "method.selector.type=PrototypMAP"]
)
def test_the_tool_tells_it_before_torch_is_imported(option):
    code = (
        "import sys; from adabench.cli.train import command\n"
        f"sys.argv = ['train.py', {str(DEPMAP)!r}, '--demo', '--cfg-options', {option!r}]\n"
        "try: command()\n"
        "except ValueError as error: print(error)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert option.split("=")[0].split(".")[0] in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
