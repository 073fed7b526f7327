"""Labels that records may not hold come from prepared corpora."""

import subprocess
import sys

import pytest

from adabench.records.files.labels import labels_for, read_labels


def test_a_corpus_gives_scores_and_subjects_under_its_checksum(licensed, licensed_corpus):
    record = licensed()
    found = read_labels([licensed_corpus])
    corpus = found[record.corpus_checksum]
    assert (corpus.name, corpus.licensed) == ("avec2014", True)
    assert corpus.scores["003_1"] == 9.0
    assert corpus.subjects["003_1"] == "1"
    assert labels_for([record], found) == corpus.scores


def test_no_labels_for_records_of_another_corpus(licensed, licensed_corpus):
    found = read_labels([licensed_corpus])
    assert labels_for([licensed(corpus_checksum="other")], found) is None
    assert labels_for([licensed()], read_labels([])) is None


def test_a_folder_without_a_corpus_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_labels([tmp_path / "nowhere"])


def test_without_corpora_nothing_that_reads_frames_is_loaded():
    probe = "import sys; from adabench.records.files.labels import read_labels; read_labels([]); "
    probe += "print('cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
