"""Intervals around a run's predictions: fitted on sessions that serve nothing else, kept, recorded."""

import json
import math

import numpy as np
import pytest
import torch
from tiny_runs import CONFIGS, tiny_options

from adabench.config.reading.load import load_config
from adabench.engine.data.rundata import open_data
from adabench.engine.files import checkpoints
from adabench.engine.files.estimator_file import FITTED
from adabench.engine.run import score_checkpoint, train
from adabench.engine.testing.calibrated import CALIBRATION_FILE
from adabench.evaluation import BDI_II
from adabench.models import Head
from adabench.models.roles import QUANTILES
from adabench.registry import MODELS
from adabench.structures import Assessment

SESSIONS, LEVEL = 16, 0.75
# Statistics of frames need no trunk; a corpus of its own has what the shared one lacks.
OWN = ("data.synthface.calibration=16", "views.test.frames=8")
STATISTICS = ("method.extractor._delete_=True", "method.extractor.type=FrameStatistics")


def loaded(root, config, *overrides, **options):
    small = [*tiny_options(root / "data", select="frames" in config), *OWN, *overrides]
    if options.get("change", {}).get("stages"):
        small = [option for option in small if not option.startswith("stages.")]
    return load_config(CONFIGS / "baselines" / config, demo=True, overrides=small, **options)


def estimator(root, *intervals, **options):
    change = {
        "method": {"estimator": [{"type": "Ridge"}], "search": None},
        "intervals": list(intervals) or [{"type": "SplitConformal", "level": LEVEL}],
    }
    return loaded(root, "svr_trunk_avec14.py", *STATISTICS, change=change, **options)


def folders(root):
    return {"work_dir": root / "work", "results": root / "results"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A fitted estimator, with two calibrators, and its run."""
    root = tmp_path_factory.mktemp("calibrated")
    run = estimator(
        root,
        {"type": "SplitConformal", "level": LEVEL},
        {"type": "BinnedConformal", "level": 0.5, "bins": 2},
    )
    return run, train(run, **folders(root)), root


def threshold(distances, persons, level):
    """The least distance up to which persons of one weight, and one to come, reach a level."""
    share = {person: 1 / persons.count(person) / (len(set(persons)) + 1) for person in persons}
    reached = 0.0
    for distance, person in sorted(zip(distances, persons, strict=True)):
        reached += share[person]
        if reached >= level - 1e-9:
            return distance
    return math.inf


def labels_of(run, split):
    corpus = open_data(run).corpus
    return {c.session: (c.score, c.subject) for c in corpus.clips if c.split == split}


def test_the_record_tells_what_they_hold(done):
    """Held against the predictions of the calibration sessions and the corpus's own labels."""
    run, outcome, root = done
    split, binned = outcome.record.conformal
    held = json.loads((root / "work" / CALIBRATION_FILE).read_text())["points"]
    known = labels_of(run, "calibration")
    assert held.keys() == known.keys()
    assert len(held) == split.fitted_on == binned.fitted_on == SESSIONS
    distances = [abs(held[session] - score) for session, (score, _) in known.items()]
    reach = threshold(distances, [person for _, person in known.values()], LEVEL)
    tested = outcome.record.predictions
    low, high = (
        np.clip([p.prediction + side * reach for p in tested], BDI_II.low, BDI_II.high)
        for side in (-1, 1)
    )
    label = np.array([p.label for p in tested])
    inside = (low <= label) & (label <= high)
    assert split.coverage == inside.mean()
    assert split.width == pytest.approx((high - low).mean())
    assert sum(cover.held for cover in split.by_label.values()) == inside.sum()
    assert sum(cover.sessions for cover in split.by_prediction.values()) == len(tested)
    outside = np.maximum(low - label, 0) + np.maximum(label - high, 0)
    assert split.score == pytest.approx((high - low + 2 / (1 - LEVEL) * outside).mean())
    assert binned.method == "BinnedConformal"
    assert binned.level == 0.5


def test_the_width_is_held_against_the_training_mean_calibrated_alike(done):
    run, outcome, _ = done
    known, train_labels = labels_of(run, "calibration"), labels_of(run, "train")
    mean = np.mean([score for score, _ in train_labels.values()])
    distances = [abs(mean - score) for score, _ in known.values()]
    reach = threshold(distances, [person for _, person in known.values()], LEVEL)
    width = min(mean + reach, 63) - max(mean - reach, 0)
    split = outcome.record.conformal[0]
    assert split.relative_width == pytest.approx(split.width / width)


def test_their_persons_serve_nothing_else_and_their_scores_are_shut(done):
    run, _, _ = done
    parts = open_data(run).parts
    others = {clip.subject for use in ("train", "validate", "test") for clip in getattr(parts, use)}
    assert others.isdisjoint({clip.subject for clip in parts.calibrate})
    assert all(clip.score is None for clip in parts.calibrate)
    with pytest.raises(ValueError, match="have no prediction"):
        parts.open_calibration({})


def test_the_file_of_the_estimator_keeps_them(done):
    run, outcome, root = done
    _, again = score_checkpoint(run, root / "work" / FITTED)
    assert again.conformal == outcome.record.conformal


def test_they_decide_no_result_and_no_hash(done):
    run, outcome, root = done
    plain = estimator(root, draw=0)
    assert plain.hash() == run.hash()
    assert "intervals" not in loaded(root, "svr_trunk_avec14.py", *STATISTICS).model_dump()
    none = estimator(root).model_copy(update={"intervals": ()})
    other = train(none, work_dir=root / "none", results=root / "other")
    assert other.record.conformal == []
    assert other.record.predictions == outcome.record.predictions


def test_of_a_model_per_task_the_mean_is_calibrated(done, tmp_path):
    fused = done[0].model_copy(update={"fusion": "fused"})
    record = train(fused, **folders(tmp_path)).record
    held = [
        json.loads((tmp_path / "work" / task / CALIBRATION_FILE).read_text())["points"]
        for task in ("", "freeform", "northwind")
    ]
    for session, score in held[0].items():
        assert score == pytest.approx((held[1][session] + held[2][session]) / 2)
    assert [(one.method, one.fitted_on) for one in record.conformal] == [
        ("SplitConformal", SESSIONS),
        ("BinnedConformal", SESSIONS),
    ]
    # Members that were found, and not run, left no predictions of these sessions here.
    again = train(fused, work_dir=tmp_path / "again", results=tmp_path / "results").record
    assert again.conformal == []
    assert again.predictions == record.predictions


class TwoQuantiles(Head):
    """A score and two quantiles around it."""

    gives_quantiles = True

    def __init__(self, *, units):
        super().__init__()
        self.regress = torch.nn.Linear(units.dim, 1)

    def forward(self, units, selection):
        score = self.to_points((selection.weight * self.regress(units.x).squeeze(-1)).sum(-1))
        ends = torch.stack([score - 3, score + 5], -1)
        return Assessment(score=score, selection=selection, extra={QUANTILES: ends})

    def loss(self, inputs, output, truth, progress):
        error = self.standardise(output.score) - self.standardise(truth.score)
        return {"mse": error.square().mean()}


@pytest.fixture
def network(done, monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, "ZzTwoQuantiles", TwoQuantiles)
    quantiles = {"type": "ConformalQuantiles", "level": LEVEL}
    frozen = ("cache=False", "method.head._delete_=True", "method.head.type=ZzTwoQuantiles")
    weights = ("method.backbone.weights=None", "training.epochs=1", "training.validate_every=1")
    change = {"intervals": [quantiles], "stages": {"trunk": None}}
    return loaded(done[2], "frames_avec14.py", *frozen, *weights, change=change)


def test_quantiles_of_a_head_are_averaged_and_moved(network, tmp_path):
    outcome = train(network, **folders(tmp_path))
    (found,) = outcome.record.conformal
    held = json.loads((tmp_path / "work" / CALIBRATION_FILE).read_text())
    for session, (low, high) in held["quantiles"].items():
        score = held["points"][session]
        assert (low, high) == pytest.approx((score - 3, score + 5), abs=1e-4)
    known = labels_of(network, "calibration")
    outside = [
        max(low - known[session][0], known[session][0] - high)
        for session, (low, high) in held["quantiles"].items()
    ]
    persons = [known[session][1] for session in held["quantiles"]]
    reach = threshold(outside, persons, LEVEL)
    ends = [
        (p.prediction - 3 - reach, p.prediction + 5 + reach) for p in outcome.record.predictions
    ]
    width = np.mean([min(high, 63) - max(low, 0) for low, high in ends])
    assert found.width == pytest.approx(width, abs=1e-3)
    kept = checkpoints.identity_of(outcome.checkpoint)["intervals"]
    assert kept[0]["own"]["reach"] == pytest.approx(reach, abs=1e-3)
    _, again = score_checkpoint(network, outcome.checkpoint)
    assert again.conformal[0].width == pytest.approx(found.width, abs=1e-3)


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        (
            "ConformalQuantiles",
            "ConformalQuantiles reads a lower and an upper quantile, and the method",
        ),
        ({"type": "SplitConformal", "level": 1.0}, "SplitConformal.level is the share of labels"),
        ("SplitConformall", "'SplitConformall'. Did you mean 'SplitConformal'"),
        ({"type": "BinnedConformal", "bins": 0}, "intervals: BinnedConformal.bins is 1 or more"),
        ({"type": "BinnedConformal", "bin": 3}, "intervals: BinnedConformal.* 'bin'"),
    ],
)
def test_what_is_refused_before_a_corpus_is_made(done, tmp_path, interval, told):
    with pytest.raises((ValueError, TypeError, LookupError), match=told):
        train(estimator(tmp_path, interval), **folders(tmp_path))
    assert not (tmp_path / "data").exists()


def test_a_corpus_without_such_sessions_has_none(tiny):
    assert open_data(tiny.experiment()).parts.calibrate == ()
    assert tiny.outcome.record.conformal == []
