"""A generated corpus of six short clips, OpenFace's signals for it, and a tiny CLIP."""

import csv
import io
import shutil
from functools import partial

import av
import numpy as np
import open_clip
import pytest
import torch

from adabench.data.manifest import ClipRecord
from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.data.store import JpegPack
from adabench.engine.caches.semantics import SemanticsCache
from adabench.models.semantics.encoders import OpenClipSemantics
from adabench.synthface import SynthfaceParameters, generate
from adabench.synthface.signals import read_truth
from adabench.synthface.writing.layouts import openface_text

TINY = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A generated corpus, raw, and the faces of six of its clips of 30 frames and more."""
    root = tmp_path_factory.mktemp("made")
    parameters = SynthfaceParameters(
        seed=0, sessions=4, every_level=True, fps=15, seconds=(2.0, 2.2)
    )
    generate(parameters, root / "raw", processes=1)
    videos = sorted((root / "raw" / "Training").rglob("*_video.mp4"), key=lambda path: path.name)
    records = [keep_faces(root / "prepared", video) for video in videos[:6]]
    description = CorpusDescription("synthface", "avec2014", False, {"size": 32}, None)
    write_description(root / "prepared", description, records)
    return root


def keep_faces(root, video):
    with av.open(str(video)) as container:
        frames = [
            np.ascontiguousarray(frame.to_ndarray(format="rgb24")[10:106:3, 32:128:3])
            for frame in container.decode(video=0)
        ]
    clip = video.stem.removesuffix("_video")
    JpegPack.write(root / "faces" / f"{clip}.jpegs", frames)
    person, session, task = clip.split("_")
    return ClipRecord(
        clip=clip,
        subject=person,
        session=f"{person}_{session}",
        task=task,
        split="train",
        score=7,
        fps=15.0,
        frames=len(frames),
        face_rate=1.0,
        source=video.name,
        source_sha256="0" * 64,
    )


@pytest.fixture(scope="session")
def tiny_clip():
    """Config of a CLIP of one layer."""
    return TINY


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Its weights, random."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("clip") / "tiny.pth"
    torch.save(open_clip.CLIP(**TINY).state_dict(), path)
    return path


@pytest.fixture
def corpus(made, tmp_path):
    """A copy of the prepared corpus, without signals."""
    shutil.copytree(made / "prepared", tmp_path / "data" / "corpus")
    return PreparedCorpus.open(tmp_path / "data" / "corpus")


@pytest.fixture
def root(tmp_path):
    """Folder of all caches."""
    return tmp_path / "data"


def write_signals(made, corpus, clips=None, change=None):
    """Write what prepare keeps of OpenFace's table: ``frame`` from 0, plain names, no ``success``."""
    (corpus.root / "signals").mkdir(exist_ok=True)
    for clip in corpus.clips if clips is None else clips:
        truth = read_truth(made / "raw" / "truth" / f"{clip.clip}.csv")
        text = openface_text(truth, 15).replace(" ", "")
        rows = list(csv.DictReader(io.StringIO(text)))
        names = ["frame", *(n for n in rows[0] if n.startswith(("AU", "gaze", "pose")))]
        with (corpus.root / "signals" / f"{clip.clip}.csv").open("w", newline="") as stream:
            table = csv.DictWriter(stream, names, extrasaction="ignore", lineterminator="\n")
            table.writeheader()
            for number, row in enumerate(rows):
                table.writerow({**row, "frame": number, **(change or {})})
    return corpus


@pytest.fixture
def add_signals(made):
    """Give a corpus, or some of its clips, OpenFace's signals."""
    return partial(write_signals, made)


@pytest.fixture
def openface(corpus, add_signals):
    """The corpus with OpenFace's signals."""
    return add_signals(corpus)


@pytest.fixture
def clip_encoder(weights):
    """Make an encoder with the tiny CLIP."""
    return partial(OpenClipSemantics, model=TINY, weights=weights, batch=4)


@pytest.fixture
def filled(corpus, root):
    """Fill an encoder's cache for the corpus, or for another one."""

    def fill(encoder, corpus=corpus, root=root):
        cache = SemanticsCache(encoder, corpus, root, None)
        cache.fill(corpus, corpus.clips, "caching")
        return cache

    return fill


@pytest.fixture
def contents():
    """Read every file of a finished cache but its costs and digests, by name."""
    return read_all


def read_all(folder):
    """Every file of a finished cache but its costs and digests, by name."""
    apart = ("seconds.json", "digests.txt", ".lock")
    kept = (p for p in folder.rglob("*") if p.is_file() and p.name not in apart)
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept}
