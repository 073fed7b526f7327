"""The feature cache of a frozen part that sees segments, and what filling a cache costs."""

import json
import pickle

import numpy as np
import pytest
import torch
from clip_records import clip_record
from torch import nn

from adabench.batching import collate
from adabench.config.experiment import Experiment
from adabench.data.dataset import ClipDataset
from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.data.store import JpegPack
from adabench.data.views import SegmentView, StridedView
from adabench.engine.building import preflight
from adabench.engine.caches import features
from adabench.engine.caches.features import FeatureCache
from adabench.engine.files import timings
from adabench.models import Backbone, Frozen
from adabench.registry import MODELS
from adabench.structures import Features, FeatureSpec, Inputs

SIZE = 32
# Shorter than a segment, exactly one, whole segments, and a last segment that is moved back.
FRAMES = (2, 4, 8, 11)
TOLERANCE = {"rtol": 2.0**-10, "atol": 1e-6}


class BySegment(Backbone):
    """A vector a segment: a linear map of its frames' colours, so that their order counts."""

    per_segment = True

    def __init__(self, *, dim=3, length=4):
        super().__init__()
        self.mix = nn.Linear(3 * length, dim)
        self.seen = []

    @property
    def spec(self):
        return FeatureSpec(vector=self.mix.out_features)

    def frozen_part(self):
        return self

    def forward(self, inputs):
        if inputs.features is not None:
            return inputs.features
        self.seen.append(inputs.valid.shape[1])
        colours = inputs.frames.mean((-2, -1)).unflatten(1, (-1, inputs.segment_length))
        index = inputs.index.unflatten(1, (-1, inputs.segment_length))
        valid = inputs.valid.unflatten(1, (-1, inputs.segment_length)).any(-1)
        span = torch.stack([index.amin(-1), index.amax(-1) + 1], -1)
        return Features(vector=self.mix(colours.flatten(2)), valid=valid, span=span)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root, random = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    records = []
    for number, count in enumerate(FRAMES):
        # Even faces: JPEG keeps them, and each frame has its own colour.
        colours = random.integers(0, 256, (count, 1, 1, 3)).astype(np.uint8)
        frames = np.broadcast_to(colours, (count, SIZE, SIZE, 3))
        JpegPack.write(root / "faces" / f"{number}.jpegs", np.ascontiguousarray(frames))
        records.append(clip_record(f"{number}_1", clip=f"{number}", frames=count))
    description = CorpusDescription("synthface", "avec2014", False, {"size": SIZE}, None)
    write_description(root, description, records)
    return PreparedCorpus.open(root)


@pytest.fixture
def part():
    return BySegment().requires_grad_(False)


def filled(part, corpus, root, view=None, **options):
    cache = FeatureCache(
        part, corpus, root, "cpu", view=view or SegmentView(length=4, overlap=2), **options
    )
    cache.fill(corpus, corpus.clips, "caching")
    return cache


def direct(part, corpus, clip, index, change=lambda frames: frames):
    frames = torch.from_numpy(corpus.frames(clip, index)).permute(0, 3, 1, 2).float() / 255
    inputs = Inputs(
        valid=torch.ones(1, len(index), dtype=torch.bool),
        index=torch.from_numpy(index)[None],
        frames=change(frames)[None],
        segment_length=4,
    )
    return part(inputs)


def same(cached, computed):
    torch.testing.assert_close(cached.vector[None], computed.vector, **TOLERANCE)
    assert torch.equal(cached.span[None], computed.span)
    assert torch.equal(cached.valid[None], computed.valid)
    assert cached.maps == ()


@pytest.mark.parametrize("overlap", [0, 2, 3])
def test_segments_of_every_clip_are_what_the_part_makes_of_their_frames(
    part, corpus, tmp_path, overlap
):
    view = SegmentView(length=4, overlap=overlap)
    cache = filled(part, corpus, tmp_path, view)
    for clip in corpus.clips:
        (index,) = view.all(clip.frames)
        same(cache.read(clip.clip, index), direct(part, corpus, clip.clip, index))
        stored = np.load(cache.arrays.folder / f"{clip.clip}.npy")
        assert stored.shape == (len(view.starts(clip.frames)), 3)


def test_spans_end_with_the_clip(part, corpus, tmp_path):
    cache = filled(part, corpus, tmp_path, SegmentView(length=4))
    spans = {
        clip.clip: cache.read(clip.clip, cache.segments.all(clip.frames)[0]).span.tolist()
        for clip in corpus.clips
    }
    assert spans == {
        "0": [[0, 2]],
        "1": [[0, 4]],
        "2": [[0, 4], [4, 8]],
        "3": [[0, 4], [4, 8], [7, 11]],
    }


def test_some_segments_in_any_order(part, corpus, tmp_path):
    cache = filled(part, corpus, tmp_path)
    index = cache.segments.expand([7, 2, 2], 11)
    same(cache.read("3", index), direct(part, corpus, "3", index))


def test_a_training_view_reads_a_run_of_them(part, corpus, tmp_path):
    cache = filled(part, corpus, tmp_path)
    view = SegmentView(length=4, overlap=2, segments=2)
    options = {"training": True, "labels": True}
    cached = ClipDataset(corpus, corpus.clips, view, features=cache, frames=False, **options)
    plain = ClipDataset(corpus, corpus.clips, view, **options)
    for epoch in range(6):
        cached.epoch = plain.epoch = epoch
        mine, other = (
            collate([d[i] for i in range(len(FRAMES))])["inputs"] for d in (cached, plain)
        )
        assert mine.segment_length == 4
        other.frames = other.frames.float() / 255
        computed = part(other)
        kept = computed.valid
        assert torch.equal(mine.features.valid, kept)
        found, wanted = mine.features.vector[kept], computed.vector[kept]
        torch.testing.assert_close(found, wanted, **TOLERANCE)


def test_many_segments_are_computed_in_portions(part, corpus, tmp_path, monkeypatch):
    whole = filled(part, corpus, tmp_path / "whole").read("3", np.arange(4))
    monkeypatch.setattr(features, "_BATCH", 8)
    part.seen.clear()
    cache = filled(part, corpus, tmp_path / "portions")
    # The first gives the shapes; then two segments at a time, of 1, 1, 3 and 5.
    assert part.seen == [4, 4, 4, 8, 4, 8, 8, 4]
    same(whole, direct(part, corpus, "3", np.arange(4)))
    (index,) = cache.segments.all(11)
    same(cache.read("3", index), direct(part, corpus, "3", index))


def test_augmented_versions_of_segments(part, corpus, tmp_path):
    augment = {"type": "ClipAugment", "brightness": 0.5}
    cache = filled(part, corpus, tmp_path, augment=augment, variants=3)
    cache.fill_variants(corpus, corpus.clips, "caching versions")
    (index,) = cache.segments.all(11)
    plain, changed, other = (cache.read("3", index, variant) for variant in range(3))
    assert not torch.allclose(plain.vector, changed.vector, atol=1e-3)
    assert not torch.allclose(other.vector, changed.vector, atol=1e-3)
    assert torch.equal(plain.span, changed.span)


@pytest.mark.parametrize("overlap", [1, 3])
def test_other_segments_than_those_kept_are_refused(part, corpus, tmp_path, overlap):
    cache = filled(part, corpus, tmp_path, SegmentView(length=4, overlap=2))
    (index,) = SegmentView(length=4, overlap=overlap).all(11)
    with pytest.raises(
        ValueError, match=r"clip 3: the cache holds other segments .* same length and overlap"
    ):
        cache.read("3", index)


def test_a_workers_copy_reads(part, corpus, tmp_path):
    cache = filled(part, corpus, tmp_path)
    copy = pickle.loads(pickle.dumps(cache))
    (index,) = cache.segments.all(11)
    assert copy.part is None
    assert torch.equal(copy.read("3", index).vector, cache.read("3", index).vector)


@pytest.mark.parametrize("view", [StridedView(frames=8), None])
def test_a_view_without_segments_is_refused(part, corpus, tmp_path, view):
    with pytest.raises(ValueError, match=r"BySegment sees segments, and views\.test gives none"):
        FeatureCache(part, corpus, tmp_path, "cpu", view=view)


def method(**views):
    view = {"type": "SegmentView", "length": 4, "overlap": 2}
    backbone = {"type": "Frozen", "backbone": {"type": "BySegment"}}
    return Experiment(
        name="mine",
        method={
            "name": "Mine",
            "backbone": backbone,
            "aggregator": {"type": "Identity"},
            "selector": {"type": "KeepAll"},
            "head": {"type": "UnitRegressor"},
        },
        track="demo",
        views={"train": view, "test": view, **views},
    )


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ({"train": {"type": "SegmentView", "length": 8, "overlap": 2}}, r"views\.train cuts clips"),
        (
            {"train": {"type": "SegmentView", "length": 4}},
            r"views\.train .* same length and overlap",
        ),
        ({"select": {"type": "SegmentView", "length": 2, "overlap": 1}}, r"views\.select cuts"),
        ({"train": {"type": "StridedView", "frames": 4}}, r"views\.train cuts"),
        ({"test": {"type": "StridedView", "frames": 4}}, r"Frozen sees segments, and views\.test"),
    ],
)
def test_views_that_do_not_fit_the_cache_are_told_before_anything_long(monkeypatch, views, said):
    monkeypatch.setitem(MODELS.module_dict, "BySegment", BySegment)
    with pytest.raises(ValueError, match=said):
        preflight(method(**views))
    # Without a cache each view may cut clips as it likes.
    preflight(method(**views).model_copy(update={"cache": False}))


def test_views_of_the_same_segments_fit(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "BySegment", BySegment)
    same_ones = {"type": "SegmentView", "length": 4, "overlap": 2, "segments": 3, "phases": 1}
    preflight(method(train=same_ones, select=same_ones))
    assert SegmentView(length=4, overlap=2).has_segments_of(
        SegmentView(length=4, overlap=2, segments=3, phases=1)
    )


def folder(corpus, root, part=None, **view):
    torch.manual_seed(0)
    view = SegmentView(**{"length": 4, "overlap": 2, **view})
    return FeatureCache(part or BySegment(), corpus, root, "cpu", view=view).arrays.folder.name


@pytest.mark.parametrize(
    "options",
    [
        {"length": 4, "stride": 2},
        {"length": 4, "short": "wrap"},
        {"seconds": 4 / 15, "overlap": 2 / 15},
        {"length": 4, "seconds": 8 / 15},
    ],
)
def test_segments_of_any_view_are_kept_as_the_part_makes_them(part, corpus, tmp_path, options):
    view = SegmentView(**options)
    cache = filled(part, corpus, tmp_path, view)
    for clip in corpus.clips:
        (index,) = view.at(clip.fps).all(clip.frames)
        same(cache.read(clip.clip, index), direct(part, corpus, clip.clip, index))


def test_length_and_overlap_are_in_the_key_and_how_many_segments_a_view_takes_is_not(
    corpus, tmp_path
):
    first = folder(corpus, tmp_path)
    assert folder(corpus, tmp_path, overlap=1) != first
    longer = folder(corpus, tmp_path, part=BySegment(length=8), length=8)
    torch.manual_seed(0)
    assert longer != folder(corpus, tmp_path, part=BySegment(length=8), length=8, overlap=4)
    assert folder(corpus, tmp_path, segments=2, phases=1, place="even", short="refuse") == first
    for change in ({"stride": 2}, {"short": "wrap"}, {"seconds": 1.0, "overlap": 0.5}):
        assert folder(corpus, tmp_path, **change) != first


def test_a_newer_part_inside_a_frozen_one_is_another_key(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "BySegment", BySegment)

    def key():
        torch.manual_seed(0)
        return folder(corpus, tmp_path, part=Frozen(backbone={"type": "BySegment"}))

    first = key()
    assert key() == first
    monkeypatch.setattr(BySegment, "version", 2)
    assert key() != first


@pytest.fixture
def clock(monkeypatch):
    """A clock of which every look takes a quarter of a second."""
    now = [0.0]

    def look():
        now[0] += 0.25
        return now[0]

    monkeypatch.setattr(timings.time, "perf_counter", look)


def test_who_finds_a_cache_learns_what_it_cost(part, corpus, tmp_path, clock):
    cache = filled(part, corpus, tmp_path, augment={"type": "ClipAugment"}, variants=2)
    assert cache.seconds == 4 * 0.25
    cache.fill_variants(corpus, corpus.clips[:2], "caching versions")
    assert cache.seconds == 6 * 0.25
    book = json.loads((cache.arrays.folder / "seconds.json").read_text())
    assert len(book) == 6
    found = filled(part, corpus, tmp_path, augment={"type": "ClipAugment"}, variants=2)
    assert found.seconds == 4 * 0.25
    # Only what was asked for counts.
    some = FeatureCache(part, corpus, tmp_path, "cpu", view=SegmentView(length=4, overlap=2))
    some.fill(corpus, corpus.clips[:1], "caching")
    assert some.seconds == 0.25
