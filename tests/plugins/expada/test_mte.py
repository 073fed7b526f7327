import pytest
import torch
from adabench_plugins.expada.mte import MTE, windows

from adabench.models import UnitRegressor
from adabench.testing import check_plugin, example_batch


def build(spec, **options):
    return MTE(features=spec, **{"dim": 5, "hidden": 7, **options}).eval()


@pytest.mark.parametrize("lengths", [(9, 4, 3), (5, 2, 1), (3,), (2, 1), (1,), (90, 17)])
@pytest.mark.parametrize("scales", [1, 3, 5])
def test_units_and_spans_equal_a_plain_loop(spec, make_features, lengths, scales):
    features, mte = make_features(*lengths), build(spec, scales=scales)
    units = mte(features)
    steps = max(lengths)
    place = 0
    for s in range(1, scales + 1):
        for n in range(steps - s + 1):
            assert units.scale[place] == s
            for clip, length in enumerate(lengths):
                valid = n + s <= length
                assert bool(units.valid[clip, place]) is valid
                if not valid:
                    continue
                together = torch.cat([features.vector[clip, i] for i in range(n, n + s)])
                torch.testing.assert_close(
                    units.x[clip, place], mte.encoders[s - 1](together), atol=1e-6, rtol=1e-5
                )
                # Segments are 8 frames long, so scale s covers s of them.
                assert units.span[clip, place].tolist() == [8 * n, 8 * (n + s)]
            place += 1
    assert units.x.shape == (len(lengths), place, 5)
    assert units.valid.shape[1] == len(units.scale) == place


@pytest.mark.parametrize(("steps", "units"), [(1, 1), (2, 3), (3, 6), (4, 9), (31, 90)])
def test_m_is_the_sum_over_the_scales_that_a_clip_has(spec, make_features, steps, units):
    given = build(spec, scales=3)(make_features(steps))
    assert given.x.shape[1] == units == sum(steps - s + 1 for s in range(1, min(3, steps) + 1))
    assert given.valid.all()


def test_a_short_clip_uses_the_scales_it_has_beside_a_long_one(spec, make_features):
    units = build(spec)(make_features(5, 2, 1))
    own = [[int(((units.scale == s) & row).sum()) for s in (1, 2, 3)] for row in units.valid]
    assert own == [[5, 4, 3], [2, 1, 0], [1, 0, 0]]


def test_spans_of_overlapping_segments(spec, make_features):
    features = make_features(3)
    features.span[0] = torch.tensor([[0, 9], [4, 13], [8, 15]])
    units = build(spec)(features)
    assert units.span[0].tolist() == [[0, 9], [4, 13], [8, 15], [0, 13], [4, 15], [0, 15]]


def test_windows_keep_the_order_of_time():
    vector = torch.arange(6.0).view(1, 3, 2)
    assert windows(vector, 2).tolist() == [[[0, 1, 2, 3], [2, 3, 4, 5]]]


def test_padding_of_any_content_changes_no_unit(spec, make_features):
    mte, features = build(spec), make_features(4, 2)
    longer = make_features(4, 2, steps=7)
    longer.vector[:, :4] = features.vector
    longer.vector[~longer.valid] = torch.inf
    units, more = mte(features), mte(longer)
    assert more.x.isfinite().all()
    for clip in range(2):
        torch.testing.assert_close(
            more.x[clip][more.valid[clip]],
            units.x[clip][units.valid[clip]],
            atol=1e-6,
            rtol=1e-5,
        )


def test_every_scale_has_an_encoder_of_its_own(spec, make_features):
    mte = build(spec)
    units = mte(make_features(4))
    units.x[:, units.scale == 2].square().sum().backward()
    moved = [all(p.grad.norm() > 0 for p in encoder.parameters()) for encoder in mte.encoders]
    still = [not any(p.grad.any() for p in encoder.parameters()) for encoder in mte.encoders]
    assert moved == [False, True, False]
    assert still == [True, False, True]


def test_the_norm_in_front_can_be_left_out(spec, make_features):
    features = make_features(4)
    larger = make_features(4)
    larger.vector *= 100
    mte, bare = build(spec), build(spec, normalise=False)
    torch.testing.assert_close(mte(features).x, mte(larger).x, atol=1e-3, rtol=1e-3)
    assert (bare(features).x - bare(larger).x).abs().max() > 0.1
    count = [sum(p.numel() for p in m.parameters()) for m in (mte, bare)]
    assert count[0] - count[1] == 2 * (6 + 12 + 18)


@pytest.mark.parametrize("name", ["scales", "dim", "hidden"])
def test_wrong_arguments_are_named(spec, name):
    with pytest.raises(ValueError, match=f"MTE.{name} is at least 1; got 0"):
        build(spec, **{name: 0})


def test_the_promise_is_kept(spec, make_features):
    mte = build(spec)
    assert mte.spec.dim == mte(make_features(4)).x.shape[-1] == 5
    assert not mte.spec.per_step
    assert mte.spec.features is spec


@pytest.mark.parametrize("segment", [0, 4])
def test_the_contract_is_kept_behind_frames_and_behind_segments(vat, segment):
    inputs, truth = example_batch(segment=segment, size=64)
    method = {"aggregator": {"type": "MTE", "dim": 8, "hidden": 8}}
    built = check_plugin(
        method | ({"backbone": vat} if segment else {}), inputs=inputs, truth=truth
    )
    assert isinstance(built.head, UnitRegressor)


def test_mixed_precision_stays_finite(spec, make_features):
    mte = build(spec).train()
    with torch.autocast("cpu", torch.bfloat16):
        units = mte(make_features(4, 2))
    units.x.float().square().sum().backward()
    assert units.x.isfinite().all()
    assert all(p.grad.isfinite().all() for p in mte.parameters())
