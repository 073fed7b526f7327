"""Records of methods on the draws of a family, with persons nested in them."""

import numpy as np
from record_fixtures import build

from adabench.evaluation import score_metrics
from adabench.records import Metrics, Prediction

FAMILY = "fa111e5fa111e5fa"


def drawn_run(method, draw, spread, *, seed=None, persons=30, world="sparse", base=0, **changes):
    """A run whose errors have the deviation ``spread``; labels follow from base and draw alone."""
    labels = np.random.default_rng([1, draw, *[base] * (base > 0)]).integers(0, 46, persons)
    labels = labels.astype(float)
    seed = draw if seed is None else seed
    chance = np.random.default_rng([2, draw, seed, len(method), *method.encode()])
    guess = (
        np.full(persons, 20.0)
        if method == "constant"
        else labels + chance.normal(0, spread, persons)
    )
    entries = [
        Prediction(session=f"d{draw}-{n:03d}_1", subject=f"d{draw}-{n:03d}", prediction=p, label=t)
        for n, (p, t) in enumerate(zip(guess, labels, strict=True))
    ]
    fields = {
        "method": method,
        "config": method,
        "kind": "control" if method == "constant" else "method",
        "track": "demo-freeform",
        "fusion": "none",
        "config_hash": f"{base:016x}",
        "corpus_checksum": f"{draw:04d}{base or 'c0ffee'}",
        "draw": draw,
        "family": FAMILY,
        "world": world,
        "seed": seed,
        "predictions": entries,
        "metrics": Metrics(**score_metrics(guess, labels)),
        "intervals": {},
    }
    return build(**{**fields, **changes})
