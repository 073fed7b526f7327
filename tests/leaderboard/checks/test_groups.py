"""Results by group are computed anew from predictions, labels and what the corpus tells of persons."""

from dataclasses import replace

import pytest
from grouped_records import CHECKSUM, clips, corpus, grouped

from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.checks.groups import group_reasons
from adabench.records import write_record


def changed(record, name, **fields):
    """The record with another result of one group."""
    group = record.groups[name].model_copy(update=fields)
    return record.model_copy(update={"groups": {**record.groups, name: group}})


@pytest.mark.parametrize("licensed", [False, True])
def test_what_follows_from_the_corpus_holds(licensed):
    record = grouped(licensed=licensed)
    assert "sex: f" in record.by_group
    # Three persons are under 30: of a licensed corpus nothing by age is public.
    assert ("age: 30 to 44" in record.groups) is not licensed
    assert group_reasons(record, corpus(licensed=licensed), intervals=True) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"bias": 0.0}, "sex: f.bias is 0.0, but"),
        ({"persons": 21}, "sex: f.persons is 21, but"),
        ({"metrics": None}, "sex: f.metrics.MAE is None, but"),
        ({"slope": None}, "sex: f.slope is None, but"),
    ],
)
def test_another_number_is_told(fields, told):
    record = grouped()
    reasons = group_reasons(changed(record, "sex: f", **fields), corpus())
    assert any(told in reason for reason in reasons)
    assert all("sex: f." in reason for reason in reasons)


def test_intervals_are_asked_only_where_that_is_wanted():
    record = changed(grouped(), "sex: m", bias_interval=(0.0, 1.0))
    assert group_reasons(record, corpus()) == []
    (reason,) = group_reasons(record, corpus(), intervals=True)
    assert "groups.sex: m.bias_interval is (0.0, 1.0), but" in reason


def test_groups_that_are_left_out_or_that_nobody_is_in_are_told():
    record, others = grouped(), [replace(clip, traits=clip.traits[:1]) for clip in clips()]
    fewer = {name: group for name, group in record.groups.items() if name != "sex: m"}
    (reason,) = group_reasons(record.model_copy(update={"groups": fewer}), corpus())
    assert "groups.sex: m is left out" in reason
    reasons = group_reasons(record, corpus(others))
    assert [reason.split(" is ")[0] for reason in reasons] == ["groups.sex: f", "groups.sex: m"]


def test_a_licensed_record_s_rounded_numbers_are_held_too():
    record = grouped(licensed=True)
    group = record.groups["sex: f"]
    near = changed(record, "sex: f", metrics=group.metrics.model_copy(update={"RMSE": 4.0}))
    (reason,) = group_reasons(near.with_private(record.kept), corpus(licensed=True))
    assert "groups.sex: f.metrics.RMSE is 4.0, but" in reason


def test_where_something_is_not_at_hand_nothing_is_recomputed():
    record = grouped(licensed=True)
    assert group_reasons(record, None) is None
    assert group_reasons(record, replace(corpus(), prepared=None)) is None
    alone = type(record).model_validate(record.model_dump(mode="json"))
    assert group_reasons(alone, corpus()) is None
    assert group_reasons(record, corpus(clips()[1:])) is None


def test_verify_tells_what_does_not_hold_and_what_was_not_recomputed(tmp_path):
    path = write_record(changed(grouped(), "sex: f", bias=0.25), tmp_path / "local")
    known = verify(tmp_path, {CHECKSUM: corpus()})
    assert [problem.path for problem in known.problems] == [path]
    assert "groups.sex: f.bias is 0.25" in str(known.problems[0])
    assert known.ungrouped == ()
    unknown = verify(tmp_path)
    assert unknown.holds
    assert unknown.ungrouped == (path,)
    assert any("groups of 1 file were not recomputed" in line for line in unknown.lines())
