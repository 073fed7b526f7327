"""Records as adabench sends them: of drawn sessions, with the config that made them beside."""

import json

import numpy as np

from adabench.config.experiment import Experiment
from adabench.config.fields.generated import synthface_parameters
from adabench.evaluation import metric_intervals, score_metrics
from adabench.records import Flags, Measured, Metrics, Prediction, Record, write_record
from adabench.records.files.side_files import digests, write_side_files
from adabench.records.provenance import commit
from adabench.synthface import SynthfaceParameters, draw_sessions

TINY = {"preset": "tiny", "seed": 3, "draw": 0}
METHOD = {"name": "Mine", "type": "EstimatorMethod", "estimator": {"type": "Ridge"}}

HEAD = commit()[0]


def experiment(**changes):
    """The run that a sent record is of; changes are fields of its config."""
    fields = {
        "name": "mine",
        "method": METHOD,
        "track": "demo",
        "data": {"synthface": TINY},
        "is_demo": True,
    }
    return Experiment.model_validate({**fields, **changes})


def drawn(split="test", **parameters):
    """The sessions of one split of the drawn corpus."""
    given = SynthfaceParameters.model_validate(
        {**SynthfaceParameters.tiny(TINY["seed"]).model_dump(), **parameters}
    )
    return [session for session in draw_sessions(given) if session.split == split]


def predicted(sessions, guess):
    """Predictions, and the metrics and intervals that follow from them."""
    truth = [float(session.score) for session in sessions]
    persons = [session.subject for session in sessions]
    entries = [
        Prediction(session=s.name, subject=person, prediction=value, label=label)
        for s, person, value, label in zip(sessions, persons, guess, truth, strict=True)
    ]
    return {
        "predictions": entries,
        "metrics": Metrics(**score_metrics(np.array(guess), np.array(truth))),
        "intervals": metric_intervals(np.array(guess), np.array(truth), persons),
    }


def of_draw(run):
    """What a record tells of the generated corpus that a run is tested on."""
    if not run.track_.is_demo:
        return {}
    parameters = synthface_parameters(run.corpora.synthface)
    return {"draw": run.draw, "family": parameters.family(), "world": parameters.world}


def sent(error=3.0, seed=0, *, run=None, sessions=None, **changes):
    """A record and its side files; ``run`` changes its config, ``changes`` the record's fields."""
    run = experiment(**{"seed": seed, **(run or {})})
    sessions = drawn() if sessions is None else sessions
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=len(sessions))
    guess = [session.score + error * sign for session, sign in zip(sessions, signs, strict=True)]
    files = {
        "config.json": json.dumps(run.model_dump(mode="json", by_alias=True)),
        "environment.txt": "x==1\n",
    }
    files = changes.pop("files", files)
    fields = {
        "kind": "method",
        "method": run.method["name"],
        "config": run.name,
        "config_hash": run.hash(),
        "overrides": list(run.overrides),
        "track": run.track,
        "corpus": "synthface",
        "corpus_checksum": "c0ffee00c0ffee00",
        "licensed": False,
        "protocol": "official",
        "fusion": "joint" if run.track == "demo" else "none",
        "seed": seed,
        **({} if "corpus" in changes or changes.get("family") else of_draw(run)),
        **predicted(sessions, guess),
        "commit": HEAD,
        "clean_tree": True,
        "provenance": digests(files),
        "flags": Flags(demo=True, paper_compat=run.paper_compat),
        "created": "2026-01-02T03:04:05+00:00",
        "origin": Measured(),
    }
    return Record(**{**fields, **changes}), files


def send(root, *arguments, **changes):
    """Write such a record and its side files below a folder; returns the record's path."""
    record, files = sent(*arguments, **changes)
    path = write_record(record, root)
    write_side_files(path, files)
    return path
