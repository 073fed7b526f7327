"""From the public records of a licensed corpus no label follows, however many there are.

The corpus is drawn and only marked as licensed. The same attack on records as schema version 2 held
them gives all labels, so that it would tell a leak.
"""

import json

import numpy as np
import pytest
from clip_records import clip_record
from label_attack import recovered, vectors_in
from record_fixtures import build

from adabench.data.sealed import session_labels
from adabench.engine.recording.reporting import scored
from adabench.records import Record, write_record
from adabench.records.schema.private import divided

SESSIONS, RECORDS = 50, 200
#: The training means of three protocols.
CONSTANTS = (15.0, 12.5, 17.0)


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(5).choice(46, SESSIONS).astype(float)


@pytest.fixture(scope="module")
def predictors(labels):
    """(R, N): good and bad ones, some alike, some shifted, some nearly copies, and constants."""
    draw = np.random.default_rng(6)
    shared = draw.normal(size=(5, SESSIONS))
    rows = [np.full(SESSIONS, value) for value in CONSTANTS]
    while len(rows) < RECORDS:
        kind = len(rows) % 4
        slope, spread = draw.uniform(0, 1), draw.uniform(2, 12)
        if kind == 0:
            rows.append(15 + slope * (labels - 15) + spread * draw.normal(size=SESSIONS))
        elif kind == 1:
            noise = shared[draw.integers(5)] + 0.2 * draw.normal(size=SESSIONS)
            rows.append(15 + slope * (labels - 15) + spread * noise)
        elif kind == 2:
            rows.append(rows[-1] + draw.uniform(-4, 4))
        else:
            rows.append(rows[-2] + 0.05 * draw.normal(size=SESSIONS))
    return np.array(rows)


@pytest.fixture(scope="module")
def content(labels, predictors):
    """The fields of each run's record before anything is left out."""
    names = [f"{index:03d}_1" for index in range(SESSIONS)]
    clips = [
        clip_record(name, subject=name, split="test", score=int(label), frames=1)
        for name, label in zip(names, labels, strict=True)
    ]
    base = build().model_dump(exclude={"checksum", "predictions", "metrics", "intervals"})
    found = []
    for index, row in enumerate(predictors):
        guess = dict(zip(names, row.tolist(), strict=True))
        constant = bool(np.ptp(row) == 0)
        found.append(
            {
                **base,
                **scored(clips, guess, session_labels(clips), licensed=True),
                "clips": {clip.clip: guess[clip.session] for clip in clips},
                "licensed": True,
                "corpus": "avec2014",
                "track": "avec14",
                "seed": index,
                "method": "constant" if constant else "Dep-MAP",
                "kind": "control" if constant else "method",
            }
        )
    return found


@pytest.fixture(scope="module")
def public(content, tmp_path_factory):
    """The records as files hold them."""
    folder = tmp_path_factory.mktemp("results")
    found = []
    for fields in content:
        told, private = divided(fields)
        path = write_record(Record.model_validate(told).with_private(private), folder)
        found.append(json.loads(path.read_text()))
    return found


@pytest.fixture(scope="module")
def older(content):
    """The same in the form of schema version 2: predictions, and metrics with all their digits."""
    kept = ("method", "metrics", "predictions", "intervals")
    return [
        json.loads(
            json.dumps({name: fields[name] for name in kept}, default=lambda x: x.model_dump())
        )
        for fields in content
    ]


def rounded(records, decimals=2):
    def shorter(metrics):
        return {name: round(value, decimals) for name, value in metrics.items()}

    return [{**record, "metrics": shorter(record["metrics"])} for record in records]


def error(found, labels):
    return float(np.sqrt(np.mean((found - labels) ** 2)))


def test_records_of_today_s_form_gave_all_labels(older, labels):
    found = recovered(older, SESSIONS, constants=CONSTANTS)
    print(f"{len(older)} records of version 2: labels to {error(found, labels):.1e} points")
    assert np.array_equal(np.round(found), labels)
    # Those that are neither shifted nor nearly copies: about as many as there are labels.
    few = [record for index, record in enumerate(older) if index % 4 in (0, 1)][:60]
    found = recovered(few, SESSIONS, constants=CONSTANTS[:2])
    print(f"{len(few)} records of version 2: labels to {error(found, labels):.1e} points")
    assert np.array_equal(np.round(found), labels)


def test_two_decimals_alone_would_not_keep_them(older, labels):
    found = recovered(rounded(older), SESSIONS, constants=CONSTANTS, decimals=2)
    right = float(np.mean(np.round(found) == labels))
    print(f"predictions beside two decimals: {error(found, labels):.2f} points, {right:.0%} exact")
    assert error(found, labels) < 0.5 * labels.std()


def test_public_records_give_no_more_than_a_constant(public, labels):
    found = recovered(public, SESSIONS, constants=CONSTANTS, decimals=2)
    print(f"{RECORDS} public records: {error(found, labels):.2f}, best constant {labels.std():.2f}")
    assert error(found, labels) >= labels.std() - 1e-9
    assert np.ptp(found) < 1e-6


def test_no_public_record_holds_a_number_a_session(public):
    assert len(public) == RECORDS
    assert not [vector for record in public for vector in vectors_in(record, SESSIONS)]
    names = [f"{index:03d}_1" for index in range(SESSIONS)]
    text = json.dumps(public)
    assert not [name for name in names if name in text]


@pytest.mark.parametrize("place", ["clips", "timing", "notes"])
def test_a_number_a_session_would_be_found_wherever_it_stands(public, content, labels, place):
    leaking = [
        {**record, place: list(fields["clips"].values())}
        for record, fields in zip(public, content, strict=True)
    ]
    found = recovered(leaking, SESSIONS, constants=CONSTANTS, decimals=2)
    assert error(found, labels) < 0.5 * labels.std()


def test_a_bias_would_give_the_sum_of_the_labels(content, labels):
    """Which is why calibration stays private: two tests that differ by a session give its label."""
    biased = [fields["calibration"].bias for fields in content[:1]]
    total = SESSIONS * (15.0 - biased[0])
    assert total == pytest.approx(labels.sum())
