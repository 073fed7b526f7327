"""Semantic vectors of a corpus and the sentences behind them: places, keys, text, progress."""

import os
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch

from adabench.config.digest import digest
from adabench.engine.caches import semantics as semantics_cache
from adabench.engine.caches.semantics import SemanticsCache
from adabench.models.semantics.encoders import OpenClipSemantics, SemanticEncoder
from adabench.models.semantics.sentences import FIXED_SENTENCE
from adabench.structures import Semantics

# float16 keeps 11 bits
TOLERANCE = {"rtol": 2.0**-10, "atol": 1e-6}


class Brightness(SemanticEncoder):
    """Text of two, image of one channel: functions of what it reads."""

    text_dim = 2
    image_dim = 1

    def __init__(self, needs="frames", name="one"):
        self.needs, self.name, self.rows = needs, name, []

    def encode(self, source, signals=None):
        assert signals is None
        self.rows.append(len(source))
        mean = source.flatten(1).mean(1, keepdim=True)
        return Semantics(text=torch.cat([mean, -mean], 1), image=2 * mean)

    def describe(self, action_units=None):
        return f"brightness {action_units}"

    def fingerprint(self):
        return f"brightness {self.name}"


class Trunk:
    """A filled feature cache, as far as semantics see of it."""

    def __init__(self, name):
        self.arrays = SimpleNamespace(folder=Path(name))

    def vectors(self, clip, index):
        return torch.from_numpy(index).float()[:, None] * torch.tensor([1.0, 3.0])


def test_semantics_of_frames(corpus, root, filled):
    encoder = Brightness()
    cache = filled(encoder, corpus, root)
    clip, index = corpus.clips[1].clip, np.array([4, 1])
    found = pickle.loads(pickle.dumps(cache)).read(clip, index)
    mean = torch.from_numpy(corpus.frames(clip, index)).float().flatten(1).mean(1) / 255
    torch.testing.assert_close(found.text, torch.stack([mean, -mean], 1), **TOLERANCE)
    torch.testing.assert_close(found.image, 2 * mean[:, None], **TOLERANCE)
    calls = len(encoder.rows)
    cache.fill(corpus, corpus.clips, "caching")
    assert len(encoder.rows) == calls
    assert cache.seconds > 0


def test_semantics_of_the_trunks_vectors(corpus, root):
    cache = SemanticsCache(Brightness("vector"), corpus, root, Trunk("trunk"))
    cache.fill(corpus, corpus.clips, "caching")
    assert cache.arrays.folder.parent == root / "semantics"
    found = cache.read(corpus.clips[0].clip, np.array([7, 2])).image[:, 0]
    torch.testing.assert_close(found, torch.tensor([28.0, 8.0]))


def test_a_workers_copy_only_reads(corpus, root):
    copy = pickle.loads(pickle.dumps(SemanticsCache(Brightness(), corpus, root, None)))
    with pytest.raises(RuntimeError, match="only reads"):
        copy.fill(corpus, corpus.clips, "caching")


def test_an_encoder_of_vectors_needs_a_frozen_trunk(corpus, root):
    with pytest.raises(ValueError, match=r"Brightness reads the vectors .* freeze the trunk"):
        SemanticsCache(Brightness("vector"), corpus, root, None)


def test_the_key_of_semantics(corpus, root):
    def name(encoder, trunk):
        return SemanticsCache(encoder, corpus, root, trunk).arrays.folder.name

    one, two = Trunk("one"), Trunk("two")
    frames = {name(Brightness(), trunk) for trunk in (None, one, two)}
    assert len(frames) == 1, "an encoder of frames does not depend on the trunk"
    vectors = {name(Brightness("vector"), trunk) for trunk in (one, two)}
    assert len(vectors) == 2
    assert name(Brightness(name="two"), None) not in frames


def test_keys_without_action_units_are_those_of_version_0(corpus, root, clip_encoder):
    encoder = clip_encoder()
    key = digest([encoder.fingerprint(), corpus.checksum, None])
    cache = SemanticsCache(encoder, corpus, root, None)
    assert cache.arrays.folder == corpus.root / "semantics" / f"clip-{key}"
    of_vectors = SemanticsCache(Brightness("vector"), corpus, root, Trunk("abc"))
    key = digest(["brightness one", corpus.checksum, "abc"])
    assert of_vectors.arrays.folder == root / "semantics" / key


def test_the_folder_is_named_after_the_encoder(corpus, root):
    cache = SemanticsCache(OpenClipSemantics(tag="laion400m_e32"), corpus, root, None)
    assert cache.arrays.folder.name.startswith("clip-vit-b-32-laion400m_e32-")
    assert SemanticsCache(Brightness(), corpus, root, None).arrays.folder.name.startswith("bright")


def test_what_was_kept_with_all_caches_is_found(corpus, root, filled, clip_encoder):
    cache = filled(clip_encoder(), corpus, root)
    key = cache.arrays.folder.name.removeprefix("clip-")
    shutil.copytree(cache.arrays.folder, root / "semantics" / key)
    shutil.rmtree(cache.arrays.folder)
    encoder = clip_encoder()
    encoder.encode = lambda *_: pytest.fail("computed again")
    again = filled(encoder, corpus, root)
    clip, index = corpus.clips[0].clip, np.arange(5)
    assert torch.equal(again.read(clip, index).image, cache.read(clip, index).image)
    assert again.prompts(clip) == cache.prompts(clip)
    assert again.seconds == cache.seconds > 0
    assert not again.arrays.folder.exists()


def test_a_corpus_that_cannot_be_written_keeps_working(
    corpus, root, filled, clip_encoder, monkeypatch
):
    beside = filled(clip_encoder(), corpus, root)
    access = os.access

    def locked(path, mode):
        return corpus.root not in (path, *Path(path).parents) and access(path, mode)

    monkeypatch.setattr(os, "access", locked)
    clip = corpus.clips[0].clip
    assert filled(clip_encoder(), corpus, root).arrays.place(clip) == beside.arrays.folder
    shutil.rmtree(corpus.root / "semantics")
    elsewhere = filled(clip_encoder(), corpus, root)
    assert not (corpus.root / "semantics").exists()
    assert elsewhere.arrays.place(clip).parent == root / "semantics"
    assert elsewhere.prompts(clip) == [FIXED_SENTENCE] * corpus.clips[0].frames


def test_clip_without_signals_has_one_sentence(corpus, root, filled, clip_encoder):
    cache = filled(clip_encoder(), corpus, root)
    assert not cache.action_units
    assert "text is the fixed sentence" in cache.description
    clip = corpus.clips[0]
    path = cache.arrays.folder / f"{clip.clip}.prompts.csv"
    assert path.read_text() == f"first,last,sentence\n0,{clip.frames - 1},{FIXED_SENTENCE}\n"
    text = cache.read(clip.clip, np.arange(clip.frames)).text
    assert torch.equal(text, text[:1].expand_as(text))


def test_openfaces_signals_make_the_text(openface, root, weights, filled, clip_encoder, tiny_clip):
    """Against the encoder itself on each sentence, and against the vectors without signals."""
    cache = filled(clip_encoder(), openface, root)
    assert cache.action_units
    assert "text from OpenFace's action units" in cache.description
    assert FIXED_SENTENCE not in cache.description
    fixed = filled(clip_encoder(action_units=False), openface, root)
    network = open_clip.CLIP(**tiny_clip).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.text_projection = None
    seen = set()
    for clip in openface.clips:
        found, said = cache.read(clip.clip, np.arange(clip.frames)), cache.prompts(clip.clip)
        seen.update(said)
        assert len(said) == clip.frames
        with torch.no_grad():
            expected = network.encode_text(open_clip.tokenize(said))
        torch.testing.assert_close(found.text, expected, rtol=2.0**-10, atol=2e-3)
        plain = fixed.read(clip.clip, np.arange(clip.frames))
        assert torch.equal(found.image, plain.image)
    assert len(seen) > 5
    assert any("raiser" in line or "lowerer" in line for line in seen)


def test_the_option_off_is_a_corpus_without_signals(corpus, root, clip_encoder, add_signals):
    before = SemanticsCache(clip_encoder(), corpus, root, None)
    add_signals(corpus)
    off = SemanticsCache(clip_encoder(action_units=False), corpus, root, None)
    assert off.arrays.folder == before.arrays.folder
    assert off.description == before.description
    insists = SemanticsCache(clip_encoder(action_units=True), corpus, root, None)
    assert insists.arrays.folder != off.arrays.folder


def test_the_key_follows_the_signals_content(corpus, root, clip_encoder, add_signals):
    def name():
        return SemanticsCache(clip_encoder(), corpus, root, None).arrays.folder.name

    names = [name()]
    add_signals(corpus)
    names += [name(), name()]
    assert names[1] == names[2]
    add_signals(corpus, corpus.clips[:1], {"AU12_c": "1.000"})
    names.append(name())
    assert len(set(names)) == 3
    add_signals(corpus)
    assert name() == names[1]
    stand_in = SemanticsCache(Brightness(), corpus, root, None)
    assert stand_in.description == "brightness False"


def test_signals_of_a_part_of_the_clips_are_refused(
    corpus, root, filled, clip_encoder, add_signals
):
    one_task = corpus.select(task="Freeform")
    add_signals(corpus, one_task)
    with pytest.raises(ValueError, match=r"3 of this run's 6 clips have no action units") as caught:
        SemanticsCache(clip_encoder(), corpus, root, None)
    assert "semantics.action_units=False" in str(caught.value)
    assert filled(clip_encoder(action_units=False), corpus, root).seconds > 0
    freeform = SemanticsCache(clip_encoder(), corpus, root, None, one_task)
    assert freeform.action_units
    freeform.fill(corpus, one_task, "caching")
    assert len(set(freeform.prompts(one_task[0].clip))) > 1
    other = SemanticsCache(clip_encoder(), corpus, root, None, corpus.select(None, "Northwind"))
    assert not other.action_units


def test_insisting_on_signals_that_are_not_there(corpus, root, clip_encoder):
    with pytest.raises(
        ValueError, match=r"action_units=True, and no clip of corpus 'synthface' has"
    ):
        SemanticsCache(clip_encoder(action_units=True), corpus, root, None)


def test_each_sentence_is_encoded_once_a_corpus(openface, root, filled, clip_encoder, monkeypatch):
    said = []
    encode_text = open_clip.CLIP.encode_text
    tokenizer = open_clip.SimpleTokenizer()

    def counted(self, tokens):
        said.extend(map(tokenizer.decode, tokens.tolist()))
        return encode_text(self, tokens)

    monkeypatch.setattr(open_clip.CLIP, "encode_text", counted)
    monkeypatch.setattr(semantics_cache, "_PORTION", 8)
    cache = filled(clip_encoder(), openface, root)
    every = {line for clip in openface.clips for line in cache.prompts(clip.clip)}
    assert len(said) == len(set(said)) == len(every) > 5


def test_the_network_is_let_go_when_all_is_there(corpus, root, filled, clip_encoder):
    encoder = clip_encoder()
    filled(encoder, corpus, root)
    assert encoder._network is None


def test_no_more_than_a_portion_is_read_at_once(corpus, root, filled, monkeypatch):
    monkeypatch.setattr(semantics_cache, "_PORTION", 8)
    encoder = Brightness()
    filled(encoder, corpus, root)
    assert max(encoder.rows) == 8
    assert sum(encoder.rows) == sum(clip.frames for clip in corpus.clips)


def test_portions_change_no_vector(corpus, root, filled, contents, monkeypatch):
    whole = contents(filled(Brightness(), corpus, root).arrays.folder)
    shutil.rmtree(corpus.root / "semantics")
    monkeypatch.setattr(semantics_cache, "_PORTION", 8)
    assert contents(filled(Brightness(), corpus, root).arrays.folder) == whole


def test_progress_counts_frames_and_what_is_there_already(corpus, root, monkeypatch, capsys):
    monkeypatch.setattr(semantics_cache, "_PORTION", 8)
    first, *others = corpus.clips
    cache = SemanticsCache(Brightness(), corpus, root, None)
    cache.fill(corpus, [first], "caching")
    assert f"{first.frames}/{first.frames}" in capsys.readouterr().err
    cache.fill(corpus, [first], "caching")
    assert capsys.readouterr().err == ""
    cache.fill(corpus, corpus.clips, "caching vectors")
    frames = sum(clip.frames for clip in others)
    told = capsys.readouterr().err
    assert "caching vectors" in told
    assert f"{frames}/{frames}" in told
    assert "frame/s" in told
    assert f"clip {len(others)} of {len(others)}" in told
