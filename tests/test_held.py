"""Hashes and keys by which results are found again: those of every config and suite row are held.

A change that moves one makes every earlier record, stage and cache of it unfindable. Where that is
wanted, ``python tests/test_held.py`` writes ``held.json`` anew, and the changelog says why.
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from clip_records import clip_record
from tiny_runs import context_of

from adabench.bench.suites import load_suites
from adabench.config.digest import digest
from adabench.config.preparations import preparations
from adabench.config.reading.load import load_config
from adabench.config.references import in_order
from adabench.engine.caches.features import FeatureCache
from adabench.engine.caches.semantics import SemanticsCache
from adabench.engine.stages.stage import StageResult, stage_key
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.pages.publish import publish
from adabench.models import Backbone
from adabench.models.semantics.encoders import SemanticEncoder
from adabench.plugins import load_plugins
from adabench.registry import MODELS, SEMANTICS, STAGES, TRANSFORMS
from adabench.structures import Features, FeatureSpec, Semantics

ROOT = Path(__file__).parents[1]
HELD = Path(__file__).with_name("held.json")
PROTOCOLS = ("folds", "person-disjoint", "train-dev", "cross-corpus")


def experiments():
    """Yield (name, experiment) of every config and suite row on each of its tracks, real and demo."""
    folders = (ROOT / "configs", ROOT / "configs" / "baselines")
    configs = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    suites, _ = load_suites(None, ROOT / "configs" / "suites")
    for demo in (False, True):
        ending = " demo" if demo else ""
        for path in configs:
            yield f"{path.stem}{ending}", load_config(path, demo=demo)
            for name in PROTOCOLS:
                section = ROOT / f"configs/_base_/protocols/{name.replace('-', '_')}.py"
                yield f"{path.stem} {name}{ending}", load_config(path, demo=demo, protocol=section)
        for suite in suites:
            for row in suite.rows:
                for track in suite.tracks_of(row):
                    given = suite.config_of(row, track)
                    yield f"{given['name']} {track}{ending}", load_config(**given, demo=demo)


def stage_keys(experiment):
    """Return stage → key on a corpus of a fixed checksum."""
    if experiment.protocol.build().title != "official":
        return {}  # the key depends on who is in the corpus
    done = {}
    for name in in_order(experiment.stages):
        stage = STAGES.build(dict(experiment.stages[name]))
        corpus = SimpleNamespace(checksum="c0ffee")
        key = stage_key(stage, context_of(experiment, corpus, dict(done)))
        done[name] = StageResult(name, Path(), key)
    return {name: result.key for name, result in done.items()}


def keys_of(experiment):
    """Return one hash for each thing of a run that is found again."""
    found = {"hash": experiment.hash()}
    planned = [list(one) for one in preparations(experiment)]
    if planned:
        found["preparations"] = digest(planned)
    members = [member.hash() for member in experiment.members()]
    if members:
        found["members"] = digest(members)
    stages = stage_keys(experiment)
    return {**found, **({"stages": digest(stages)} if stages else {})}


class Half(Backbone):
    """Halves a frame's mean: a frozen part without weights."""

    version = 3
    per_segment = False

    @property
    def spec(self):
        return FeatureSpec(vector=1)

    def forward(self, inputs):
        vector = inputs.frames.mean((2, 3, 4))[..., None] / 2
        span = torch.stack([inputs.index, inputs.index + 1], -1)
        return Features(vector=vector, valid=inputs.valid, span=span)

    finish = forward


class Segments(Half):
    """The same of segments."""

    per_segment = True


class Fixed(SemanticEncoder):
    """Says one thing of every frame."""

    needs = "frames"
    text_dim = image_dim = 2
    action_units = False
    short_name = "fixed"

    def fingerprint(self):
        return "a fixed encoder, 1"

    def describe(self, *, action_units):
        return "fixed"

    def encode(self, source, signals=None):
        return Semantics(text=torch.zeros(len(source), 2), image=torch.zeros(len(source), 2))

    def prompts(self, source, signals=None):
        return ["nothing"] * len(source)


def caches(folder):
    """Return the folders of caches of toy parts, whose content nothing of a machine decides."""
    clip = clip_record("s", clip="a", frames=8)
    corpus = SimpleNamespace(
        checksum="c0ffee",
        root=folder / "corpus",
        name="toy",
        clips=(clip,),
        frames=lambda name, index: np.zeros((len(index), 4, 4, 3), np.uint8),
    )
    (folder / "corpus").mkdir()
    plain = FeatureCache(Half(), corpus, folder, "cpu", augment={"type": "ClipAugment"})
    view = TRANSFORMS.build({"type": "SegmentView", "length": 4, "overlap": 2})
    cut = FeatureCache(Segments(), corpus, folder, "cpu", view=view, source=plain)
    semantics = SemanticsCache(Fixed(), corpus, folder, None)
    return {
        "cache of frames": plain.arrays.folder.name,
        "cache of segments": cut.arrays.folder.name,
        "augmented version": plain._name("a", 2),
        "cache of semantic vectors": semantics.arrays.folder.name,
    }


def registered():
    """Return what the repository registers, by registry; tests register more under their own names."""
    ours = ("adabench.", "adabench_plugins.")
    return {
        each.name: sorted(k for k, v in each.module_dict.items() if v.__module__.startswith(ours))
        for each in (MODELS, TRANSFORMS, STAGES, SEMANTICS)
    }


def pages(folder):
    """Return digests of what the committed records make: the page, the tables, and the verdict.

    They change with the records; where only they change, a page does not show what it showed.
    """
    records = sorted((ROOT / "leaderboard" / "measured").rglob("*.json"))
    told = digest([path.read_text() for path in records])
    root = folder / "leaderboard"
    for part in ("measured", "reported"):
        shutil.copytree(ROOT / "leaderboard" / part, root / part)
    publish(root)
    made = [root / "index.html", *(root / "local" / "tables").iterdir()]
    text = {p.name: digest(p.read_text()) for p in made if p.suffix in (".html", ".md", ".csv")}
    return {"records": told, "verify": list(verify(root).lines()), **text}


def today(folder):
    """Return everything that is held."""
    load_plugins()
    for each in (MODELS, TRANSFORMS, STAGES, SEMANTICS):
        each.import_from_location()
    return {
        "runs": {name: keys_of(experiment) for name, experiment in experiments()},
        "caches": caches(folder),
        "registered": registered(),
        "pages": pages(folder),
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return today(tmp_path_factory.mktemp("held"))


@pytest.mark.parametrize("what", ["runs", "caches", "registered", "pages"])
def test_it_is_what_it_was(found, what):
    held = json.loads(HELD.read_text())[what]
    moved = {key: (value, found[what].get(key)) for key, value in held.items()}
    assert {key: pair for key, pair in moved.items() if pair[0] != pair[1]} == {}
    assert set(found[what]) == set(held), "what is new is held too: python tests/test_held.py"


def _write():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        HELD.write_text(json.dumps(today(Path(folder)), indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    _write()
