"""Which corpus a run finds, or makes."""

from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from clip_records import clip_record

from adabench.config.experiment import Data
from adabench.config.fields.faces import Faces
from adabench.data.prepare.detection.detect import DETECTORS
from adabench.data.prepare.settings import CUTS, PrepareSettings
from adabench.data.prepared import CorpusDescription, write_description
from adabench.data.store import JpegPack
from adabench.data.tracks import get_track
from adabench.engine.data import corpora

TINY = {"preset": "tiny", "seed": 3}


@pytest.fixture
def made(monkeypatch):
    """What is generated and prepared, without doing it."""
    calls = []
    monkeypatch.setattr(corpora, "generate", lambda parameters, raw, processes: raw)
    monkeypatch.setattr(corpora, "generate_expressions", lambda parameters, raw, processes: raw)
    monkeypatch.setattr(
        corpora, "prepare", lambda reader, raw, out, **told: calls.append((out.name, told))
    )
    monkeypatch.setattr(corpora, "PreparedCorpus", SimpleNamespace(open=lambda folder: folder))
    return calls


def test_generated_faces_are_those_asked_for_and_lie_apart(made, tmp_path):
    asked = [
        None,
        Faces(detector="haar"),
        Faces(),
        Faces(cut="aligned"),
    ]
    for faces in asked:
        data = Data(root=str(tmp_path), size=64, synthface=TINY, faces=faces)
        corpora.ensure_corpus(get_track("demo"), data)
        corpora.ensure_expressions({"preset": "tiny"}, data)
    endings = ["64px-mtcnn-box", "64px-haar-box", "64px-mtcnn-box", "64px-mtcnn-aligned"]
    for faces, ending, (corpus, expressions) in zip(
        asked, endings, zip(made[::2], made[1::2], strict=True), strict=True
    ):
        given = {} if faces is None else {"detector": faces.detector, "cut": faces.cut}
        for (name, told), begin in ((corpus, "synthface-"), (expressions, "expressions-")):
            assert name.startswith(begin)
            assert name.split("-", 2)[2] == ending
            assert told == {"size": 64, "processes": 2, **given}


def test_a_recorded_corpus_with_other_faces_is_refused(tmp_path):
    root = tmp_path / "avec2014"
    settings = PrepareSettings(size=64, cut="aligned").record()
    JpegPack.write(root / "faces" / "1_Freeform.jpegs", [np.zeros((64, 64, 3), np.uint8)])
    record = clip_record("1", "Freeform", split="train", frames=1)
    write_description(
        root, CorpusDescription("avec2014", "avec2014", True, settings, None), [record]
    )
    track, data = get_track("avec14"), Data(root=str(tmp_path), size=64)
    for faces in (None, Faces(cut="aligned")):
        asked = data.model_copy(update={"faces": faces})
        assert corpora.ensure_corpus(track, asked).size == 64
    with pytest.raises(ValueError, match=r"holds faces of detector='mtcnn', cut='aligned', and"):
        corpora.ensure_corpus(track, data.model_copy(update={"faces": Faces()}))


def test_a_config_s_faces_are_those_of_preparing():
    fields = Faces.model_fields
    assert get_args(fields["cut"].annotation) == CUTS
    assert {*get_args(fields["detector"].annotation)} == {*DETECTORS} - {"yunet"}
    usual = PrepareSettings()
    assert Faces().model_dump() == {"detector": usual.detector, "cut": usual.cut}
