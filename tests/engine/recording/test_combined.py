"""Records made into one."""

import pytest
from record_fixtures import as_licensed

from adabench.engine.recording.combined import CombinedMethod, PooledFolds
from adabench.evaluation import score_metrics
from adabench.records import Cost, Metrics, Prediction, Record
from adabench.records.schema.sections import Selection, StageUse, View

LABELS = {"a": 0.0, "b": 10.0, "c": 30.0, "d": 20.0}


def member(predictions, config="one", cost=None, timing=None, **more):
    labels = [LABELS[session] for session in predictions]
    return Record(
        kind="method",
        method="Mine",
        config=config,
        config_hash="0123",
        track="demo",
        corpus="synthface",
        corpus_checksum="c0ffee",
        licensed=False,
        protocol="official",
        fusion="none",
        seed=0,
        metrics=Metrics(**score_metrics(list(predictions.values()), labels)),
        predictions=[
            Prediction(session=name, subject=name, prediction=value, label=LABELS[name])
            for name, value in predictions.items()
        ],
        cost=cost or Cost(),
        timing=timing or {},
        created="2026-01-02T03:04:05+00:00",
        origin={"type": "measured"},
        **more,
    )


def bound():
    return Record(
        kind="bound",
        method="oracle",
        config="bounds",
        track="demo",
        corpus="synthface",
        corpus_checksum="c0ffee",
        licensed=False,
        metrics=Metrics(RMSE=4.0, MAE=3.0),
        origin={"type": "measured"},
    )


FIRST = {"a": 1.0, "b": 12.0, "c": 20.0}
SECOND = {"c": 29.0, "a": 4.0, "b": 8.0}


def test_a_sessions_score_is_the_mean_over_members():
    combined = CombinedMethod([member(FIRST), member(SECOND)])
    assert combined.predictions() == {"a": 2.5, "b": 10.0, "c": 24.5}


def test_a_session_of_some_members_is_the_mean_over_those():
    third = member({"a": 10.0, "b": 10.0, "d": 17.0})
    combined = CombinedMethod([member(FIRST), member(SECOND), third])
    assert combined.predictions() == {"a": 5.0, "b": 10.0, "c": 24.5, "d": 17.0}


def test_clips_and_stages_are_those_of_all_members():
    trunk = StageUse(name="trunk", type="T", key="1")
    encoders = [StageUse(name="encoder", type="E", key=key) for key in "23"]
    parts = [
        member(FIRST).model_copy(update={"stages": [trunk, encoders[0]], "clips": {"a_F": 1.0}}),
        member(SECOND).model_copy(
            update={"stages": [trunk, encoders[1]], "clips": {"a_N": 4.0, "a_F": 2.0}}
        ),
    ]
    combined = CombinedMethod(parts)
    assert combined.stages() == (trunk, *encoders)
    assert combined.clips() == {"a_F": 1.5, "a_N": 4.0}


def test_what_members_see_is_told_where_they_agree():
    seen = View(length=8, stride=2.0, frames_per_second=7.5)
    one = member({"a": 1.0}, view=seen, kept_share=0.2)
    two = member({"a": 2.0}, view=seen, kept_share=0.4)
    joined = CombinedMethod([one, two])
    assert (joined.view(), joined.kept_share()) == (seen, pytest.approx(0.3))
    other = CombinedMethod([one, member({"a": 2.0}, view=seen.model_copy(update={"length": 9}))])
    assert (other.view(), other.kept_share()) == (None, None)


def test_members_under_licence_are_joined_from_their_private_files():
    members = [as_licensed(member(FIRST)), as_licensed(member(SECOND))]
    assert CombinedMethod(members).predictions() == {"a": 2.5, "b": 10.0, "c": 24.5}
    bare = Record.model_validate_json(members[1].model_dump_json())
    with pytest.raises(ValueError, match=rf"{bare.private[:8]}….json are not in the folder `priv"):
        CombinedMethod([members[0], bare])


def test_a_member_alone_is_itself():
    assert CombinedMethod([member(FIRST)]).predictions() == FIRST


def test_without_members_or_predictions_there_is_nothing_to_combine():
    with pytest.raises(ValueError, match="needs records with predictions; none came"):
        CombinedMethod([])
    with pytest.raises(ValueError, match="needs records with predictions; bounds came"):
        CombinedMethod([member(FIRST), bound()])


def test_costs_add_up():
    members = [
        member(
            FIRST,
            cost=Cost(
                parameters=3,
                multiply_adds=100,
                frames_per_second=100.0,
                peak_memory_mb=5.0,
                wall_seconds=2.0,
                alone_seconds=8.0,
            ),
            timing={"training": 2.0, "corpus": 1.0},
        ),
        member(
            SECOND,
            cost=Cost(
                parameters=4,
                multiply_adds=50,
                frames_per_second=300.0,
                peak_memory_mb=7.0,
                wall_seconds=1.5,
                alone_seconds=9.0,
            ),
            timing={"training": 3.0, "features": 0.5},
        ),
    ]
    combined = CombinedMethod(members)
    cost = combined.cost()
    assert (cost.parameters, cost.multiply_adds, cost.wall_seconds) == (7, 150, 3.5)
    assert cost.peak_memory_mb == 7.0
    # A frame passes both: 1/100 s and 1/300 s, two frames in 1/75 s.
    assert cost.frames_per_second == pytest.approx(150.0)
    assert cost.alone_seconds is None
    assert combined.timing() == {"training": 5.0, "corpus": 1.0, "features": 0.5}


def test_costs_that_nobody_measured_count_nothing():
    cost = CombinedMethod([member(FIRST), member(SECOND, cost=Cost(parameters=4))]).cost()
    assert (cost.parameters, cost.frames_per_second) == (4, None)


def test_folds_put_their_sessions_together():
    folds = [
        member({"a": 1.0, "c": 20.0}, cost=Cost(parameters=5, multiply_adds=9, wall_seconds=2.0)),
        member({"b": 8.0, "d": 3.0}, cost=Cost(parameters=5, multiply_adds=9, wall_seconds=3.0)),
    ]
    pooled = PooledFolds(folds)
    assert pooled.predictions() == {"a": 1.0, "c": 20.0, "b": 8.0, "d": 3.0}
    cost = pooled.cost()
    # One model sees a session; all of them were trained.
    assert (cost.parameters, cost.multiply_adds, cost.wall_seconds) == (5, 9, 5.0)


def test_a_session_of_two_folds_is_refused():
    with pytest.raises(ValueError, match="2 sessions were tested in several folds, the first a"):
        PooledFolds([member({"a": 1.0, "c": 2.0}), member({"c": 1.0, "a": 1.0, "b": 2.0})])


def located(value, ceiling=None, clips=None):
    return {"clips": clips, "roc_area": {"value": value, "chance": 0.5, "ceiling": ceiling}}


@pytest.mark.parametrize("joins", [CombinedMethod, PooledFolds])
def test_relevance_is_the_mean_over_all_clips_of_the_members(joins):
    told = {"all": located(0.9, 1.0, clips=1), "scale2": located(0.6, 0.8, clips=1)}
    first = member({"a": 1.0}, relevance_measures=told)
    second = member(
        {"b": 8.0, "c": 3.0, "d": 1.0}, relevance_measures={"all": located(0.5, 0.6, clips=3)}
    )
    found = joins([first, second]).relevance_measures()
    assert (found["all"].clips, found["all"].share) == (4, None)
    assert found["all"].roc_area.model_dump() == {"value": 0.6, "chance": 0.5, "ceiling": 0.7}
    assert found["scale2"] == first.relevance_measures["scale2"]


def test_relevance_of_older_records_counts_by_their_sessions():
    first = member({"a": 1.0}, relevance_measures={"all": located(0.9)})
    second = member({"b": 8.0, "c": 3.0, "d": 1.0}, relevance_measures={"all": located(0.5, 0.6)})
    found = CombinedMethod([first, second]).relevance_measures()["all"]
    assert (found.clips, found.roc_area.value, found.roc_area.ceiling) == (None, 0.6, None)


def test_looks_of_members_add_up():
    own = Selection(epoch=2, epochs=3, looks=3, budget=1, rule="lowest RMSE")
    found = CombinedMethod(
        [member(FIRST, selection=own), member(SECOND, selection=own)]
    ).selection()
    assert (found.looks, found.epochs, found.epoch, found.budget) == (6, 6, None, 1)
    assert found.rule == "each of 2 by itself: lowest RMSE"
    assert CombinedMethod([member(FIRST, selection=own), member(SECOND)]).selection() is None
