"""The decoy tells who looks up a test clip's label by its name."""

import csv
import itertools
import sys

import pytest
import torch
from clip_records import clip_record

from adabench.engine.testing.decoy import ask_decoy, describe, other_names, worst
from adabench.engine.testing.evaluation import evaluate, predict_views
from adabench.records.schema.sections import Decoy


def clips(*sessions, tasks=("Freeform", "Northwind")):
    return [clip_record(session, task) for session in sessions for task in tasks]


@pytest.mark.parametrize(
    "sessions",
    [
        ("201_1", "202_1", "203_1"),
        ("201_1", "201_2", "202_1", "203_1", "204_1"),
        ("201_1", "201_2", "201_3", "202_1"),
        ("201_1", "202_1"),
    ],
    ids=len,
)
def test_each_goes_under_another_persons_name(sessions):
    own = clips(*sessions)
    found = other_names(own)
    assert set(found) == {clip.clip for clip in own}
    for clip in own:
        told = found[clip.clip]
        assert told.subject != clip.subject
        assert (told.task, told.session) != (clip.task, clip.session)
        assert told.task == clip.task
        assert told.clip == f"{told.session}_{told.task}"
    # A session changes its name as a whole.
    assert len({(clip.session, found[clip.clip].session) for clip in own}) == len(sessions)


def test_a_task_that_the_other_lacks_has_a_name_all_the_same():
    own = [*clips("201_1"), *clips("202_1", tasks=("Freeform",))]
    found = other_names(own)
    assert found["201_1_Northwind"].clip == "202_1_Northwind"


def test_one_person_alone_has_no_decoy():
    assert other_names(clips("201_1", "201_2")) is None


def test_an_honest_method_predicts_what_it_predicted(tiny):
    found = asked(tiny.bench())
    assert found.outcome == "equal"
    assert found.difference <= 1e-4
    assert found.difference == found.repeated
    assert tiny.outcome.record.decoy.outcome == "equal"


def asked(bench):
    return ask_decoy(bench, evaluate(bench).first_views)


def names_in_sight():
    """The ids of the batch that is predicted, wherever a caller holds them."""
    frame = sys._getframe()
    while frame is not None:
        batch = frame.f_locals.get("batch")
        if isinstance(batch, dict) and "ids" in batch:
            return batch["ids"]
        frame = frame.f_back
    raise AssertionError("the test's cheat finds no names")


def spoiled(bench, score_of):
    """The bench with a head whose scores come from names."""
    head, forward = bench.assessor.head, bench.assessor.head.forward

    def cheat(units, selection):
        told = forward(units, selection)
        told.score = torch.tensor([float(score_of(view)) for view in names_in_sight()])
        return told

    head.forward = cheat
    return bench


def labels_on_disk(bench):
    with (bench.corpus.root / "manifest.csv").open(newline="") as file:
        return {row["clip"]: float(row["score"]) for row in csv.DictReader(file)}


def test_one_that_reads_the_labels_from_disk_is_found(tiny):
    bench = tiny.bench()
    labels = labels_on_disk(bench)
    spoiled(bench, lambda view: labels[view.clip])
    tested = evaluate(bench)
    sessions = tested.sessions
    true = bench.parts.open_labels(sessions)
    assert sessions == pytest.approx(true)  # the cheat works
    found = ask_decoy(bench, tested.first_views)
    assert found.outcome == "sees labels"
    assert found.difference > 1
    assert describe(found).startswith("decoy: sees labels: under other persons' names")


@pytest.mark.parametrize("field", ["subject", "session"])
def test_one_that_knows_persons_or_sessions_is_found(tiny, field):
    bench = spoiled(tiny.bench(), lambda view: sum(map(ord, getattr(view, field))))
    assert asked(bench).outcome == "sees labels"


def test_one_that_opens_the_sealed_labels_is_found(tiny):
    bench = tiny.bench()
    labels = bench.parts.open_labels(dict.fromkeys({c.session for c in bench.parts.test}, 0.0))
    assert asked(spoiled(bench, lambda view: labels[view.session])).outcome == "sees labels"


def test_one_that_counts_through_the_test_clips_is_found(tiny):
    """It looks at no name: the labels stand in the manifest in the order of the test."""
    bench = tiny.bench()
    labels = labels_on_disk(bench)
    counted = itertools.cycle([labels[clip.clip] for clip in bench.parts.test])
    spoiled(bench, lambda view: next(counted))
    one_view = predict_views(bench, bench.named_loader({}))
    found = ask_decoy(bench, one_view)
    assert (found.outcome, found.reason) == ("sees labels", "in another order")
    assert describe(found).startswith("decoy: sees labels: in another order predictions change by")


def test_one_that_cheats_in_the_test_alone_is_found(tiny):
    bench = tiny.bench()
    labels, seen = labels_on_disk(bench), set()

    def once(view):
        new = (view.clip, view.phase) not in seen
        seen.add((view.clip, view.phase))
        return labels[view.clip] if new else 20.0

    found = asked(spoiled(bench, once))
    assert (found.outcome, found.reason) == ("sees labels", "once the test is over")


def test_noise_is_no_knowledge(tiny):
    """A method that differs from itself is the contract's business."""
    chance = torch.Generator().manual_seed(0)
    bench = spoiled(tiny.bench(), lambda view: 20 + 4 * torch.rand(1, generator=chance).item())
    found = asked(bench)
    assert found.outcome == "equal"
    assert found.repeated > 0.1


def test_a_test_of_one_person_is_not_asked(tiny, monkeypatch):
    monkeypatch.setattr("adabench.engine.testing.decoy.other_names", lambda clips: None)
    found = asked(tiny.bench())
    assert (found.outcome, describe(found)) == (
        "not asked",
        "decoy: not asked, the test clips are of one person",
    )


def test_runs_that_are_joined_say_the_worst():
    equal = Decoy(outcome="equal", difference=1e-6, repeated=0.0)
    silent = Decoy(outcome="not asked", reason="the test clips are of one person")
    sees = Decoy(outcome="sees labels", difference=3.0, repeated=0.0)
    assert worst([equal, sees, silent]) == sees
    assert worst([equal, silent]) == silent
    assert worst([equal, equal]) == equal
    assert worst([equal, None]) is None
