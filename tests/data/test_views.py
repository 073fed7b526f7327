"""Which frames a view takes."""

import itertools

import numpy as np
import pytest
from clip_records import clip_record

from adabench.data.views import SegmentView, StridedView, Turn, View, WindowView, refuse_unfit
from adabench.registry import TRANSFORMS

LENGTHS = [1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 47, 100, 255, 256, 257]


def key(index):
    return tuple(index.tolist())


@pytest.mark.parametrize("most", [1, 2, 7, 16, 50])
def test_phases_of_a_strided_view_share_out_all_frames(most):
    for frames in LENGTHS:
        phases = StridedView(frames=most).all(frames)
        assert sorted(np.concatenate(phases).tolist()) == list(range(frames))
        assert all(1 <= len(phase) <= most for phase in phases)
        strides = {int(step) for phase in phases for step in np.diff(phase)}
        assert len(strides) <= 1


def test_a_strided_view_needs_no_more_phases_than_it_must():
    assert len(StridedView(frames=16).all(16)) == 1
    assert len(StridedView(frames=16).all(17)) == 2
    assert len(StridedView(frames=16).all(120)) == 8


def test_a_strided_sample_is_one_of_the_phases_and_each_may_come():
    view, rng = StridedView(frames=16), np.random.default_rng(0)
    for frames in LENGTHS:
        phases = {key(phase) for phase in view.all(frames)}
        drawn = {key(view.sample(frames, rng)) for _ in range(20 * len(phases))}
        assert drawn == phases


@pytest.mark.parametrize("phases", range(1, 12))
def test_fewer_phases_are_different_ones_of_all(phases):
    for stride in range(1, 30):
        frames = 16 * stride
        every = {key(phase) for phase in StridedView(frames=16).all(frames)}
        some = [key(phase) for phase in StridedView(frames=16, phases=phases).all(frames)]
        assert len(set(some)) == len(some) == min(phases, stride)
        assert set(some) <= every


def test_a_single_phase_is_the_middle_one():
    (phase,) = StridedView(frames=10, phases=1).all(50)
    assert phase[0] == 2


@pytest.mark.parametrize("length", [1, 4, 16])
def test_windows_cover_all_frames(length):
    for frames in LENGTHS:
        windows = WindowView(frames=length).all(frames)
        assert set(np.concatenate(windows).tolist()) == set(range(frames))
        assert {len(window) for window in windows} == {min(length, frames)}
        assert all((np.diff(window) == 1).all() for window in windows)
        assert windows[-1][-1] == frames - 1
        # only the last may overlap its neighbour
        assert all(b[0] == a[0] + length for a, b in itertools.pairwise(windows[:-1]))


def test_a_centred_window():
    (window,) = WindowView(frames=4, centre=True).all(10)
    assert window.tolist() == [3, 4, 5, 6]
    (window,) = WindowView(frames=40, centre=True).all(3)
    assert window.tolist() == [0, 1, 2]


def test_a_window_is_drawn_from_every_place():
    view, rng = WindowView(frames=4), np.random.default_rng(0)
    drawn = {key(view.sample(7, rng)) for _ in range(200)}
    assert drawn == {tuple(range(start, start + 4)) for start in range(4)}
    assert view.sample(2, rng).tolist() == [0, 1]


def test_segments_without_overlap():
    (index,) = SegmentView(length=4).all(12)
    assert index.tolist() == list(range(12))


def test_segments_that_overlap():
    (index,) = SegmentView(length=4, overlap=2).all(8)
    assert index.reshape(-1, 4).tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]


def test_frames_behind_the_last_whole_segment_get_one_more():
    (index,) = SegmentView(length=4).all(10)
    assert index.reshape(-1, 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [6, 7, 8, 9]]


def test_a_clip_shorter_than_a_segment_repeats_its_last_frame():
    view = SegmentView(length=5, overlap=3)
    assert view.all(2)[0].tolist() == [0, 1, 1, 1, 1]
    assert view.sample(2, np.random.default_rng(0)).tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("overlap", [0, 1, 7])
def test_segments_cover_all_frames_in_whole_segments(overlap):
    view = SegmentView(length=8, overlap=overlap)
    assert view.segment_length == 8
    for frames in LENGTHS:
        (index,) = view.all(frames)
        assert len(index) % 8 == 0
        assert set(index.tolist()) == set(range(frames))


def test_a_training_view_of_segments_is_a_run_of_neighbours():
    view, rng = SegmentView(length=4, segments=2), np.random.default_rng(0)
    starts = {tuple(view.sample(18, rng).reshape(-1, 4)[:, 0].tolist()) for _ in range(200)}
    assert starts == {(0, 4), (4, 8), (8, 12), (12, 14)}
    assert key(SegmentView(length=4).sample(18, rng)) == key(SegmentView(length=4).all(18)[0])
    assert len(view.sample(6, rng)) == 8


def segments_of(index, length):
    return [tuple(row) for row in index.reshape(-1, length).tolist()]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 100])
@pytest.mark.parametrize("overlap", [0, 3])
def test_views_of_a_test_share_out_the_segments(most, overlap):
    for frames in LENGTHS:
        (whole,) = SegmentView(length=4, overlap=overlap).all(frames)
        views = SegmentView(length=4, overlap=overlap, segments=most).all(frames)
        shared = [segments_of(view, 4) for view in views]
        # Each segment once, in order.
        assert [s for view in shared for s in view] == segments_of(whole, 4)
        sizes = {len(view) for view in shared}
        assert max(sizes) <= most
        assert max(sizes) - min(sizes) <= 1
        assert len(views) == -(-len(segments_of(whole, 4)) // most)


@pytest.mark.parametrize("phases", range(1, 8))
def test_fewer_views_of_segments_are_different_ones_of_all(phases):
    for frames in LENGTHS:
        every = [key(view) for view in SegmentView(length=4, segments=3).all(frames)]
        some = [key(v) for v in SegmentView(length=4, segments=3, phases=phases).all(frames)]
        assert len(set(some)) == len(some) == min(phases, len(every))
        assert [view for view in every if view in some] == some


def test_a_single_view_of_segments_is_the_middle_one():
    (view,) = SegmentView(length=4, segments=2, phases=1).all(40)
    assert segments_of(view, 4)[0] == (16, 17, 18, 19)


def test_without_a_limit_a_test_is_one_view():
    for phases in (0, 1, 3):
        assert len(SegmentView(length=4, phases=phases).all(40)) == 1


def test_which_views_cut_the_same_segments():
    view = SegmentView(length=8, overlap=4)
    assert view.has_segments_of(SegmentView(length=8, overlap=4, segments=2, phases=1))
    assert not view.has_segments_of(SegmentView(length=8, overlap=2))
    assert not view.has_segments_of(SegmentView(length=16, overlap=4))
    assert not view.has_segments_of(StridedView(frames=8))


def test_a_stride_spreads_a_segment():
    (index,) = SegmentView(length=3, stride=2).all(12)
    assert segments_of(index, 3) == [(0, 2, 4), (6, 8, 10), (7, 9, 11)]
    (index,) = SegmentView(length=3, stride=2, overlap=1).all(9)
    # Neighbours share one frame of each other's.
    assert segments_of(index, 3) == [(0, 2, 4), (4, 6, 8)]


@pytest.mark.parametrize(
    ("options", "fps", "length", "stride", "overlap"),
    [
        ({"seconds": 1.0}, 30.0, 30, 1, 0),
        ({"seconds": 1.0}, 29.97, 30, 1, 0),
        ({"seconds": 2.0, "overlap": 0.5}, 10.0, 20, 1, 5),
        ({"seconds": 2.0, "stride": 4}, 30.0, 15, 4, 0),
        ({"seconds": 2.0, "length": 16}, 30.0, 16, 4, 0),
        ({"seconds": 2.0, "length": 16, "overlap": 1.0}, 25.0, 16, 3, 8),
        # A step of one frame is left, however the numbers round.
        ({"seconds": 1.0, "overlap": 0.99}, 10.0, 10, 1, 9),
    ],
)
def test_seconds_become_frames_at_a_clips_rate(options, fps, length, stride, overlap):
    view = SegmentView(**options, segments=3, phases=2, place="even", short="wrap").at(fps)
    assert (view.segment_length, view.stride, view.overlap) == (length, stride, overlap)
    assert (view.segments, view.phases, view.place, view.short) == (3, 2, "even", "wrap")
    assert view.at(1.0) is view


def test_seconds_ask_for_a_rate():
    for ask in (lambda view: view.all(9), lambda view: view.takes(9)):
        with pytest.raises(ValueError, match=r"SegmentView\.seconds: ask view\.at\(fps\)"):
            ask(SegmentView(seconds=1.0, short="refuse"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seconds": 0.01}, r"seconds=0\.01 holds 0\.25 frames at 25 a second"),
        ({"seconds": 0.5, "length": 32}, r"holds 12\.5 frames .*fewer than a segment takes \(32\)"),
    ],
)
def test_too_few_seconds_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        SegmentView(**options).at(25.0)


@pytest.mark.parametrize(
    ("short", "seen"), [("repeat", [0, 1, 2, 2, 2, 2, 2]), ("wrap", [0, 1, 2, 0, 1, 2, 0])]
)
def test_what_fills_a_short_clip(short, seen):
    view = SegmentView(length=7, short=short)
    assert view.all(3)[0].tolist() == view.sample(3, np.random.default_rng(0)).tolist() == seen
    assert view.takes(3)
    # A clip that is long enough is seen as it is.
    assert view.all(9)[0].tolist() == [*range(7), *range(2, 9)]


def test_a_short_clip_that_is_refused_is_named_with_the_remedy():
    view = SegmentView(length=3, stride=4, short="refuse")
    clips = [clip_record("1_1", frames=9), clip_record("2_1", frames=8)]
    refuse_unfit(view, clips[:1])
    with pytest.raises(ValueError, match=r"clip 2_1_Freeform has 8 frames, .*short='repeat'"):
        refuse_unfit(view, clips)


def test_rates_that_make_segments_of_different_length_are_refused_with_the_remedy():
    clips = [clip_record("1_1", fps=25.0, frames=60), clip_record("2_1", fps=30.0, frames=60)]
    said = r"25 frames of clip 1_1_Freeform \(25 a second\) and 30 frames of clip 2_1_.*give length"
    with pytest.raises(ValueError, match=said):
        refuse_unfit(SegmentView(seconds=1.0), clips)
    refuse_unfit(SegmentView(seconds=1.0, length=8), clips)
    refuse_unfit(StridedView(frames=4), clips)
    refuse_unfit(SegmentView(seconds=1.0), [])


@pytest.mark.parametrize("most", [2, 3, 5])
@pytest.mark.parametrize("overlap", [0, 3])
def test_even_places_share_out_the_segments_over_the_whole_clip(most, overlap):
    options = {"length": 4, "overlap": overlap, "segments": most, "place": "even"}
    for frames in LENGTHS:
        (whole,) = SegmentView(length=4, overlap=overlap).all(frames)
        every = segments_of(whole, 4)
        views = [segments_of(view, 4) for view in SegmentView(**options).all(frames)]
        assert sorted(s for view in views for s in view) == sorted(every)
        assert max(map(len, views)) <= most
        # Neighbours of one view are as far from each other as those of any other.
        places = [[every.index(s) for s in view] for view in views]
        assert {int(step) for view in places for step in np.diff(view)} <= {len(views)}


def test_a_training_view_of_even_places_is_one_of_the_tests():
    view, rng = SegmentView(length=4, segments=2, place="even"), np.random.default_rng(0)
    drawn = {key(view.sample(26, rng)) for _ in range(100)}
    assert drawn == {key(index) for index in view.all(26)}
    assert len(drawn) == 4


def test_views_that_know_nothing_of_time_are_the_same_at_any_rate():
    for view in (StridedView(frames=4), WindowView(frames=4), SegmentView(length=4)):
        assert view.at(12.5) is view
        assert view.takes(1)


def visited(view, frames, epochs, seed=0, clip=0):
    """The views of one clip over a training, an epoch after the other."""
    visits = view.visits(frames, epochs)
    turns = [Turn(number, seed, clip) for number in range(visits * epochs)]
    return [view.visit(frames, np.random.default_rng(turn.number), turn) for turn in turns]


@pytest.mark.parametrize("place", ["even", "neighbours"])
@pytest.mark.parametrize(("epochs", "cover"), [(1, 1), (15, 1), (15, 15), (60, 12), (7, 3)])
def test_a_training_that_covers_its_clips_shows_every_segment(place, epochs, cover):
    view = SegmentView(length=10, overlap=5, segments=4, place=place, cover=cover)
    for frames in (3, 10, 47, 200, 1000):
        (whole,) = SegmentView(length=10, overlap=5).all(frames)
        every = segments_of(whole, 10)
        views = [segments_of(index, 10) for index in visited(view, frames, epochs)]
        shown = [segment for each in views for segment in each]
        times = [shown.count(segment) for segment in every]
        assert min(times) >= cover
        assert max(times) - min(times) <= 1
        assert set(np.ravel(shown).tolist()) == set(range(frames))
        assert max(map(len, views)) <= 4
        # No epoch comes more often than it must.
        assert len(views) == epochs or len(views) - epochs < cover * -(-len(every) // 4)


def test_a_long_clip_is_seen_as_a_whole_in_each_visit():
    """25 minutes at 30 frames a second: 2,812 segments, of which a visit of neighbours sees 2 s."""
    frames = 45_000
    view = SegmentView(length=32, overlap=16, segments=4, place="even", cover=1)
    assert view.visits(frames, 15) == 47
    for index in visited(view, frames, 15):
        starts = index.reshape(-1, 32)[:, 0]
        assert (np.diff(starts) > frames / 5).all()
    shown = {int(i) for index in visited(view, frames, 15) for i in index}
    assert shown == set(range(frames))
    (selected,) = SegmentView(length=32, segments=16, phases=1, place="even").all(frames)
    starts = selected.reshape(-1, 32)[:, 0]
    assert len(starts) == 16
    assert starts[0] < frames / 16
    assert starts[-1] + 32 > frames * 15 / 16
    assert np.diff(starts).max() <= frames / 15


def test_what_is_covered_comes_in_an_order_of_the_seed_and_the_clip():
    view = SegmentView(length=4, segments=2, place="even", cover=1)
    orders = {
        tuple(map(key, visited(view, 400, 50, seed, clip))) for seed in (0, 1) for clip in (0, 1)
    }
    assert len(orders) == 4
    assert list(map(key, visited(view, 400, 50))) == list(map(key, visited(view, 400, 50)))
    twice = list(map(key, visited(view, 400, 100)))
    assert twice[:50] != twice[50:]
    assert sorted(twice[:50]) == sorted(twice[50:])


@pytest.mark.parametrize(
    "view", [StridedView(frames=4), WindowView(frames=4), SegmentView(length=4, segments=2)]
)
def test_a_view_that_covers_nothing_draws_as_it_did(view):
    assert view.visits(100, 15) == 1
    for number in range(5):
        drawn = view.visit(100, np.random.default_rng(number), Turn(number, 0, 0))
        assert key(drawn) == key(view.sample(100, np.random.default_rng(number)))


def test_what_covers_is_the_same_in_seconds():
    view = SegmentView(seconds=1, overlap=0.5, segments=4, place="even", cover=3)
    plain = SegmentView(length=10, overlap=5, segments=4, place="even", cover=3)
    found = visited(view.at(10.0), 200, 15)
    assert list(map(key, found)) == list(map(key, visited(plain, 200, 15)))


def test_a_clip_is_covered_no_less_than_not_at_all():
    with pytest.raises(ValueError, match=r"SegmentView.cover is 0 \(by chance\) or more; got -1"):
        SegmentView(length=4, cover=-1)


class First(View):
    """A view as a plugin writes it: two methods."""

    def all(self, frames):
        return [np.arange(1)]

    def sample(self, frames, rng):
        return np.arange(1)


def test_a_plugins_view_needs_two_methods():
    refuse_unfit(First(), [clip_record()])
    assert First().at(30.0).segment_length == 0


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"stride": 1, "place": "even"}, True),
        ({"short": "refuse"}, True),
        ({"stride": 2}, False),
        ({"short": "wrap"}, False),
        ({"seconds": 2.0}, False),
    ],
)
def test_which_options_decide_the_segments(change, is_same):
    view = SegmentView(length=8, overlap=1)
    assert view.has_segments_of(SegmentView(**{"length": 8, "overlap": 1, **change})) is is_same


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: StridedView(frames=0), "StridedView.frames"),
        (lambda: StridedView(frames=4, phases=-1), "StridedView.phases"),
        (lambda: WindowView(frames=-3), "WindowView.frames"),
        (lambda: SegmentView(length=0), "SegmentView.length"),
        (lambda: SegmentView(length=4, overlap=4), "SegmentView.overlap is 0 to length-1 = 3"),
        (lambda: SegmentView(length=4, overlap=-1), "SegmentView.overlap"),
        (lambda: SegmentView(length=4, overlap=1.5), "SegmentView.overlap"),
        (lambda: SegmentView(), "SegmentView takes length, the frames of a segment, or seconds"),
        (lambda: SegmentView(length=4, stride=0), "SegmentView.stride"),
        (lambda: SegmentView(seconds=0.0), "SegmentView.seconds is above 0"),
        (lambda: SegmentView(seconds=1.0, overlap=1.0), "overlap is in seconds here"),
        (lambda: SegmentView(seconds=1.0, length=4, stride=2), "leave out one of"),
        (lambda: SegmentView(length=4, place="odd"), "place is neighbours or even; got 'odd'"),
        (
            lambda: SegmentView(length=4, short="pad"),
            "short is repeat or wrap or refuse; got 'pad'",
        ),
        (lambda: SegmentView(length=4, segments=-2), "SegmentView.segments"),
        (lambda: SegmentView(length=4, phases=-1), "SegmentView.phases"),
    ],
)
def test_wrong_arguments_are_refused_by_name(make, named):
    with pytest.raises(ValueError, match=named):
        make()


def test_configs_name_views_by_type():
    view = TRANSFORMS.build({"type": "StridedView", "frames": 5})
    assert isinstance(view, StridedView)
    assert view.segment_length == 0
