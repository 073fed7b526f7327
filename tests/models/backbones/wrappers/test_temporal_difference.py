"""Differences over time, of what a trunk gives or of what it sees."""

import pytest
import torch

from adabench.batching import pad_inputs
from adabench.models.backbones.differences import difference
from adabench.models.backbones.wrappers.temporal_difference import TemporalDifference
from adabench.structures import FeatureSpec, Inputs
from adabench.testing import SIGNAL_NAMES, check_plugin, example_batch

OPTIONS = {"channels": (8, 8, 16, 16), "stem_width": 8}
FRAMES = {"type": "TimmFrames", "name": "resnet18", "scales": 1, "options": OPTIONS}
SEGMENTS = {"type": "C3DMaps", "width": 2}


def build(trunk=FRAMES, **options):
    torch.manual_seed(0)
    return TemporalDifference(trunk=trunk, **options).eval()


def plain(x, valid, lag):
    """x (B, T, …)'s differences, written one by one."""
    found = torch.zeros_like(x)
    for clip in range(len(x)):
        for t in range(x.shape[1] - lag):
            if valid[clip, t] and valid[clip, t + lag]:
                found[clip, t] = x[clip, t + lag] - x[clip, t]
    return found


@pytest.mark.parametrize("lag", [1, 2, 5, 9])
def test_a_difference_is_the_later_less_the_earlier_and_zero_where_one_is_missing(lag):
    x, valid = torch.randn(2, 5, 3, 2), torch.rand(2, 5) > 0.3
    assert torch.equal(difference(x, lag, 1, valid), plain(x, valid, lag))
    everywhere = plain(x, torch.ones_like(valid), lag)
    assert torch.equal(difference(x.movedim(1, 2), lag, 2), everywhere.movedim(1, 2))


@torch.no_grad()
@pytest.mark.parametrize("fuse", ["join", "alone", "learnt"])
@pytest.mark.parametrize("absolute", [False, True])
def test_steps_and_maps_come_with_their_differences(fuse, absolute):
    part = build(lags=(1, 3), absolute=absolute, fuse=fuse)
    inputs = example_batch(size=32)[0]
    if part.share is not None:
        part.share.copy_(torch.tensor([0.5, -2.0]))
    found, seen = part(inputs), part.trunk(inputs)
    for x, out in ((seen.vector, found.vector), (seen.maps[0], found.maps[0])):
        changes = [plain(x, seen.valid, lag) for lag in (1, 3)]
        one, two = (change.abs() if absolute else change for change in changes)
        wanted = {"join": [x, one, two], "alone": [one, two], "learnt": [x + 0.5 * one - 2 * two]}
        torch.testing.assert_close(out, torch.cat(wanted[fuse], 2))
    times = {"join": 3, "alone": 2, "learnt": 1}[fuse]
    assert part.spec == FeatureSpec(16 * times, (16 * times,))
    assert torch.equal(found.span, seen.span)


@torch.no_grad()
@pytest.mark.parametrize(
    ("fuse", "absolute"), [("alone", False), ("alone", True), ("learnt", False)]
)
def test_frames_differ_within_their_segment_and_keep_their_range(fuse, absolute):
    part = build(SEGMENTS, fuse=fuse, absolute=absolute, lags=(2,), of="frames")
    inputs = example_batch(segment=8, size=16)[0]
    if part.share is not None:
        part.share.fill_(0.5)
    rows = inputs.frames.unflatten(1, (-1, 8)).flatten(0, 1)
    change = plain(rows, inputs.valid.unflatten(1, (-1, 8)).flatten(0, 1), 2)
    shown = change.abs() if absolute else 0.5 + change / 2
    shown = rows + 0.5 * change if fuse == "learnt" else shown
    seen = example_batch(segment=8, size=16)[0]
    seen.frames = shown.view_as(inputs.frames)
    found, wanted = part(inputs), part.trunk(seen)
    torch.testing.assert_close(found.vector, wanted.vector)
    assert (part.spec, part.per_segment, part.trial) == (part.trunk.spec, True, (8, 64))


@torch.no_grad()
def test_single_frames_differ_along_the_clip_and_padding_changes_nothing():
    part, inputs = build(fuse="alone", of="frames"), example_batch(size=32)[0]
    found, longer = part(inputs), part(pad_inputs(inputs, 9, fill=0.9))
    torch.testing.assert_close(
        longer.vector[inputs.valid.nonzero().T.unbind()], found.vector[inputs.valid]
    )
    shown = example_batch(size=32)[0]
    shown.frames = 0.5 + plain(inputs.frames, inputs.valid, 1) / 2
    torch.testing.assert_close(found.vector, part.trunk(shown).vector)


def test_a_learnt_share_starts_without_differences_and_learns():
    part, inputs = build(fuse="learnt").train(), example_batch(size=32)[0]
    with torch.no_grad():
        assert torch.equal(part.eval()(inputs).vector, part.trunk(inputs).vector)
    part(inputs).vector.pow(2).sum().backward()
    assert float(part.share.grad.abs()) > 0


def test_signals_of_a_trunk_differ_too():
    part = build({"type": "SignalSteps"}, fuse="alone", signals=SIGNAL_NAMES)
    part.fit_signals(torch.zeros(6), torch.full((6,), 0.5))
    inputs = example_batch(reads=("signals",))[0]
    torch.testing.assert_close(
        part(inputs).vector, plain(2 * inputs.signals.values, inputs.valid, 1)
    )
    assert part.reads == ("signals",)


@torch.no_grad()
def test_a_frozen_trunks_cache_is_read_and_of_frames_the_whole_is_cached_by_segment():
    part, inputs = build({**FRAMES, "frozen": True}), example_batch(size=32)[0]
    assert part.frozen_part() is part.trunk
    given = Inputs(valid=inputs.valid, index=inputs.index, features=part.trunk(inputs))
    assert torch.equal(part(given).vector, part(inputs).vector)
    alone = {"fuse": "alone", "of": "frames"}
    whole = build({**SEGMENTS, "frozen": True}, **alone)
    assert whole.frozen_part() is whole
    cut = example_batch(segment=8, size=16)[0]
    cut.features = whole(cut)
    assert whole(cut) is cut.features
    # A step of single frames rests on its neighbours in the view.
    assert build({**FRAMES, "frozen": True}, **alone).frozen_part() is None
    assert build(SEGMENTS, **alone).frozen_part() is None
    told = [repr(build(fuse="alone", lags=lags)) for lags in ((1,), (2,))]
    assert told[0] != told[1]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"fuse": "sum"}, r"fuse is one of 'join', 'alone', 'learnt'; got 'sum'"),
        ({"of": "maps"}, r"of is one of 'steps', 'frames'; got 'maps'"),
        ({"lags": ()}, r"lags are different numbers of at least 1; got \[\]"),
        ({"lags": (0,)}, r"lags are different numbers of at least 1; got \[0\]"),
        ({"lags": (2, 2)}, r"lags are different numbers of at least 1; got \[2, 2\]"),
        (
            {"of": "frames"},
            r"three channels, and fuse='join' with lags=\[1\] makes more: take fuse",
        ),
        ({"of": "frames", "fuse": "alone", "lags": (1, 2)}, r"lags=\[1, 2\] makes more"),
        (
            {"of": "frames", "fuse": "learnt", "trunk": {**FRAMES, "frozen": True}},
            "no gradient reaches fuse='learnt' through a frozen TimmFrames: set frozen=False",
        ),
    ],
)
def test_what_can_not_be_is_refused(options, match):
    with pytest.raises(ValueError, match=match):
        build(**options)


@pytest.mark.parametrize(
    ("trunk", "options"),
    [
        (FRAMES, {"lags": (1, 2), "fuse": "learnt"}),
        ({**SEGMENTS, "size": 16}, {"fuse": "learnt", "of": "frames"}),
    ],
)
def test_the_contract_is_kept(trunk, options):
    check_plugin({"backbone": {"type": TemporalDifference, "trunk": trunk, **options}})
