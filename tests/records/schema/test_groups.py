"""Results by group of persons: what a record holds, and what of a licensed corpus is public."""

import numpy as np
import pytest
from clip_records import clip_record
from record_fixtures import as_licensed

from adabench.evaluation.calibration import calibration_of
from adabench.evaluation.intervals import bootstrap_interval, calibration_intervals
from adabench.evaluation.metrics import rmse, score_metrics
from adabench.records.schema.groups import FEWEST_PERSONS, groups_of, public_groups
from adabench.records.schema.private import divided
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Group, Metrics

WOMEN, MEN = 20, 16


@pytest.fixture(scope="module")
def tested():
    """Clips of women and men of three sites, one of whose sites has three persons; two tasks each."""
    people = [("f", n) for n in range(WOMEN)] + [("m", WOMEN + n) for n in range(MEN)]
    clips = [
        clip_record(
            f"{300 + n}_1",
            task,
            split="test",
            traits=(("age", str(20 + n)), ("group_site", "far" if n < 3 else "near"), ("sex", sex)),
        )
        for sex, n in people
        for task in ("Freeform", "Northwind")
    ]
    rng = np.random.default_rng(0)
    labels = {clip.session: float(rng.integers(0, 64)) for clip in clips}
    predictions = {session: 0.5 * score + rng.normal(10, 3) for session, score in labels.items()}
    return clips, predictions, labels


def test_each_group_has_its_errors_bias_and_slope(tested):
    clips, predictions, labels = tested
    groups = groups_of(*tested)
    assert list(groups) == [
        *("age: 0 to 29", "age: 30 to 44", "age: 45 to 59"),
        *("group_site: far", "group_site: near", "sex: f", "sex: m"),
    ]
    men = sorted({clip.session for clip in clips if ("sex", "m") in clip.traits})
    predicted = np.array([predictions[session] for session in men])
    truth = np.array([labels[session] for session in men])
    group, line = groups["sex: m"], calibration_of(predicted, truth)
    assert (group.sessions, group.persons) == (MEN, MEN)
    assert group.metrics == Metrics(**score_metrics(predicted, truth))
    assert (group.bias, group.slope) == pytest.approx((line["bias"], line["slope"]))
    wanted = bootstrap_interval(rmse, predicted, truth, men)
    assert group.intervals["RMSE"] == pytest.approx(wanted)
    assert group.bias_interval[0] < group.bias < group.bias_interval[1]
    assert group.slope_interval[0] < group.slope < group.slope_interval[1]


def test_too_few_persons_have_a_number_and_no_result(tested):
    group = groups_of(*tested)["group_site: far"]
    assert group == Group(sessions=3, persons=3, metrics=None)
    assert FEWEST_PERSONS == 15


def test_intervals_of_the_line_are_those_of_its_resamples():
    rng = np.random.default_rng(1)
    truth = rng.normal(20, 8, 24)
    predicted, person = truth + rng.normal(0, 4, 24), [str(n // 2) for n in range(24)]
    found = calibration_intervals(predicted, truth, person)
    for name in ("bias", "slope"):
        wanted = bootstrap_interval(
            lambda p, t, name=name: calibration_of(p, t)[name], predicted, truth, person
        )
        assert found[name] == pytest.approx(wanted)
    assert calibration_intervals(predicted, truth, ["a"] * 24) == {}
    assert set(calibration_intervals(np.ones(24), truth, person)) == {"bias"}


def test_nothing_public_follows_on_few_persons_of_a_licensed_corpus(tested):
    groups = groups_of(*tested)
    public = public_groups(groups, WOMEN + MEN)
    assert set(public) == {"sex: f", "sex: m"}
    assert all(group.bias is None and group.slope_interval is None for group in public.values())
    # Some whose sex is not known: the whole less both groups would be theirs.
    assert public_groups({"sex: f": groups["sex: f"]}, WOMEN + 5) == {}


def test_a_licensed_record_keeps_the_rest_in_its_private_file(make_record, tested):
    groups = groups_of(*tested)
    licensed = make_record().model_dump(exclude={"checksum"})
    bare = [{**entry, "label": None} for entry in licensed["predictions"]]
    sizes = {"sessions": len(bare), "persons": len({entry["subject"] for entry in bare})}
    content = {**licensed, "licensed": True, "predictions": bare, "counts": sizes}
    everyone = groups["sex: f"].model_copy(update={"sessions": len(bare)})
    public, private = divided(
        {**content, "groups": {"sex: f": everyone, "group_site: far": groups["group_site: far"]}}
    )
    record = Record.model_validate(public).with_private(private)
    assert set(record.groups) == {"sex: f"}
    assert round(everyone.metrics.RMSE, 2) == record.groups["sex: f"].metrics.RMSE
    assert record.by_group["sex: f"] == everyone
    assert record.by_group["group_site: far"].metrics is None


@pytest.mark.parametrize("change", [{"persons": 14}, {"bias": 0.5}, {"slope_interval": (0.1, 1.0)}])
def test_a_licensed_record_that_tells_more_is_refused(make_record, change):
    group = Group(sessions=15, metrics=Metrics(RMSE=7.5, MAE=6.5), persons=15)
    assert as_licensed(make_record(), groups={"all": group}).groups
    with pytest.raises(ValueError, match=r"groups.all is of fewer than 15 persons, or has bias"):
        as_licensed(make_record(), groups={"all": group.model_copy(update=change)})


def test_what_came_later_is_not_written_at_its_default(make_record):
    group = Group(sessions=12, metrics=Metrics(RMSE=7.5, MAE=6.5))
    assert set(group.model_dump()) == {"sessions", "metrics"}
    record = make_record(groups={"all": group})
    assert set(record.model_dump(mode="json")["groups"]["all"]) == {"sessions", "metrics"}
