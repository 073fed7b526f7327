"""Each example of docs/plugging-in.md is loaded from a folder outside the repository and trained.

So are the adapters and extractors of the repository that stand in the same places.
"""

import re
import shlex
from pathlib import Path

import pytest
from tiny_runs import CONFIGS, tiny_options

from adabench.config.reading.load import load_config
from adabench.data.tracks import TRACKS
from adabench.engine.run import train
from adabench.plugins import load_plugins
from adabench.registry import CORPORA, HOOKS, METRICS, MODELS, SIGNALS, STAGES, TRANSFORMS
from adabench.synthface import SynthfaceParameters, generate
from adabench.testing import check_plugin, check_reader

PAGE = Path(__file__).parents[2] / "docs" / "plugging-in.md"
#: A method that takes parts of any kind, and one epoch of it.
PLAIN = [
    "method.backbone._delete_=True", "method.backbone.type=TimmFrames",
    "method.backbone.name=resnet18", "method.backbone.scales=0", "method.backbone.frozen=True",
    "method.backbone.weights=stage:trunk",
    "method.backbone.options.channels=[8,8,16,16]", "method.backbone.options.stem_width=8",
    "stages.trunk.trunk.options.channels=[8,8,16,16]", "stages.trunk.trunk.options.stem_width=8",
    "stages.trunk.training.epochs=1", "stages.trunk.training.validate_every=1",
    "method.aggregator._delete_=True", "method.aggregator.type=Identity",
    "method.selector._delete_=True", "method.selector.type=KeepAll",
    "method.head.type=UnitRegressor",
    "semantics=None", "training.epochs=1",
]  # fmt: skip


def sections():
    """Return heading → (file, code, options) of each section, which has one example."""
    found = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        (code,) = re.findall(r"```python\n# (my_\w+/\w+\.py)\n(.*?)```", section, re.DOTALL)
        shown = section.rpartition("```")[2]
        found[section.splitlines()[0]] = (*code, shlex.split(shown))
    return found


EXAMPLES = sections()
SHORT = [
    option
    for view in ("train", "select", "test")
    for option in (
        f"views.{view}._delete_=True", f"views.{view}.type=SegmentView", f"views.{view}.length=4",
        f"views.{view}.segments=2",
    )
]  # fmt: skip
PIPELINE = [
    "method._delete_=True", "method.name=SVR", "method.type=EstimatorMethod",
    "method.estimator=[{'type': 'StandardScaler'}, {'type': 'SVR', 'C': 10.0}]",
]  # fmt: skip
OURS = {
    "MMActionBackbone": [
        "method.backbone._delete_=True", "method.backbone.type=MMActionBackbone",
        "method.backbone.name=ResNet3d", "method.backbone.size=32",
        "method.backbone.options.depth=18", "method.backbone.options.base_channels=4", *SHORT,
    ],
    "TorchvisionVideo": [
        "method.backbone._delete_=True", "method.backbone.type=TorchvisionVideo",
        "method.backbone.name=mc3_18", "method.backbone.size=16", "method.backbone.frozen=True",
        "views.variants=1", *SHORT,
    ],
    "FrameStatistics": [*PIPELINE, "method.extractor.type=FrameStatistics"],
    "BackboneFeatures": [
        *PIPELINE, "method.extractor.type=BackboneFeatures",
        *(option.replace("method.backbone", "method.extractor.backbone") for option in PLAIN[1:8]),
    ],
}  # fmt: skip
OPTIONS = {name: options for name, (_, _, options) in EXAMPLES.items()} | OURS
#: Video networks, which take long, and which other tests train too.
LARGE = ("MMActionBackbone", "TorchvisionVideo")
RUN = [
    pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [])
    for name in OPTIONS
    if name != "Corpus and track"
]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """The page's examples, loaded for this module."""
    registries = (MODELS, TRANSFORMS, STAGES, SIGNALS, HOOKS, METRICS, CORPORA)
    before = [dict(each.module_dict) for each in registries]
    folder = tmp_path_factory.mktemp("mine")
    for file, code, _ in EXAMPLES.values():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(code)
    load_plugins([folder / "my_plugins"]).refuse_named()
    yield folder
    for each, held in zip(registries, before, strict=True):
        each.module_dict.clear()
        each.module_dict.update(held)
    TRACKS.pop("clinic", None)


def experiment_of(tiny, options, **chosen):
    """The tiny run's config as the plain method, whose parts are replaced as options say."""
    changed = (option.partition("=")[0] for option in options)
    gone = tuple(key.removesuffix("_delete_") for key in changed if key.endswith("._delete_"))
    plain = [*tiny_options(tiny.root / "data"), *PLAIN]
    kept = [option for option in plain if not (gone and option.startswith(gone))]
    config = CONFIGS / "depmap_r18_avec14.py"
    return load_config(config, demo=True, overrides=[*kept, *options], **chosen)


@pytest.mark.parametrize("example", RUN)
def test_it_is_trained_and_recorded(example, plugins, tiny, tmp_path, capsys):
    options = OPTIONS[example]
    chosen = {}
    if options[0] == "--protocol":
        chosen, options = {"protocol": plugins / options[1]}, []
    experiment = experiment_of(tiny, options, **chosen)
    outcome = train(experiment, work_dir=tmp_path / "work", results=tmp_path / "results")
    record = outcome.record
    assert len(record.predictions) == (8 if not chosen else record.counts.sessions)
    assert record.contract.outcome == "held", record.contract.reasons
    assert bool(record.code) == (example in EXAMPLES and example not in ("Metric", "Protocol"))
    if example == "Metric":
        assert record.measures["WorstError"].value > 0
    if example == "Protocol":
        assert record.protocol.startswith("person-disjoint 50/25/25, seed 3")
    if example == "Hook":
        assert "the slowest step took" in capsys.readouterr().out
    if example == "Stage":
        assert [stage.name for stage in record.stages] == ["trunk", "face"]


@pytest.mark.parametrize("role", ["Backbone", "Aggregator", "Selector", "Head"])
def test_the_contract_s_list_passes(role, plugins):
    kind = EXAMPLES[role][2][-1].partition("=")[2]
    check_plugin({role.lower(): {"type": kind}})


def test_the_corpus_is_read(plugins, tmp_path):
    parameters = SynthfaceParameters(
        seed=3, sessions=4, every_level=True, fps=15, seconds=(1.0, 1.0)
    )
    raw = generate(parameters, tmp_path / "raw", progress=False)
    names = {"Training": "train", "Development": "dev", "Testing": "test"}
    for video in sorted(raw.glob("*/Freeform/*.mp4")):
        split = tmp_path / "clinic" / names[video.parts[-3]]
        split.mkdir(parents=True, exist_ok=True)
        video.rename(
            split / f"{'s'.join(video.stem.split('_')[:2])}_{len(list(split.iterdir()))}.mp4"
        )
    check_reader("clinic", tmp_path / "clinic")
    assert TRACKS["clinic"].reader == "clinic"
