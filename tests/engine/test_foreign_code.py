"""An edited plugin is another run: to bench, folds, caches, stages and --resume."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from clip_records import clip_record
from plugin_texts import forget, install, write
from tiny_runs import context_of
from torch import nn

from adabench.bench.jobs import plan
from adabench.bench.tasks import Options
from adabench.config.preparations import preparations
from adabench.config.reading.load import load_config
from adabench.engine.caches.features import FeatureCache, _code
from adabench.engine.caches.semantics import SemanticsCache
from adabench.engine.recording.repeat import experiment_of
from adabench.engine.run import train
from adabench.engine.stages.stage import stage_key
from adabench.plugins import load_plugins
from adabench.records.files.results import read_records
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS

PLUGIN = """
import torch
from adabench.data.views import StridedView
from adabench.data.augment import ClipAugment
from adabench.engine.stages.stage import Stage
from adabench.models import Backbone
from adabench.models.semantics.encoders import SemanticEncoder
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS
from adabench.structures import Features, FeatureSpec, Semantics
from .zz_number import NUMBER

TRANSFORMS.register_module("ZzView", module=type("ZzView", (StridedView,), {"__module__": __name__}))
TRANSFORMS.register_module("ZzAugment", module=type("ZzAugment", (ClipAugment,), {"__module__": __name__}))

@MODELS.register_module()
class ZzBackbone(Backbone):
    per_segment = False
    spec = FeatureSpec(vector=1)

    def forward(self, inputs):
        vector = inputs.frames.mean((2, 3, 4))[..., None] * NUMBER
        span = torch.stack([inputs.index, inputs.index + 1], -1)
        return Features(vector=vector, valid=inputs.valid, span=span)

    finish = forward

@STAGES.register_module()
class ZzStage(Stage):
    def depends_on(self, context):
        return "nothing"

    def run(self, folder, context):
        return {}

@SEMANTICS.register_module()
class ZzEncoder(SemanticEncoder):
    needs = "frames"
    text_dim = image_dim = 2
    action_units = False
    short_name = "zz"

    def fingerprint(self):
        return "the same as ever"

    def describe(self, *, action_units):
        return "zz"

    def encode(self, source, signals=None):
        return Semantics(text=torch.zeros(len(source), 2), image=torch.zeros(len(source), 2))
"""
# An estimator, which trains in no time, whose views name a foreign part.
CONFIG = """
track = "avec14-freeform"
method = dict(name="Mean", type="EstimatorMethod")
views = dict(train=dict(type="ZzView", frames=4), test=dict(type="ZzView", frames=4))
demo = dict(data=dict(size=64, synthface=dict(preset="tiny", seed=3107)))
"""


@pytest.fixture
def plugin(tmp_path):
    """Loads a plugin whose helper says a number, as a new process would."""
    load_plugins()
    before = set(sys.modules)

    def load(number):
        forget(before)
        write(tmp_path / "mine" / "zz_plugin.py", PLUGIN)
        write(tmp_path / "mine" / "zz_number.py", f"NUMBER = {number}\n")
        report = load_plugins([tmp_path / "mine"])
        report.refuse_named()
        return [tmp_path / "mine"]

    yield load
    forget(before)


@pytest.fixture
def data(tiny):
    """The folder of the tiny run's corpus, which is the one of this config."""
    return tiny.root / "data"


def run_of(tmp_path, data, **options):
    path = write(tmp_path / "config.py", CONFIG)
    return load_config(path, demo=True, overrides=[f"data.root={data}"], **options)


def corpus_in(folder):
    clip = clip_record("s", clip="a", frames=8)
    (folder / "corpus").mkdir(exist_ok=True)
    return SimpleNamespace(
        checksum="c0ffee",
        root=folder / "corpus",
        name="toy",
        clips=(clip,),
        frames=lambda name, index: np.full((len(index), 4, 4, 3), 255, np.uint8),
    )


def test_caches_and_stages_of_foreign_parts_have_other_keys(plugin, tmp_path):
    corpus = corpus_in(tmp_path)
    trains = {"type": "MethodTraining", "method": {"backbone": {"type": "ZzBackbone"}}}
    trains |= {"views": {"train": {"type": "StridedView"}, "test": {"type": "StridedView"}}}
    trains |= {"training": {"epochs": 1, "batch_size": 1, "optimiser": {"type": "AdamW"}}}
    found = []
    for number in (1, 2, 1):
        folders = plugin(number)
        assert folders
        augment = {"type": "ZzAugment"}
        part = MODELS.build({"type": "ZzBackbone"})
        cache = FeatureCache(part, corpus, tmp_path / "root", "cpu", augment=augment)
        cache.fill(corpus, corpus.clips, "features")
        assert float(cache.read("a", np.arange(8)).vector[0, 0]) == number
        semantics = SemanticsCache(
            SEMANTICS.build({"type": "ZzEncoder"}), corpus, tmp_path / "root", None
        )
        run = run_of(tmp_path, tmp_path)
        context = context_of(run, corpus)
        own = STAGES.build({"type": "ZzStage"})
        other = STAGES.build(dict(trains))
        found.append(
            {
                "features": cache.arrays.folder.name,
                "augmented": cache._name("a", 1),
                "semantics": semantics.arrays.folder.name,
                "stage": stage_key(own, context, {"type": "ZzStage"}),
                "stage with a foreign part": stage_key(other, context, trains),
                "run": run.hash(),
            }
        )
    assert found[0] == found[2]
    assert [name for name, key in found[0].items() if key == found[1][name]] == []


def test_a_foreign_view_alone_changes_the_key_of_segments(plugin):
    own = TRANSFORMS.build({"type": "SegmentView", "length": 4, "overlap": 2})
    found = []
    for number in (1, 2):
        plugin(number)
        module = type(MODELS.build({"type": "ZzBackbone"})).__module__
        foreign = type("ZzSegments", (type(own),), {"__module__": module})
        found.append(_code(nn.Identity(), foreign(length=4, overlap=2)))
        assert _code(nn.Identity(), own) == []
    assert found[0] != found[1]


def test_stages_and_preparations_without_foreign_parts_stay(plugin, tmp_path):
    """A run with a foreign head shares the trunk that a run without one has trained."""
    config = Path("configs/depmap_r18_avec14.py")
    plain = load_config(config, demo=True)
    plugin(1)
    changed = load_config(config, demo=True, overrides=["views.test.type=ZzView"])
    assert changed.code
    assert changed.hash() != plain.hash()
    stage = STAGES.build(dict(plain.stages["trunk"]))
    keys = [
        stage_key(stage, context_of(run, SimpleNamespace(checksum="c")), run.stages["trunk"])
        for run in (plain, changed)
    ]
    assert keys[0] == keys[1]
    assert preparations(plain)[1] == preparations(changed)[1]
    assert preparations(plain)[2] != preparations(changed)[2]


def test_bench_does_not_skip_an_edited_plugin(plugin, tmp_path, data):
    write(tmp_path / "config.py", CONFIG)
    overrides = (f"data.root={data}",)
    folders = tuple(plugin(1))
    options = Options(
        demo=True,
        configs=(tmp_path / "config.py",),
        results=tmp_path / "results",
        overrides=overrides,
        plugins=folders,
    )
    (job, _) = plan([], load_config, options).jobs
    assert not job.done
    assert job.command[job.command.index("--planned") + 1] == job.config_hash
    train(run_of(tmp_path, data), work_dir=tmp_path / "work", results=tmp_path / "results")
    assert plan([], load_config, options).jobs[0].done
    again = plan([], load_config, Options(**{**vars(options), "force": True})).jobs[0]
    assert not again.done
    assert float(again.command[again.command.index("--since") + 1]) == pytest.approx(
        time.time(), abs=60
    )
    plugin(2)
    edited = plan([], load_config, options).jobs[0]
    assert not edited.done
    assert edited.config_hash != job.config_hash
    plugin(1)
    assert plan([], load_config, options).jobs[0].done


def test_folds_do_not_take_an_edited_plugin_s_records(plugin, tmp_path, data):
    plugin(1)
    results = tmp_path / "results"

    def run(work, **options):
        path = write(tmp_path / "config.py", CONFIG)
        given = [f"data.root={data}", "protocol.k=2"]
        experiment = load_config(path, demo=True, overrides=given, protocol="folds")
        train(experiment, work_dir=tmp_path / work, results=results, **options)
        records, problems = read_records(results)
        assert not problems
        return sum("fold" in record.protocol.partition(",")[2] for record in records)

    assert run("one") == 2
    assert run("two") == 2
    plugin(2)
    assert run("three") == 4
    assert run("four", since=time.time()) == 6
    assert run("four", resume=True, since=time.time() - 100) == 6


def test_resume_says_what_differs(plugin, tmp_path, data):
    plugin(1)
    folders = {"work_dir": tmp_path / "work", "results": tmp_path / "results"}
    train(run_of(tmp_path, data), **folders)
    train(run_of(tmp_path, data), **folders, resume=True)
    plugin(2)
    with pytest.raises(
        ValueError, match=r"begun with other settings: code\.ZzView is .* there and .* now"
    ):
        train(run_of(tmp_path, data), **folders, resume=True)


def test_data_that_is_edited_while_a_run_goes_on_is_told(plugin, tmp_path, data):
    plugin(1)
    (tmp_path / "mine" / "zz_table.json").write_text("1")
    forget([name for name in sys.modules if "zz_" not in name and "adabench_user" not in name])
    text = PLUGIN + "TABLE = 'zz_table.json'\n"
    write(tmp_path / "mine" / "zz_plugin.py", text)
    load_plugins([tmp_path / "mine"]).refuse_named()
    run, told = run_of(tmp_path, data), {"results": tmp_path / "results"}
    before = train(run, work_dir=tmp_path / "one", **told).record.notes
    (tmp_path / "mine" / "zz_table.json").write_text("2")
    (tmp_path / "mine" / "zz_number.py").write_text("NUMBER = 2")
    (note, *rest) = train(run, work_dir=tmp_path / "two", **told).record.notes
    assert rest == before
    assert note.startswith("zz_table.json changed while the run went on")


def test_a_record_keeps_its_plugin_and_runs_it_when_told_to(plugin, tmp_path, data):
    plugin(1)
    run = run_of(tmp_path, data)
    first = train(run, work_dir=tmp_path / "work", results=tmp_path / "results")
    assert first.record.clean_tree is False
    forget([name for name in sys.modules if "zz_" not in name and "adabench_user" not in name])
    with pytest.raises(
        ValueError,
        match=r"ZzView came from a plugin that is not loaded.*zz_number\.py.*"
        r"zz_plugin\.py.*--trust-code",
    ):
        experiment_of(first.path)
    _, again = experiment_of(first.path, [f"data.root={data}"], tmp_path / "again")
    assert (again.code, again.hash()) == (run.code, first.record.config_hash)
    second = train(again, work_dir=tmp_path / "again" / "w", results=tmp_path / "again" / "r")
    assert second.record.metrics == first.record.metrics


def test_kept_code_says_which_library_it_ran_with(plugin, tmp_path, data, monkeypatch):
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    plugin(1)
    mine = [name for name in sys.modules if "zz_" not in name and "adabench_user" not in name]
    forget(mine)
    install(site, "1.0", 1)
    write(tmp_path / "mine" / "zz_plugin.py", "import zz_lib\n" + PLUGIN)
    load_plugins([tmp_path / "mine"]).refuse_named()
    run = run_of(tmp_path, data)
    first = train(run, work_dir=tmp_path / "work", results=tmp_path / "results")
    assert first.record.packages["zz-lib"] == "1.0"
    forget(mine)
    install(site, "1.1", 1)
    with pytest.raises(
        ValueError, match=r"ZzView ran with zz-lib 1\.0 \(1\.1 here\): install what"
    ):
        experiment_of(first.path, trusted=tmp_path / "again")
    forget(mine)
    install(site, "1.0", 1)
    _, again = experiment_of(first.path, trusted=tmp_path / "again")
    assert again.hash() == first.record.config_hash
