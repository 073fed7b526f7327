"""Opening and reading a prepared corpus."""

import dataclasses
import json
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from clip_records import clip_record

from adabench.data import digests
from adabench.data.manifest import manifest_bytes
from adabench.data.prepared import (
    CorpusDescription,
    PreparedCorpus,
    digest_book,
    write_description,
)
from adabench.data.store import JpegPack
from adabench.evaluation import BDI_II, PHQ_8

SETTINGS = {"size": 16, "margin": 0.1}


def record(session, task, split, score):
    return clip_record(session, task, split=split, score=score, source_sha256="0" * 64)


RECORDS = [
    record("203_1", "Northwind", "train", 3),
    record("203_1", "Freeform", "train", 3),
    record("204_2", "Freeform", "dev", 40),
]
DESCRIPTION = CorpusDescription("synthface", "avec2014", False, SETTINGS, {"seed": 1})


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "corpus"
    for number, row in enumerate(RECORDS):
        grey = (np.full((16, 16, 3), 50 * number + 5 * i, np.uint8) for i in range(row.frames))
        JpegPack.write(root / "faces" / f"{row.clip}.jpegs", grey)
    (root / "signals").mkdir()
    (root / "signals" / "204_2_Freeform.csv").write_text("frame,AU01\n0,0.25\n1,0.5\n")
    write_description(root, DESCRIPTION, RECORDS)
    return root


def test_attributes(root):
    corpus = PreparedCorpus.open(str(root))
    assert (corpus.name, corpus.kind, corpus.licensed) == ("synthface", "avec2014", False)
    assert (corpus.size, corpus.parameters, len(corpus)) == (16, {"seed": 1}, 3)
    assert [row.clip for row in corpus.clips] == [
        "203_1_Freeform",
        "203_1_Northwind",
        "204_2_Freeform",
    ]
    assert corpus["204_2_Freeform"].score == 40


def test_frames(root):
    corpus = PreparedCorpus.open(root)
    frames = corpus.frames("203_1_Freeform", [3, 0])
    assert frames.shape == (2, 16, 16, 3)
    np.testing.assert_allclose(frames.mean(axis=(1, 2, 3)), [65, 50], atol=1)


def test_more_clips_than_open_files(root, monkeypatch):
    monkeypatch.setattr("adabench.data.prepared._OPEN_STORES", 1)
    corpus = PreparedCorpus.open(root)
    for _ in range(2):
        for number, row in enumerate(RECORDS):
            assert abs(float(corpus.frames(row.clip, [0]).mean()) - 50 * number) <= 1
            assert len(corpus._stores) == 1


def test_signals(root):
    corpus = PreparedCorpus.open(root)
    signals = corpus.signals("204_2_Freeform")
    assert signals["AU01"].tolist() == [0.25, 0.5]
    with pytest.raises(FileNotFoundError, match="no signals for clip '203_1_Freeform'"):
        corpus.signals("203_1_Freeform")


def test_select(root):
    corpus = PreparedCorpus.open(root)
    assert corpus.select() == list(corpus.clips)
    assert [row.clip for row in corpus.select(task="Freeform")] == [
        "203_1_Freeform",
        "204_2_Freeform",
    ]
    assert [row.clip for row in corpus.select("train", "Northwind")] == ["203_1_Northwind"]
    assert corpus.select("test") == []


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            {"split": "training"},
            "split: expected one of 'train', 'dev', 'test', 'calibration', got 'training'",
        ),
        ({"task": "freeform"}, "task: expected one of 'Freeform', 'Northwind', got 'freeform'"),
    ],
)
def test_select_refuses_unknown_names(root, choice, message):
    with pytest.raises(ValueError, match=message):
        PreparedCorpus.open(root).select(**choice)


def test_unknown_clip(root):
    with pytest.raises(KeyError, match="no clip '999'"):
        PreparedCorpus.open(root).frames("999", [0])


def test_pickles_cheaply_with_files_open(root):
    corpus = PreparedCorpus.open(root)
    expected = corpus.frames("203_1_Freeform", [1])
    content = pickle.dumps(corpus)
    assert len(content) < 3000
    np.testing.assert_array_equal(pickle.loads(content).frames("203_1_Freeform", [1]), expected)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        read = pool.submit(corpus.frames, "203_1_Freeform", [1]).result()
    np.testing.assert_array_equal(read, expected)


def test_checksum_tells_corpora_apart(root, tmp_path):
    checksum = PreparedCorpus.open(root).checksum
    manifest = (root / "manifest.csv").read_bytes()
    assert checksum == DESCRIPTION.checksum(manifest)
    others = [
        CorpusDescription("synthface", "avec2014", False, {**SETTINGS, "size": 32}, {"seed": 1}),
        CorpusDescription("synthface", "avec2014", False, SETTINGS, {"seed": 2}),
    ]
    assert len({checksum, *(other.checksum(manifest) for other in others)}) == 3
    write_description(root, DESCRIPTION, RECORDS[1:])
    assert PreparedCorpus.open(root).checksum != checksum


def test_no_corpus(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist.*tools/prepare\.py") as caught:
        PreparedCorpus.open(tmp_path / "none")
    assert str(tmp_path / "none") in str(caught.value)


def test_unfinished_corpus(root):
    (root / "corpus.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"unfinished corpus.*tools/prepare\.py"):
        PreparedCorpus.open(root)


def test_manifest_changed_by_hand(root):
    path = root / "manifest.csv"
    path.write_text(path.read_text().replace(",40,", ",4,"))
    with pytest.raises(ValueError, match="changed by hand"):
        PreparedCorpus.open(root)


def test_missing_stores(root):
    (root / "faces" / "204_2_Freeform.jpegs").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 3 clips are missing.*'204_2_Freeform'"):
        PreparedCorpus.open(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: {**content, "schema": 9}, "field schema: this version .* reads 1, got 9"),
        (lambda content: {**content, "extra": 1}, "damaged"),
        (lambda content: {**content, "prepare": {}}, "damaged"),
        (lambda content: [], "damaged"),
    ],
)
def test_wrong_description(root, change, message):
    path = root / "corpus.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ValueError, match=message) as caught:
        PreparedCorpus.open(root)
    assert str(path) in str(caught.value)


def noted(root):
    """Note the stores and signals, as preparing does."""
    book = digest_book(root)
    for path in (*(root / "faces").iterdir(), *(root / "signals").iterdir()):
        book.note(path.relative_to(root).as_posix())


def change(path, content):
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))


@pytest.mark.parametrize("name", ["faces/203_1_Freeform.jpegs", "signals/204_2_Freeform.csv"])
@pytest.mark.parametrize("damage", ["flipped", "another", "cut"])
def test_a_damaged_or_exchanged_store_is_named_when_the_corpus_is_opened(root, name, damage):
    noted(root)
    path = root / name
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        content = content[:-4]
    else:
        content = (root / "faces" / "203_1_Northwind.jpegs").read_bytes()
    change(path, bytes(content))
    with pytest.raises(ValueError, match=f"{name}: damaged or exchanged.*delete it and run"):
        PreparedCorpus.open(root)


def test_a_copied_corpus_is_read_once_and_a_corpus_of_before_not_at_all(root, monkeypatch):
    noted(root)
    for path in (root / "faces").iterdir():
        os.utime(path, ns=(1, 10**18))
    PreparedCorpus.open(root)
    monkeypatch.setattr(digests, "file_sha256", lambda path: pytest.fail(f"read {path}"))
    PreparedCorpus.open(root)
    digest_book(root).path.unlink()
    PreparedCorpus.open(root)


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "3", '{"schema": 1}', '{"schema": [], "checksum": {}}']
)
def test_a_description_of_another_shape_is_named(root, content):
    (root / "corpus.json").write_text(content)
    with pytest.raises(ValueError, match=r"corpus\.json: damaged"):
        PreparedCorpus.open(root)


@pytest.mark.parametrize("content", [b"\x00" * 40, b"", b'"' * 200_000])
def test_a_damaged_manifest_is_named(root, content):
    (root / "manifest.csv").write_bytes((root / "manifest.csv").read_bytes() + content + b"\n")
    with pytest.raises(ValueError, match=r"manifest\.csv"):
        PreparedCorpus.open(root)
    (root / "manifest.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"manifest\.csv"):
        PreparedCorpus.open(root)


@pytest.mark.parametrize("content", [b"", b"a\n1,2,3\n1\n", b"\xff\xfe\x00"])
def test_damaged_signals_are_named(root, content):
    corpus = PreparedCorpus.open(root)
    (root / "signals" / "204_2_Freeform.csv").write_bytes(content)
    if content.startswith(b"a"):
        corpus.signals("204_2_Freeform")
        return
    with pytest.raises(ValueError, match=r"204_2_Freeform\.csv: damaged"):
        corpus.signals("204_2_Freeform")


def test_the_bdi_ii_is_not_named_and_its_checksum_is_as_it_was(root):
    corpus = PreparedCorpus.open(root)
    assert corpus.scale == BDI_II
    assert "scale" not in json.loads((root / "corpus.json").read_text())
    assert corpus.checksum == "5d678fb2930365fbfafecffe7cf0878f5e5a6b2bfeec0870113b77d3007b0ef2"


def test_another_scale_is_named_and_scores_are_held_to_it(root):
    described = dataclasses.replace(DESCRIPTION, scale=PHQ_8)
    write_description(root, described, RECORDS[:2])
    corpus = PreparedCorpus.open(root)
    assert corpus.scale == PHQ_8
    assert corpus.checksum != DESCRIPTION.checksum(manifest_bytes(corpus.clips))
    write_description(root, described, RECORDS)
    with pytest.raises(ValueError, match=r"score: expected an integer from 0 to 24, .* got '40'"):
        PreparedCorpus.open(root)
    content = json.loads((root / "corpus.json").read_text())
    content["scale"]["hihg"] = 24
    (root / "corpus.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"corpus.json: damaged \(scale: unknown key 'hihg'"):
        PreparedCorpus.open(root)
