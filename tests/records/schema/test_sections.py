"""The sections of schema 3: what they hold, in which range, and what a licensed corpus leaves out."""

import json

import pytest
from pydantic import ValidationError
from record_fixtures import as_licensed

from adabench.evaluation import calibration_of
from adabench.records import Record
from adabench.records.schema.intervals import Conformal, Covered
from adabench.records.schema.localisation import Localisation, Located
from adabench.records.schema.scale import Level, Scale, bdi_ii
from adabench.records.schema.sections import (
    Calibration,
    Code,
    Contract,
    Counts,
    Decoy,
    Group,
    Load,
    Measure,
    Metrics,
    RelevanceFile,
    Selection,
    StageUse,
    View,
)

METRICS = Metrics(RMSE=8.12, MAE=6.5, PCC=0.51, CCC=0.4)
HELD = {"level": 0.9, "method": "split", "coverage": 0.9, "width": 3.0}
LOCATED = Located(value=0.7, chance=0.5, ceiling=0.88)


def full(record):
    """One valid value for each section that a run may leave empty."""
    guess = [entry.prediction for entry in record.predictions]
    label = [entry.label for entry in record.predictions]
    return {
        "code": {"Mine": Code(unit="mine", kind="folder", sha256="a" * 64, clean=True)},
        "draw": 3,
        "world": "plain",
        "scale": bdi_ii(),
        "stages": [StageUse(name="trunk", type="Pretraining", key="ab12", seed=0, seconds=3.5)],
        "view": View(length=32, stride=2.0, frames_per_second=15.0),
        "kept_share": 0.25,
        "selection": Selection(
            metrics=METRICS, epoch=3, epochs=9, schedule=12, looks=9, budget=20, rule="lowest RMSE"
        ),
        "counts": Counts(sessions=15, persons=8, clips=30),
        "clips": {"000_1_Freeform": 12.5},
        "groups": {"women": Group(sessions=12, metrics=METRICS)},
        "calibration": Calibration(**calibration_of(guess, label)),
        "conformal": [
            Conformal(
                level=0.9,
                method="split",
                coverage=0.8,
                width=21.5,
                by_label={
                    "mild": Covered(held=4, sessions=5),
                    "severe": Covered(held=8, sessions=10),
                },
            )
        ],
        "measures": {"auc at 14": Measure(value=0.8, unit="", direction="higher", code="roc_auc")},
        "contract": Contract(outcome="held", seconds=2.5),
        "decoy": Decoy(outcome="equal", difference=0.0, repeated=0.0),
        "relevance": RelevanceFile(name="relevance.npz", sha256="b" * 64),
        "relevance_measures": {
            "all": Localisation(clips=30, roc_area=LOCATED, pr_area=LOCATED, pointing=LOCATED),
            "scale2": Localisation(clips=28, roc_area=LOCATED, share=LOCATED),
            "severe": Localisation(clips=2, roc_area=LOCATED),
        },
        "load": Load(cores=2, load_average=0.5),
    }


def test_a_record_that_says_all_survives_json(make_record):
    record = make_record(**full(make_record()))
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_by_default_a_record_says_nothing_of_them(make_record):
    content = json.loads(make_record().model_dump_json())
    assert {name: content[name] for name in full(make_record())} == {
        name: type(content[name])() if content[name] is not None else None
        for name in full(make_record())
    }


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("draw", -1),
        ("draw", 1.5),
        ("seed", 2**63),
        ("seed", -1),
        ("kept_share", 1.01),
        ("world", ""),
        ("timing", {"training": -1.0}),
        ("timing", {"training": 2e9}),
        ("timing", {"training": float("inf")}),
        ("cost", {"parameters": 2**63}),
        ("clips", {"a": 1e4}),
        ("clips", {"": 1.0}),
        ("measures", {"a b\n": {"value": 1.0, "direction": "lower", "code": "f"}}),
        ("measures", {"<script>": {"value": 1.0, "direction": "lower", "code": "f"}}),
        ("measures", {"x" * 65: {"value": 1.0, "direction": "lower", "code": "f"}}),
        ("measures", {"x": {"value": float("nan"), "direction": "lower", "code": "f"}}),
        ("measures", {"x": {"value": 1.0, "direction": "better", "code": "f"}}),
        ("measures", {"x": {"value": 1.0, "direction": "lower"}}),
        ("measures", {"x": {"value": 1.0, "direction": "lower", "code": "f", "more": 1}}),
        ("code", {"A": {"unit": "a", "kind": "zip"}}),
        ("code", {"A": {"unit": "a", "kind": "file", "sha256": "ab"}}),
        ("contract", {"outcome": "fine"}),
        ("contract", {"outcome": "held", "seconds": -1}),
        ("decoy", {"outcome": "equal", "difference": -0.1}),
        ("selection", {"epoch": -1}),
        ("selection", {"metrics": {"RMSE": 1e4, "MAE": 1.0}}),
        ("selection", {"epoch": 3, "epochs": 2}),
        ("selection", {"epochs": 3, "schedule": 2}),
        ("selection", {"rule": ""}),
        ("relevance_measures", {"all": {"pr_area": {"value": 0.5}}}),
        ("relevance_measures", {"all": {"clips": 0, "roc_area": {"value": 0.5}}}),
        ("relevance_measures", {"all": {"roc_area": {"value": 0.5, "chance": 1.1}}}),
        ("relevance_measures", {"every": {"roc_area": {"value": 0.5}}}),
        ("relevance_measures", {"scale0": {"roc_area": {"value": 0.5}}}),
        ("stages", [{"name": "a", "type": "B", "key": "c", "seed": 2**63}]),
        ("stages", [{"name": "a", "type": "B"}]),
        ("view", {"length": 0}),
        ("view", {"length": 4, "stride": 0}),
        ("counts", {"sessions": 15, "persons": 16}),
        ("counts", {"sessions": 0, "persons": 0}),
        ("counts", {"sessions": 14, "persons": 8}),
        ("groups", {"g": {"sessions": 0, "metrics": METRICS}}),
        ("conformal", [{"level": 1.1, "method": "split", "coverage": 0.9, "width": 3.0}]),
        ("conformal", [{**HELD, "by_label": {"mild": {"held": 9, "sessions": 8}}}]),
        ("conformal", [{**HELD, "by_label": {"mild": {"held": 7, "sessions": 8}}}]),
        ("conformal", [{**HELD, "by_prediction": {"mild": {"held": 8, "sessions": 10}}}]),
        ("relevance", {"name": "../relevance.npz"}),
        ("load", {"cores": 0}),
        ("private", "f" * 64),
    ],
)
def test_what_is_not_plausible_is_refused(make_record, section, value):
    with pytest.raises(ValidationError, match=section.rstrip("s")):
        Record.model_validate({**make_record().model_dump(exclude={"checksum"}), section: value})


def test_calibration_follows_from_predictions_and_labels(make_record):
    right = full(make_record())["calibration"]
    for name in ("intercept", "slope", "bias", "sigma_ratio"):
        wrong = right.model_copy(update={name: getattr(right, name) + 0.01})
        with pytest.raises(ValidationError, match=rf"calibration\.{name} is"):
            make_record(calibration=wrong)
    with pytest.raises(ValidationError, match=r"calibration\.slope is None"):
        make_record(calibration=right.model_copy(update={"slope": None}))


def test_labels_are_held_to_the_records_own_scale(make_record):
    phq = Scale(name="PHQ-8", low=0, high=24, levels=[Level(name="none", low=0)])
    with pytest.raises(ValidationError, match=r"label 27, and PHQ-8 goes from 0 to 24"):
        make_record(scale=phq)


@pytest.mark.parametrize(
    "levels",
    [[("a", 1)], [("a", 0), ("b", 0)], [("a", 0), ("b", 64)], [("a", 0), ("c", 9), ("b", 4)]],
)
def test_a_scales_levels_rise_from_its_lowest_score(levels):
    with pytest.raises(ValidationError, match="levels of scale"):
        Scale(name="s", low=0, high=63, levels=[Level(name=n, low=low) for n, low in levels])
    with pytest.raises(ValidationError, match="not above"):
        Scale(name="s", low=5, high=5)


def test_the_scale_of_the_bdi_is_whole():
    lows = {level.name: level.low for level in bdi_ii().levels}
    assert lows == {"minimal": 0, "mild": 14, "moderate": 20, "severe": 29}
    assert (bdi_ii().low, bdi_ii().high) == (0, 63)


@pytest.mark.parametrize(
    "name", ["clips", "calibration", "conformal", "relevance", "relevance_measures"]
)
def test_a_licensed_record_leaves_out_what_goes_by_clip_or_sums_labels(make_record, name):
    record = make_record()
    with pytest.raises(ValidationError, match=rf"private side file, but the record holds {name}"):
        as_licensed(record, **{name: full(record)[name]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metrics", METRICS.model_copy(update={"CCC": 0.123})),
        ("clip_metrics", METRICS.model_copy(update={"RMSE": 9.125})),
        ("intervals", {"MAE": (1.0, 2.005)}),
        ("selection", {"metrics": {**METRICS.model_dump(), "RMSE": 8.125}}),
        ("groups", {"g": {"sessions": 15, "metrics": {**METRICS.model_dump(), "MAE": 0.001}}}),
    ],
)
def test_a_licensed_records_numbers_have_two_decimals(make_record, name, value):
    with pytest.raises(ValidationError, match=rf"two decimals, but {name} have more"):
        as_licensed(make_record(), **{name: value})


@pytest.mark.parametrize("sessions", [1, 9, 6, 14])
def test_no_small_group_of_a_licensed_corpus(make_record, sessions):
    group = {"g": Group(sessions=sessions, metrics=METRICS)}
    assert make_record(groups=group).groups
    with pytest.raises(ValidationError, match=rf"groups.g has {sessions} of 15 sessions"):
        as_licensed(make_record(), groups=group)
    assert as_licensed(make_record(), groups={"all": Group(sessions=15, metrics=METRICS)}).groups


def test_a_licensed_record_needs_its_counts(make_record):
    with pytest.raises(ValidationError, match="needs counts"):
        as_licensed(make_record(), counts=None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"groups": {"g": {"sessions": 16, "metrics": METRICS}}},
            "16 sessions, and 15 were tested",
        ),
        ({"selection": {"epoch": 9, "epochs": 3}}, "epoch 9 can't be tested, as 3 were trained"),
    ],
)
def test_what_a_record_says_of_itself_fits(make_record, changes, reason):
    with pytest.raises(ValidationError, match=reason):
        make_record(**changes)
    with pytest.raises(ValidationError, match=reason):
        as_licensed(make_record(), **changes)


def test_no_track_is_called_as_the_folder_of_private_files(make_record):
    with pytest.raises(ValidationError, match="folder of private files"):
        make_record(track="private")
    with pytest.raises(ValidationError, match="ends as side folders do"):
        make_record(track="mine.provenance")
