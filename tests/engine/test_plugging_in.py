"""Each example of docs/plugging-in.md is loaded from a folder outside the repository and trained."""

import re
import shlex
from pathlib import Path

import pytest

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
    """Return heading → (file, code, options) of each section with an example."""
    found = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        (code,) = re.findall(r"```python\n# my_plugins/(\w+\.py)\n(.*?)```", section, re.DOTALL)
        shown = section.rpartition("```")[2]
        found[section.splitlines()[0]] = (*code, shlex.split(shown))
    return found


EXAMPLES = sections()
RUN = [name for name in EXAMPLES if name != "Corpus and track"]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """The page's examples, loaded for this module."""
    registries = (MODELS, TRANSFORMS, STAGES, SIGNALS, HOOKS, METRICS, CORPORA)
    before = [dict(each.module_dict) for each in registries]
    folder = tmp_path_factory.mktemp("my_plugins")
    for file, code, _ in EXAMPLES.values():
        (folder / file).write_text(code)
    load_plugins([folder]).refuse_named()
    yield folder
    for each, held in zip(registries, before, strict=True):
        each.module_dict.clear()
        each.module_dict.update(held)
    TRACKS.pop("clinic", None)


def own(options):
    """Replace the options of a part that stands in the plain method already."""
    changed = {option.partition("=")[0] for option in options}
    parts = {".".join(key.split(".")[:2]) for key in changed if key.endswith("._delete_")}
    return [o for o in PLAIN if not o.startswith(tuple(f"{part}." for part in parts))] + options


@pytest.mark.parametrize("example", RUN)
def test_it_is_trained_and_recorded(example, plugins, tiny, tmp_path, capsys):
    options = own(EXAMPLES[example][2])
    experiment = tiny.experiment(*options)
    outcome = train(experiment, work_dir=tmp_path / "work", results=tmp_path / "results")
    record = outcome.record
    assert len(record.predictions) == 8
    assert record.contract.outcome == "held", record.contract.reasons
    if example == "Metric":
        assert record.measures["WorstError"].value > 0
    else:
        assert record.code
    if example == "Hook":
        assert "the slowest step took" in capsys.readouterr().out
    if example == "Stage":
        assert [stage.name for stage in record.stages] == ["trunk", "face"]


@pytest.mark.parametrize("role", ["Backbone", "Aggregator", "Selector", "Head"])
def test_the_contract_s_list_passes(role, plugins):
    kind = EXAMPLES[role][2][-1].partition("=")[2]
    check_plugin({role.lower(): {"type": kind}})


def test_the_corpus_is_read(plugins, tmp_path):
    parameters = SynthfaceParameters(seed=3, sessions=4, seconds=(1.0, 1.0))
    raw = generate(parameters, tmp_path / "raw", progress=False)
    names = {"Training": "train", "Development": "dev", "Testing": "test"}
    for video in sorted(raw.glob("*/Freeform/*.mp4")):
        split = tmp_path / "clinic" / names[video.parts[-3]]
        split.mkdir(parents=True, exist_ok=True)
        video.rename(split / f"{video.stem[:5].replace('_', 's')}_{len(list(split.iterdir()))}.mp4")
    check_reader("clinic", tmp_path / "clinic")
    assert TRACKS["clinic"].reader == "clinic"
