"""A factory of valid records, so that a test names only what it is about."""

import numpy as np
import pytest
from clip_records import clip_record

from adabench.data.prepared import CorpusDescription, PreparedCorpus, write_description
from adabench.evaluation import metric_intervals, score_metrics
from adabench.records import Measured, Metrics, Prediction, Record, write_record
from adabench.records.files.side_files import digests, write_side_files
from adabench.records.schema.private import divided
from adabench.records.schema.sections import persons_of

#: What a record tells of the generated corpus that it was tested on.
OF_DRAW = {"draw": 0, "family": "fa111e5fa111e5fa", "world": "sparse"}


def build(error=5.0, seed=0, **changes):
    """A measured record on the demo track whose predictions are off by about ``error``."""
    generator = np.random.default_rng(seed)
    label = np.arange(0, 45, 3, dtype=float)
    guess = label + error * generator.choice([-1.0, 1.0], size=label.size)
    person = [str(index // 2) for index in range(label.size)]
    fields = {
        "kind": "method",
        "method": "Dep-MAP",
        "config": "depmap_r18_avec14",
        "config_hash": "0123456789abcdef",
        "track": "demo",
        "corpus": "synthface",
        "corpus_checksum": "c0ffee00c0ffee00",
        "licensed": False,
        "protocol": "official",
        "fusion": "joint",
        "seed": seed,
        "metrics": Metrics(**score_metrics(guess, label)),
        "intervals": metric_intervals(guess, label, person, draws=50),
        "predictions": [
            Prediction(
                session=f"{index:03d}_1", subject=person[index], prediction=value, label=truth
            )
            for index, (value, truth) in enumerate(zip(guess, label, strict=True))
        ],
        "created": "2026-01-02T03:04:05+00:00",
        "origin": Measured(),
    }
    return Record(**{**fields, **changes})


def as_licensed(record, predictions=None, **changes):
    """The record as one of a licensed corpus, with its private side file at hand.

    Changes are made to what is public, so that it may say what the private file does not give.
    """
    given = record.predictions if predictions is None else predictions
    entries = [entry.model_copy(update={"label": None}) for entry in given]
    counts = {"sessions": len(entries), "persons": persons_of(entries)}
    content = {
        **record.model_dump(exclude={"checksum"}),
        "licensed": True,
        "counts": counts,
        "predictions": entries,
    }
    public, private = divided(content)
    is_drawn = changes.get("corpus", record.corpus) == "synthface"
    untold = {} if is_drawn else dict.fromkeys(OF_DRAW)
    named = {**public, "private": private.digest(), **untold, **changes}
    return Record.model_validate(named).with_private(private)


def constant(value=59.0, **changes):
    """The constant predictor of the same sessions; its RMSE is about 40 by default."""
    entries = [entry.model_copy(update={"prediction": value}) for entry in build().predictions]
    true = [entry.label for entry in entries]
    fields = {
        "method": "constant",
        "config": "constant",
        "kind": "control",
        "metrics": Metrics(**score_metrics([value] * len(true), true)),
        "predictions": entries,
        "intervals": {},
    }
    return build(**{**fields, **changes})


@pytest.fixture
def make_record():
    return build


@pytest.fixture
def sound():
    """A factory of records that `accept` takes: of a known commit and draw, without intervals."""

    def make(error=5.0, seed=0, **changes):
        known = {"commit": "c" * 40, "clean_tree": True, "intervals": {}}
        is_drawn = changes.get("corpus", "synthface") == "synthface"
        return build(error, seed, **{**known, **(OF_DRAW if is_drawn else {}), **changes})

    return make


@pytest.fixture
def with_side_folder():
    """Writes a record into a folder together with its side folder; returns its path."""

    def write(record, root, files):
        named = record.model_copy(update={"provenance": digests(files)})
        path = write_record(named, root)
        write_side_files(path, files)
        return path

    return write


@pytest.fixture
def licensed_corpus(tmp_path):
    """A prepared corpus under licence with the sessions and scores of `make_record`."""
    clips = [
        clip_record(
            entry.session,
            subject=entry.subject,
            split="test",
            score=int(entry.label),
            frames=1,
        )
        for entry in build().predictions
    ]
    folder = tmp_path / "corpus"
    (folder / "faces").mkdir(parents=True)
    for clip in clips:
        (folder / "faces" / f"{clip.clip}.jpegs").touch()
    write_description(
        folder, CorpusDescription("avec2014", "avec2014", True, {"size": 8}, None), clips
    )
    return folder


@pytest.fixture
def licensed(sound, licensed_corpus):
    """A factory of records on that corpus, with their private side files at hand."""
    checksum = PreparedCorpus.open(licensed_corpus).checksum

    def make(error=5.0, seed=0, **changes):
        own = {"track": "avec14", "corpus": "avec2014", "corpus_checksum": checksum}
        return as_licensed(sound(error, seed), **{**own, **changes})

    return make
