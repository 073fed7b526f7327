"""OpenFace's action units among a prepared corpus's signals."""

import csv
import io
import os
import time

import numpy as np
import pytest
from clip_records import clip_record

from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.data.store import JpegPack
from adabench.engine.caches import signal_files
from adabench.engine.caches.action_units import ActionUnits, refuse_mixed
from adabench.models.semantics.sentences import FIXED_SENTENCE, openface_sentences
from adabench.synthface.signals import ClipTruth
from adabench.synthface.writing.layouts import openface_text

FRAMES = 12
CLIPS = ("201_1_Freeform", "202_1_Freeform", "203_1_Freeform")


def record(clip):
    return clip_record(clip[:5], frames=FRAMES)


def prepared_signals(seed=0, frames=FRAMES):
    """The table that prepare keeps of OpenFace's: ``frame`` from 0, plain names, signals only."""
    random = np.random.default_rng(seed)
    truth = ClipTruth(
        behaviour=random.uniform(0, 1, (frames, 11)) ** 2,
        pose=random.normal(size=(frames, 6)),
        key=np.zeros(frames, bool),
    )
    table = list(csv.DictReader(io.StringIO(openface_text(truth, 15).replace(" ", ""))))
    dropped = ("face_id", "timestamp", "confidence", "success")
    return [
        {k: v for k, v in {**row, "frame": str(number)}.items() if k not in dropped}
        for number, row in enumerate(table)
    ]


def put(corpus, clip, rows):
    path = corpus.root / "signals" / f"{clip}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def corpus(tmp_path):
    root = tmp_path / "corpus"
    for clip in CLIPS:
        frames = np.zeros((FRAMES, 16, 16, 3), np.uint8)
        JpegPack.write(root / "faces" / f"{clip}.jpegs", frames)
    description = CorpusDescription("avec2014", "avec2014", True, {"size": 16}, None)
    write_description(root, description, [record(clip) for clip in CLIPS])
    return PreparedCorpus.open(root)


def test_a_corpus_without_signals_has_none(corpus):
    assert ActionUnits(corpus).clips == []


def test_clips_are_those_with_presences(corpus):
    rows = prepared_signals()
    put(corpus, CLIPS[1], rows)
    put(corpus, CLIPS[0], [{k: v for k, v in row.items() if "_c" not in k} for row in rows])
    put(corpus, CLIPS[2], [{"frame": row["frame"], "AU01": row["AU01_r"]} for row in rows])
    assert ActionUnits(corpus).clips == [CLIPS[1]]


def test_every_frame_has_the_values_of_its_row(corpus):
    rows = prepared_signals()
    put(corpus, CLIPS[0], [rows[5], *rows[:5], *rows[6:]])
    found = ActionUnits(corpus).read(record(CLIPS[0]))
    assert found.values.shape == found.mask.shape == (FRAMES, 34)
    assert found.mask.all()
    assert set(found.names) == {name for name in rows[0] if name.startswith("AU")}
    for number, row in enumerate(rows):
        expected = [float(row[name]) for name in found.names]
        assert found.values[number].tolist() == pytest.approx(expected)


def test_what_openface_did_not_measure_gets_the_fixed_sentence(corpus):
    rows = prepared_signals()
    whole = put(corpus, CLIPS[0], rows)
    said = openface_sentences(ActionUnits(corpus).read(record(CLIPS[0])))
    assert FIXED_SENTENCE not in said
    assert len(set(said)) > 5
    rows[3] = dict.fromkeys(rows[3], "") | {"frame": "3"}
    assert put(corpus, CLIPS[0], [row for i, row in enumerate(rows) if i != 7]) == whole
    gaps = openface_sentences(ActionUnits(corpus).read(record(CLIPS[0])))
    assert gaps == [FIXED_SENTENCE if i in (3, 7) else line for i, line in enumerate(said)]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"frame": "12"}, r"expected 0 to 11 for the clip's 12 frames, got 12 in row 4"),
        ({"frame": "1.5"}, r"got 1\.5 in row 4"),
        ({"frame": ""}, r"got nan in row 4"),
        ({"frame": "0"}, r"frame 0 has more than one row"),
    ],
)
def test_rows_of_other_frames_are_refused(corpus, change, match):
    rows = prepared_signals()
    rows[2] = rows[2] | change
    put(corpus, CLIPS[0], rows)
    with pytest.raises(ValueError, match=match) as caught:
        ActionUnits(corpus).read(record(CLIPS[0]))
    assert "201_1_Freeform.csv" in str(caught.value)
    assert "prepare the corpus again" in str(caught.value)


def test_the_digest_follows_the_content_alone(corpus, tmp_path):
    rows = prepared_signals()
    paths = [put(corpus, clip, rows) for clip in CLIPS[:2]]
    first = ActionUnits(corpus).digest(tmp_path / "a")
    for path in paths:
        os.utime(path, (1e9, 1e9))
    assert ActionUnits(corpus).digest(tmp_path / "a") == first
    put(corpus, CLIPS[0], prepared_signals(seed=1))
    changed = ActionUnits(corpus).digest(tmp_path / "a")
    put(corpus, CLIPS[0], rows)
    put(corpus, CLIPS[2], rows)
    assert len({first, changed, ActionUnits(corpus).digest(tmp_path / "b")}) == 3


def test_a_change_within_a_tick_of_the_clock_is_seen(corpus, tmp_path):
    """Same size, same time of change: what git calls racy."""
    rows = prepared_signals()
    path = put(corpus, CLIPS[0], rows)
    now = time.time()
    os.utime(path, (now, now))
    first = ActionUnits(corpus).digest(tmp_path / "book")
    rows[0]["AU01_r"], rows[0]["AU04_r"] = "9.999", "9.998"
    size = path.stat().st_size
    put(corpus, CLIPS[0], rows)
    os.utime(path, (now, now))
    assert path.stat().st_size == size
    assert ActionUnits(corpus).digest(tmp_path / "book") != first


def test_files_that_did_not_change_are_read_once(corpus, tmp_path, monkeypatch):
    for clip in CLIPS:
        os.utime(put(corpus, clip, prepared_signals()), (1e9, 1e9))
    first = ActionUnits(corpus).digest(tmp_path / "book")
    monkeypatch.setattr(signal_files, "file_checksum", lambda path: pytest.fail("read again"))
    assert ActionUnits(corpus).digest(tmp_path / "book") == first


def test_a_mixture_is_refused():
    clips = [record(clip) for clip in CLIPS]
    refuse_mixed("avec2014", clips, CLIPS)
    refuse_mixed("avec2014", clips, [])
    refuse_mixed("avec2014", clips[:1], CLIPS[:1])
    with pytest.raises(ValueError, match=r"2 of this run's 3 clips have no .* '202_1_Freeform'"):
        refuse_mixed("avec2014", clips, CLIPS[:1])
