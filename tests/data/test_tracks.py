"""Tracks and the demo track behind each."""

import pytest

from adabench.data.tracks import TRACKS, get_track, task_tracks


def test_every_real_track_has_a_demo_track_of_as_many_tasks():
    for track in TRACKS.values():
        demo = get_track(track.demo)
        assert demo.is_demo
        assert demo.corpus == "synthface"
        assert len(demo.tasks) == max(len(track.tasks), 1)


def test_the_tracks_of_the_design():
    assert set(TRACKS) == {
        "avec13",
        "avec14-freeform",
        "avec14-northwind",
        "avec14",
        "demo-freeform",
        "demo-northwind",
        "demo",
    }
    assert get_track("avec13").demo == "demo-freeform"
    assert get_track("avec14-northwind").demo == "demo-northwind"


def test_a_demo_track_is_its_own():
    for track in TRACKS.values():
        assert track.is_demo == (track.corpus == "synthface")
    assert get_track("demo").demo == "demo"


def test_a_typo_gets_a_suggestion_and_the_list():
    with pytest.raises(
        ValueError, match=r"no track is called 'avec14-frefrom'.* Did you mean"
    ) as e:
        get_track("avec14-frefrom")
    assert "'avec14-freeform'" in str(e.value)
    assert "demo-northwind" in str(e.value)


def test_a_name_like_no_other_gets_the_list_alone():
    with pytest.raises(ValueError, match="Known: avec13") as error:
        get_track("zzz")
    assert "Did you mean" not in str(error.value)


@pytest.mark.parametrize(
    ("track", "alone"),
    [
        ("avec14", {"Freeform": "avec14-freeform", "Northwind": "avec14-northwind"}),
        ("demo", {"Freeform": "demo-freeform", "Northwind": "demo-northwind"}),
        ("avec14-northwind", {"Northwind": "avec14-northwind"}),
        ("avec13", {}),
    ],
)
def test_each_task_of_a_track_has_a_track_of_its_own(track, alone):
    found = task_tracks(get_track(track))
    assert {task: other.name for task, other in found.items()} == alone
    assert list(found) == list(get_track(track).tasks)


@pytest.mark.parametrize("name", ["table", "table-clinic", "table-2nd.wave"])
def test_a_corpus_of_ones_own_has_a_track(name):
    track = get_track(name)
    assert (track.name, track.corpus, track.reader, track.tasks) == (name, name, "table", ())
    assert get_track(track.demo).is_demo
    assert not track.is_demo


@pytest.mark.parametrize("name", ["table-", "tables", "table-../up", "table-a/b", "Table"])
def test_what_is_no_name_of_ones_own_corpus(name):
    with pytest.raises(ValueError, match=r"Known: .*table, table-NAME"):
        get_track(name)


def test_each_track_of_the_design_has_its_corpus_reader():
    assert {track.reader for track in TRACKS.values()} == {"avec2013", "avec2014", "synthface"}
