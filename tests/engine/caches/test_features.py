"""Caches of what frozen parts compute."""

import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from clip_records import clip_record
from torch.utils.data import DataLoader

from adabench.batching import collate
from adabench.data.dataset import ClipDataset
from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.data.store import JpegPack
from adabench.data.views import StridedView
from adabench.engine.caches import features
from adabench.engine.caches.features import FeatureCache
from adabench.models import TimmFrames
from adabench.structures import Inputs

SIZE = 32
FRAMES = (7, 5, 9)
CHANNELS = (8, 8, 16, 16)
# float16 keeps 11 bits
TOLERANCE = {"rtol": 2.0**-10, "atol": 1e-6}


def make_corpus(root, score=7):
    random = np.random.default_rng(0)
    records = []
    for number, count in enumerate(FRAMES):
        frames = random.integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)
        JpegPack.write(root / "faces" / f"{number}_1_Freeform.jpegs", frames)
        source = f"{number:064x}"
        records.append(clip_record(f"{number}_1", frames=count, score=score, source_sha256=source))
    description = CorpusDescription("synthface", "avec2014", False, {"size": SIZE}, None)
    write_description(root, description, records)
    return PreparedCorpus.open(root)


def trunk(seed=0, **options):
    torch.manual_seed(seed)
    settings = {"name": "resnet18", "scales": 2, "frozen": True, "options": {"channels": CHANNELS}}
    return TimmFrames(**{**settings, **options})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def part():
    return trunk()


@pytest.fixture
def cache(part, corpus, tmp_path):
    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    cache.fill(corpus, corpus.clips, "caching")
    return cache


def direct(part, corpus, clip, index):
    frames = torch.from_numpy(corpus.frames(clip, index)).permute(0, 3, 1, 2).float() / 255
    inputs = Inputs(
        valid=torch.ones(1, len(index), dtype=torch.bool),
        index=torch.from_numpy(index)[None],
        frames=frames[None],
    )
    with torch.no_grad():
        return part.eval()(inputs)


def same_features(cached, computed):
    assert len(cached.maps) == len(computed.maps)
    torch.testing.assert_close(cached.vector, computed.vector, **TOLERANCE)
    for mine, other in zip(cached.maps, computed.maps, strict=True):
        torch.testing.assert_close(mine, other, **TOLERANCE)
    assert torch.equal(cached.span, computed.span)
    assert torch.equal(cached.valid, computed.valid)


def test_the_cache_gives_what_the_part_would(cache, part, corpus):
    for clip in corpus.clips:
        index = np.array([3, 0, 4, 4, 1])
        cached = cache.read(clip.clip, index).map(lambda tensor: tensor[None])
        computed = direct(part, corpus, clip.clip, index)
        same_features(cached, computed)
        assert cached.vector.shape == (1, 5, 16)
        assert [m.shape[2] for m in cached.maps] == [16, 16]


def test_long_clips_are_computed_in_pieces(part, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_BATCH", 4)
    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    cache.fill(corpus, corpus.clips, "caching")
    index = np.arange(9)
    cached = cache.read("2_1_Freeform", index).map(lambda tensor: tensor[None])
    same_features(cached, direct(part, corpus, "2_1_Freeform", index))
    assert cached.vector.shape[1] == 9


def test_augmented_versions_are_kept_beside_the_plain_one(part, corpus, tmp_path):
    options = {"augment": {"type": "ClipAugment", "flip": 1.0}, "variants": 3}
    cache = FeatureCache(part, corpus, tmp_path, "cpu", **options)
    cache.fill(corpus, corpus.clips, "caching")
    cache.fill_variants(corpus, corpus.clips[:1], "caching versions")
    index = np.arange(3)
    clip = corpus.clips[0].clip
    plain, mirrored = cache.read(clip, index), cache.read(clip, index, 2)
    frames = torch.from_numpy(corpus.frames(clip, index)).permute(0, 3, 1, 2)
    inputs = Inputs(
        valid=torch.ones(1, 3, dtype=torch.bool),
        index=torch.arange(3)[None],
        frames=(frames.float() / 255).flip(-1)[None],
    )
    torch.testing.assert_close(mirrored.vector[None], part(inputs).vector, **TOLERANCE)
    assert not torch.allclose(mirrored.vector, plain.vector)
    unaltered = FeatureCache(part, corpus, tmp_path, "cpu")
    assert unaltered.variants == 1
    assert torch.equal(unaltered.read(clip, index).vector, plain.vector)


def test_several_augmentations_are_kept_together(part, corpus, tmp_path):
    flip = {"type": "ClipAugment", "flip": 1.0}
    cache = FeatureCache(part, corpus, tmp_path, "cpu", augment=[flip, flip], variants=2)
    cache.fill(corpus, corpus.clips[:1], "caching")
    cache.fill_variants(corpus, corpus.clips[:1], "caching versions")
    index, clip = np.arange(3), corpus.clips[0].clip
    # A mirror image of a mirror image.
    torch.testing.assert_close(cache.read(clip, index, 1).vector, cache.read(clip, index).vector)
    assert cache.read(clip, index, 1).vector.shape[0] == 3


def test_a_part_without_maps(corpus, tmp_path):
    part = trunk(scales=0)
    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    cache.fill(corpus, corpus.clips, "caching")
    index = np.arange(5)
    cached = cache.read("0_1_Freeform", index)
    assert cached.maps == ()
    vectors = direct(part, corpus, "0_1_Freeform", index).vector[0]
    torch.testing.assert_close(cached.vector, vectors, **TOLERANCE)


def test_vectors_of_a_whole_clip(cache, corpus):
    vectors = cache.vectors("1_1_Freeform", np.arange(5))
    assert torch.equal(vectors, cache.read("1_1_Freeform", np.arange(5)).vector)


def test_a_dataset_reads_from_it_what_the_part_makes_of_its_frames(cache, part, corpus):
    both = [
        ClipDataset(
            corpus, corpus.clips, StridedView(frames=3), training=True, labels=True, **reads
        )
        for reads in ({"features": cache, "frames": False}, {})
    ]
    cached, plain = (collate([data[i] for i in range(len(data))]) for data in both)
    assert cached["ids"] == plain["ids"]
    assert torch.equal(cached["inputs"].index, plain["inputs"].index)
    inputs = plain["inputs"]
    inputs.frames = inputs.frames.float() / 255
    with torch.no_grad():
        computed = part(inputs)
        from_cache = part(cached["inputs"])
    kept = inputs.valid
    torch.testing.assert_close(from_cache.vector[kept], computed.vector[kept], **TOLERANCE)
    torch.testing.assert_close(from_cache.maps[0][kept], computed.maps[0][kept], **TOLERANCE)
    assert torch.equal(from_cache.valid, computed.valid)


def test_it_goes_to_workers(cache, corpus):
    data = ClipDataset(
        corpus,
        corpus.clips,
        StridedView(frames=3),
        training=True,
        labels=True,
        features=cache,
        frames=False,
    )
    alone = [data[i].features for i in range(3)]
    copy = pickle.loads(pickle.dumps(cache))
    assert copy.part is None
    assert len(pickle.dumps(cache)) < 5000
    assert torch.equal(
        copy.read("0_1_Freeform", np.arange(3)).vector, cache.vectors("0_1_Freeform", np.arange(3))
    )
    loader = DataLoader(data, batch_size=1, num_workers=2, collate_fn=lambda samples: samples[0])
    for mine, sample in zip(alone, loader, strict=True):
        assert torch.equal(mine.vector, sample.features.vector)


def folder(part, corpus, root):
    return FeatureCache(part, corpus, root, "cpu").arrays.folder.name


def test_the_key_depends_on_weights_part_and_corpus(corpus, tmp_path):
    class OtherCode(TimmFrames):
        version = 2

    changed_buffer = trunk()
    changed_buffer.net.bn1.running_mean[0] += 1e-3
    names = [
        folder(trunk(), corpus, tmp_path),
        folder(trunk(seed=1), corpus, tmp_path),
        folder(changed_buffer, corpus, tmp_path),
        folder(trunk(normalise=False), corpus, tmp_path),
        folder(trunk(scales=1), corpus, tmp_path),
        folder(trunk(scales=0), corpus, tmp_path),
        folder(trunk(options={"channels": CHANNELS, "act_layer": "gelu"}), corpus, tmp_path),
        folder(trunk(), make_corpus(tmp_path / "other", score=8), tmp_path),
    ]
    torch.manual_seed(0)
    newer = OtherCode(name="resnet18", scales=2, frozen=True, options={"channels": CHANNELS})
    names.append(folder(newer, corpus, tmp_path))
    assert len(set(names)) == len(names)


def test_the_key_depends_on_nothing_else(corpus, tmp_path):
    first = folder(trunk(), corpus, tmp_path)
    np.random.seed(3)  # noqa: NPY002 - the global generator has no say
    changed = trunk()
    changed.train()
    torch.manual_seed(5)
    assert folder(changed, corpus, tmp_path) == first
    moved = make_corpus(tmp_path / "a copy elsewhere")
    assert folder(trunk(), moved, tmp_path) == first


def test_a_filling_that_was_cut_goes_on(part, corpus, tmp_path, monkeypatch):
    compute, done = FeatureCache._compute, []

    def cut(self, corpus, clip):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(clip.clip)
        return compute(self, corpus, clip)

    monkeypatch.setattr(FeatureCache, "_compute", cut)
    with pytest.raises(KeyboardInterrupt):
        FeatureCache(part, corpus, tmp_path, "cpu").fill(corpus, corpus.clips, "caching")
    done.clear()
    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    cache.fill(corpus, corpus.clips, "caching")
    assert done == ["2_1_Freeform"]
    cache.fill(corpus, corpus.clips, "caching")
    assert done == ["2_1_Freeform"]
    assert cache.vectors("2_1_Freeform", np.arange(9)).shape == (9, 16)


def test_two_that_fill_at_once_compute_each_clip_once(part, corpus, tmp_path, monkeypatch):
    compute, done = FeatureCache._compute, []

    def slow(self, corpus, clip):
        done.append(clip.clip)
        time.sleep(0.02)
        return compute(self, corpus, clip)

    monkeypatch.setattr(FeatureCache, "_compute", slow)
    caches = [FeatureCache(part, corpus, tmp_path, "cpu") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda cache: cache.fill(corpus, corpus.clips, "caching"), caches))
    assert sorted(done) == sorted(clip.clip for clip in corpus.clips)
    assert caches[0].seconds == caches[1].seconds > 0


def test_a_clip_that_was_cut_while_written_is_computed_again(part, corpus, tmp_path, monkeypatch):
    save = np.save

    def cut(stream, values):
        stream.write(b"half")
        raise KeyboardInterrupt

    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    monkeypatch.setattr(np, "save", cut)
    with pytest.raises(KeyboardInterrupt):
        cache.fill(corpus, corpus.clips, "caching")
    monkeypatch.setattr(np, "save", save)
    assert {p.name for p in cache.arrays.folder.iterdir()} == {
        ".lock",
        "digests.txt",
        "shapes.json",
    }
    cache.fill(corpus, corpus.clips, "caching")
    assert cache.vectors("0_1_Freeform", np.arange(7)).shape == (7, 16)


def test_a_full_disk_names_the_file_and_the_remedy(part, corpus, tmp_path, monkeypatch):
    def full(stream, values):
        raise OSError(28, "No space left on device")

    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="the disk is full") as error:
        cache.fill(corpus, corpus.clips, "caching")
    assert "0_1_Freeform.npy" in str(error.value)


def folder_of(part, corpus, root):
    cache = FeatureCache(part, corpus, root, "cpu")
    cache.fill(corpus, corpus.clips, "caching")
    return cache.arrays.folder


def change(path, content):
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"[[8], [0, 1, 1]]", b'[["x"]]', b"null", b"[[8], [8, 9, 9]]"]
)
@pytest.mark.parametrize("noted", [True, False])
def test_damaged_shapes_are_made_again_with_a_line(part, corpus, tmp_path, content, noted, caplog):
    folder = folder_of(part, corpus, tmp_path)
    before = (folder / "shapes.json").read_bytes()
    if not noted:
        (folder / "digests.txt").unlink()
        if content == b"[[8], [8, 9, 9]]":
            pytest.skip("nothing tells that it was changed")
    change(folder / "shapes.json", content)
    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    assert (folder / "shapes.json").read_bytes() == before
    assert f"{folder / 'shapes.json'}: " in caplog.text
    assert cache.shapes == FeatureCache(part, corpus, tmp_path, "cpu").shapes


def test_a_flipped_byte_is_computed_again(part, corpus, tmp_path, caplog):
    folder = folder_of(part, corpus, tmp_path)
    path = folder / f"{corpus.clips[1].clip}.npy"
    before = path.read_bytes()
    change(path, before[:-1] + bytes([before[-1] ^ 1]))
    folder_of(part, corpus, tmp_path)
    assert path.read_bytes() == before
    assert f"{path}: other content than was written: it is made again" in caplog.messages


def test_a_full_cache_is_read_where_nothing_can_be_written(part, corpus, tmp_path, monkeypatch):
    folder_of(part, corpus, tmp_path)

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("adabench.data.locks.fcntl.flock", refuse)
    monkeypatch.setattr("adabench.data.files._make_temporary", refuse)
    cache = FeatureCache(part, corpus, tmp_path, "cpu")
    cache.fill(corpus, corpus.clips, "caching")
    assert cache.seconds > 0
    assert cache.read(corpus.clips[0].clip, np.arange(3)).vector.shape[0] == 3
