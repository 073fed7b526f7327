"""Records whose persons have a sex and an age, and the prepared corpus that tells of them."""

from types import SimpleNamespace

import numpy as np
from clip_records import clip_record
from record_fixtures import OF_DRAW, as_licensed, build

from adabench.evaluation.metrics import score_metrics
from adabench.records import Metrics, Prediction
from adabench.records.files.labels import CorpusLabels
from adabench.records.schema.groups import groups_of

PERSONS = 40
CHECKSUM = build().corpus_checksum


def clips():
    """A tested clip each of 20 women and 20 men; three of all are under 30."""
    return [
        clip_record(
            f"{300 + n}_1",
            split="test",
            score=(7 * n) % 45,
            traits=(("age", "20" if n < 3 else "40"), ("sex", "mf"[n % 2])),
        )
        for n in range(PERSONS)
    ]


def corpus(tested=None, licensed=False):
    """What `read_labels` gives of it; only the clips of the corpus itself are asked for."""
    tested = clips() if tested is None else tested
    return CorpusLabels(
        name="avec2014" if licensed else "synthface",
        licensed=licensed,
        scores={clip.session: float(clip.score) for clip in tested},
        subjects={clip.session: clip.subject for clip in tested},
        prepared=SimpleNamespace(clips=tested),
    )


def grouped(seed=0, licensed=False, measures=None, **changes):
    """A record of one run over these persons, with its results by group."""
    labels = dict(corpus().scores)
    noise = np.random.default_rng(seed).normal(2.0, 5.0, PERSONS)
    guess = {s: label + error for (s, label), error in zip(labels.items(), noise, strict=True)}
    subjects = corpus().subjects
    record = build(
        seed=seed,
        predictions=[
            Prediction(session=s, subject=subjects[s], prediction=p, label=labels[s])
            for s, p in guess.items()
        ],
        metrics=Metrics(**score_metrics([*guess.values()], [*labels.values()])),
        intervals={},
        measures=measures or {},
        groups=groups_of(clips(), guess, labels),
        **OF_DRAW,
    )
    if licensed:
        return as_licensed(record, **{"track": "avec14", "corpus": "avec2014", **changes})
    return record.model_copy(update=changes)
