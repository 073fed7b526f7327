"""Filling a cache of semantic vectors that is cut or killed."""

import json
import os
import shutil

import pytest

from adabench.engine.caches import semantics as semantics_cache
from adabench.engine.caches.semantics import SemanticsCache
from adabench.models.semantics.encoders import OpenClipSemantics


def test_a_clip_that_was_cut_goes_on_at_its_portion(
    openface, root, filled, clip_encoder, contents, tmp_path, monkeypatch
):
    monkeypatch.setattr(semantics_cache, "_PORTION", 8)
    whole = contents(filled(clip_encoder(), openface, tmp_path / "a").arrays.folder)
    shutil.rmtree(openface.root / "semantics")
    encode, calls = OpenClipSemantics.encode, []

    def cut(self, source, signals=None):
        if len(calls) == 7:
            raise KeyboardInterrupt
        calls.append(len(source))
        return encode(self, source, signals)

    monkeypatch.setattr(OpenClipSemantics, "encode", cut)
    cache = SemanticsCache(clip_encoder(), openface, root, None)
    with pytest.raises(KeyboardInterrupt):
        cache.fill(openface, openface.clips, "caching")
    first = -(-openface.clips[0].frames // 8)
    assert 0 < first < 7, "the cut is within the second clip"
    assert cache.arrays.has(openface.clips[0].clip)
    assert not cache.arrays.has(openface.clips[1].clip)
    calls.clear()
    monkeypatch.setattr(OpenClipSemantics, "encode", lambda *a: calls.append(1) or encode(*a))
    again = filled(clip_encoder(), openface, root)
    every = sum(-(-clip.frames // 8) for clip in openface.clips)
    assert len(calls) == every - 7
    assert contents(again.arrays.folder) == whole


KILLED = """
import json, os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from adabench.data.prepared import PreparedCorpus
from adabench.engine.caches import semantics as semantics_cache
from adabench.models.semantics.clip_network import clip_tokenizer
from adabench.models.semantics.encoders import OpenClipSemantics

clip_tokenizer(77)
semantics_cache._PORTION = 8
model, weights, *folders = json.loads(sys.argv[1])

def fill(root, watch):
    # Counts what touches the folder of vectors, and dies just before a given one of these.
    corpus = PreparedCorpus.open(root)
    encoder = OpenClipSemantics(model=model, weights=weights, batch=4)
    cache = semantics_cache.SemanticsCache(encoder, corpus, root.parent, None)
    events = 0
    def hook(event, args):
        nonlocal events
        if event in ("open", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"):
            if "semantics" in str(args[0]):
                events += 1
                if events == watch:
                    os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    cache.fill(corpus, corpus.clips, "caching")
    return events

def in_child(root, watch=None):
    # The number of events, or None from a child that was killed.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(fill(root, watch)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, status
    return int(told) if told else None

whole, *others = (Path(folder) for folder in folders)
events = in_child(whole)
print(events, "events")
for number, root in enumerate(others):
    # Moments spread over the whole run, and a second kill on the way of who goes on.
    moment = 1 + (number * 2 + 1) * events // (2 * len(others))
    assert in_child(root, moment) is None, "killed"
    in_child(root, 5 + number)
    assert in_child(root) is not None
"""


@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.slow)])
def test_killed_at_several_moments(forks, openface, weights, contents, tiny_clip, tmp_path, kills):
    """SIGKILL while it reads, computes, writes, renames, removes: the same bytes in the end."""
    folders = [tmp_path / str(number) / "corpus" for number in range(1 + kills)]
    for folder in folders:
        shutil.copytree(openface.root, folder)
        for path in (folder / "signals").iterdir():
            os.utime(path, (1e9, 1e9))  # files that were just written are in no book
    arguments = json.dumps([tiny_clip, str(weights), *map(str, folders)])
    program = tmp_path / "killed.py"
    program.write_text(KILLED)
    done = forks.run([program, arguments], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    kept = [contents(folder / "semantics") for folder in folders]
    assert len([name for name in kept[0] if name.endswith(".npy")]) == len(openface.clips)
    assert len([name for name in kept[0] if name.endswith(".prompts.csv")]) == len(openface.clips)
    for number, found in enumerate(kept[1:], 1):
        assert found.keys() == kept[0].keys(), f"run {number}"
        assert found == kept[0], f"run {number}"
