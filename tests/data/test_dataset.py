"""Clips of a prepared corpus as samples."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from adabench.data.augment import ClipAugment
from adabench.data.dataset import ClipDataset
from adabench.data.manifest import ClipRecord
from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.data.store import JpegPack
from adabench.data.views import SegmentView, StridedView, WindowView
from adabench.structures import Features, Semantics

SIZE = 16
FRAMES = (9, 12, 5, 20, 11, 8)


def record(number, frames):
    return ClipRecord(
        clip=f"{number}_1_Freeform",
        subject=str(number),
        session=f"{number}_1",
        task="Freeform",
        split="train",
        score=7 * number,
        fps=15.0,
        frames=frames,
        face_rate=1.0,
        source=f"{number}.mp4",
        source_sha256=f"{number:064x}",
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    records = [record(number, frames) for number, frames in enumerate(FRAMES)]
    for row in records:
        frames = random.integers(0, 256, (row.frames, SIZE, SIZE, 3)).astype(np.uint8)
        JpegPack.write(root / "faces" / f"{row.clip}.jpegs", frames)
    description = CorpusDescription("synthface", "avec2014", False, {"size": SIZE}, None)
    write_description(root, description, records)
    return PreparedCorpus.open(root)


def dataset(corpus, view=None, **options):
    settings = {"training": True, "labels": True, **options}
    return ClipDataset(corpus, corpus.clips, view or StridedView(frames=4), **settings)


def same(first, second):
    return (
        first.id == second.id
        and first.score == second.score
        and torch.equal(first.index, second.index)
        and torch.equal(first.frames, second.frames)
    )


def test_a_training_sample(corpus):
    sample = dataset(corpus)[3]
    assert (sample.id.clip, sample.id.session, sample.id.subject) == ("3_1_Freeform", "3_1", "3")
    assert (sample.id.phase, sample.id.phases) == (0, 1)
    assert sample.score == 21
    assert sample.frames.shape == (4, 3, SIZE, SIZE)
    assert sample.frames.dtype == torch.uint8
    expected = corpus.frames("3_1_Freeform", sample.index.numpy())
    assert np.array_equal(sample.frames.permute(0, 2, 3, 1).numpy(), expected)


def test_a_sample_carries_its_level_and_nothing_of_the_person(corpus):
    clips = [replace(clip, traits=(("sex", "female"),)) for clip in corpus.clips]
    data = ClipDataset(corpus, clips, StridedView(frames=4), training=False, labels=True)
    samples = [data[item] for item in range(len(data))]
    assert [s.level for s in samples] == [int(corpus.scale.level(s.score)) for s in samples]
    assert "female" not in repr(samples)
    bare = ClipDataset(corpus, clips, StridedView(frames=4), training=False, labels=False)
    assert bare[0].level is None


def test_a_test_set_gives_every_view_of_every_clip_and_no_label(corpus):
    data = dataset(corpus, training=False, labels=False)
    samples = [data[i] for i in range(len(data))]
    assert all(sample.score is None for sample in samples)
    for clip in corpus.clips:
        views = [s for s in samples if s.id.clip == clip.clip]
        assert [s.id.phase for s in views] == list(range(views[0].id.phases))
        assert len(views) == views[0].id.phases
        seen = torch.cat([s.index for s in views])
        assert sorted(seen.tolist()) == list(range(clip.frames))


def test_what_is_drawn_does_not_depend_on_order(corpus):
    augment = ClipAugment(brightness=0.3)
    forwards = dataset(corpus, seed=5, augment=augment)
    backwards = dataset(corpus, seed=5, augment=augment)
    first = [forwards[i] for i in range(len(forwards))]
    second = [backwards[i] for i in reversed(range(len(backwards)))][::-1]
    assert all(itertools.starmap(same, zip(first, second, strict=True)))


def test_workers_draw_the_same(corpus):
    data = dataset(corpus, seed=5, augment=ClipAugment(brightness=0.3))
    data.epoch = 3
    data[0]  # an open store has to survive the way into a worker
    runs = []
    for workers in (0, 2):
        torch.manual_seed(workers)
        loader = DataLoader(data, batch_size=2, num_workers=workers, collate_fn=list)
        runs.append([sample for batch in loader for sample in batch])
    assert len(runs[0]) == len(FRAMES)
    assert all(itertools.starmap(same, zip(*runs, strict=True)))


@pytest.mark.parametrize("view", [StridedView(frames=2), WindowView(frames=3)])
def test_another_epoch_or_seed_draws_other_views(corpus, view):
    def drawn(seed, epoch):
        data = dataset(corpus, view, seed=seed)
        data.epoch = epoch
        return [tuple(data[i].index.tolist()) for i in range(len(data))]

    assert drawn(0, 0) == drawn(0, 0)
    assert drawn(0, 0) != drawn(0, 1)
    assert drawn(0, 0) != drawn(1, 0)
    assert len({tuple(drawn(0, epoch)) for epoch in range(6)}) == 6


def test_clips_of_one_length_draw_apart(corpus):
    data = ClipDataset(
        corpus, [corpus.clips[3]] * 12, WindowView(frames=2), training=True, labels=True
    )
    assert len({int(data[i].index[0]) for i in range(12)}) > 1


def test_a_test_set_is_never_augmented(corpus):
    options = {"training": False, "labels": False}
    plain = dataset(corpus, **options)
    changed = dataset(corpus, augment=ClipAugment(flip=1.0, brightness=1.0), **options)
    assert torch.equal(plain[0].frames, changed[0].frames)


def test_the_epoch_does_not_change_a_test_set(corpus):
    first, later = (dataset(corpus, training=False, labels=False) for _ in range(2))
    later.epoch = 7
    assert all(same(first[i], later[i]) for i in range(len(first)))


def test_augmentation_is_the_same_for_a_whole_clip(corpus):
    plain = dataset(corpus, WindowView(frames=5))
    changed = dataset(corpus, WindowView(frames=5), augment=ClipAugment(flip=0.5, brightness=0.3))
    flips = set()
    for i in range(len(plain)):
        before, after = plain[i].frames.float(), changed[i].frames.float()
        mirrored = float((after - before.flip(-1)).abs().mean()) < float(
            (after - before).abs().mean()
        )
        before = before.flip(-1) if mirrored else before
        flips.add(mirrored)
        inner = (before > 40) & (before < 190)
        factors = [
            float((a[m] / b[m]).mean()) for a, b, m in zip(after, before, inner, strict=True)
        ]
        assert max(factors) - min(factors) < 0.01
    assert flips == {True, False}


class Recorded:
    """A cache that says what was asked for."""

    def __init__(self, kind):
        self.kind = kind
        self.asked = []
        self.versions = []

    variants = 1

    def read(self, clip, index, variant=0):
        assert 0 <= variant < self.variants
        self.asked.append((clip, index.tolist()))
        self.versions.append(variant)
        rows = torch.from_numpy(index).float()[:, None]
        if self.kind is Semantics:
            return Semantics(text=rows, image=rows)
        return Features(
            vector=rows,
            valid=torch.ones(len(index), dtype=torch.bool),
            span=torch.from_numpy(np.stack([index, index + 1], -1)),
        )


def test_caches_are_read_at_the_views_frames(corpus):
    features, semantics = Recorded(Features), Recorded(Semantics)
    data = dataset(corpus, frames=False, features=features, semantics=semantics)
    sample = data[1]
    assert sample.frames is None
    assert features.asked == semantics.asked == [("1_1_Freeform", sample.index.tolist())]
    assert torch.equal(sample.features.vector[:, 0], sample.index.float())
    assert torch.equal(sample.semantics.text[:, 0], sample.index.float())


def test_without_caches_a_sample_has_none(corpus):
    sample = dataset(corpus)[0]
    assert sample.features is None
    assert sample.semantics is None


def test_training_draws_among_the_caches_versions_and_a_test_takes_the_plain_one(corpus):
    features = Recorded(Features)
    features.variants = 4
    data = dataset(corpus, frames=False, features=features, training=True)
    for epoch in range(8):
        data.epoch = epoch
        data[0]
    assert len(set(features.versions)) > 1
    tested = Recorded(Features)
    tested.variants = 4
    dataset(corpus, frames=False, features=tested, training=False)[0]
    assert tested.versions == [0]


def test_augmenting_cached_features_is_refused(corpus):
    with pytest.raises(ValueError, match="a feature cache holds the augmented versions"):
        dataset(corpus, frames=False, augment=ClipAugment())


def test_segments_are_marked(corpus):
    sample = dataset(corpus, SegmentView(length=4))[3]
    assert sample.segment_length == 4
    assert len(sample.index) % 4 == 0
    assert dataset(corpus)[0].segment_length == 0


@pytest.mark.parametrize("training", [True, False])
def test_segments_in_seconds_are_those_of_a_clips_rate(corpus, training):
    view = SegmentView(seconds=4 / 15, overlap=2 / 15)
    plain = SegmentView(length=4, overlap=2)
    told, expected = (dataset(corpus, each, training=training) for each in (view, plain))
    assert len(told) == len(expected)
    for mine, other in zip(told, expected, strict=True):
        assert same(mine, other)
        assert mine.segment_length == 4


@pytest.mark.parametrize("training", [True, False])
def test_a_clip_that_the_view_refuses_is_named_at_once(corpus, training):
    with pytest.raises(ValueError, match="clip 2_1_Freeform has 5 frames"):
        dataset(corpus, SegmentView(length=6, short="refuse"), training=training)


def covering(corpus, epoch=0, **options):
    view = SegmentView(length=4, segments=1, place="even", cover=1)
    data = dataset(corpus, view, epochs=3, frames=False, **options)
    data.epoch = epoch
    return data


def test_an_epoch_visits_long_clips_more_often(corpus):
    data = covering(corpus)
    # Of 3, 3, 2, 5, 3 and 2 segments in three epochs.
    assert [clip.clip[0] for clip in data.item_clips] == list("0123345")
    ids = [data[item].id for item in range(len(data))]
    assert [(one.phase, one.phases) for one in ids[3:5]] == [(0, 2), (1, 2)]
    assert [data.first_view(number) for number in range(6)] == [0, 1, 2, 3, 5, 6]
    assert len(covering(corpus, training=False)) == sum((3, 3, 2, 5, 3, 2))


def test_every_frame_is_seen_over_the_epochs_whatever_was_read_before(corpus):
    seen = {clip.clip: set() for clip in corpus.clips}
    for epoch in range(3):
        data = covering(corpus, epoch)
        for item in range(len(data)):
            seen[data[item].id.clip] |= set(data[item].index.tolist())
    assert {clip.clip: len(seen[clip.clip]) for clip in corpus.clips} == {
        clip.clip: clip.frames for clip in corpus.clips
    }


def test_visits_of_one_epoch_are_changed_each_their_own_way(corpus):
    view = SegmentView(length=20, segments=1, cover=6)
    augment = ClipAugment(flip=0.0, brightness=0.5, contrast=0.0, saturation=0.0)
    data = dataset(corpus, view, epochs=3, augment=augment)
    first, second = data[0], data[1]
    assert torch.equal(first.index, second.index)
    assert not torch.equal(first.frames, second.frames)
    # The first visit is what an epoch's only one would be.
    once = dataset(corpus, SegmentView(length=20, segments=1), augment=augment)
    assert torch.equal(first.frames, once[0].frames)
