"""A factory of valid records, so that a test names only what it is about."""

import numpy as np
import pytest

from adabench.bench import Measured, Metrics, Prediction, Record
from adabench.evaluation import metric_intervals, score_metrics


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
            Prediction(session=f"{index:03d}_1", prediction=value, label=truth)
            for index, (value, truth) in enumerate(zip(guess, label, strict=True))
        ],
        "created": "2026-01-02T03:04:05+00:00",
        "origin": Measured(),
    }
    return Record(**{**fields, **changes})


@pytest.fixture
def make_record():
    return build
