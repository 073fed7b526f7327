"""Codes of pixels by cell, against oracles and loops."""

import configparser
import importlib.util
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from extractor_clips import grey_clip, noise
from numpy.lib.stride_tricks import sliding_window_view
from skimage.feature import local_binary_pattern

from adabench.config.reading.load import load_config
from adabench.engine.estimating import check_estimator_run
from adabench.models import LBP, LBPTOP, LPQ, LocalDirectional, MotionHistory
from adabench.models.extractors import coded_frames
from adabench.models.extractors.cells import cell_histograms
from adabench.models.extractors.grey import grey_sequences
from adabench.models.extractors.lpq import phase_filters
from adabench.registry import MODELS
from adabench.structures import Clip
from adabench.testing import example_id

ROOT = Path(__file__).parents[3]
TEXTURES = {
    "LBP": {},
    "LBPTOP": {},
    "LPQ": {},
    "LocalDirectional": {},
    "volume": {"type": "LocalDirectional", "volume": True},
    "structural": {"type": "LocalDirectional", "kind": "structural"},
    "MotionHistory": {},
    "rate": {"type": "MotionHistory", "code": "rate"},
}


def built(name, **options):
    return MODELS.build({"type": name, **TEXTURES[name], "grid": 2, **options})


def shares(codes, bins, grid):
    """Histograms of one map of codes (H, W), cell by cell."""
    height, width = codes.shape
    found = np.zeros((grid, grid, bins))
    pixels = np.zeros((grid, grid, 1))
    for y in range(height):
        for x in range(width):
            cell = y * grid // height, x * grid // width
            found[(*cell, int(codes[y, x]))] += 1
            pixels[cell] += 1
    return (found / pixels).ravel()


def mean_and_deviation(rows):
    return np.concatenate([np.mean(rows, 0), np.std(rows, 0)])


def test_grey_is_opencv_s():
    drawn = np.random.default_rng(0).integers(0, 256, (3, 8, 9, 3), np.uint8)
    frames = torch.from_numpy(drawn).permute(0, 3, 1, 2)
    found = grey_sequences(Clip(example_id(0), torch.arange(3), frames), "LBP")
    assert found.shape == (1, 3, 8, 9)
    wanted = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in drawn])
    assert np.abs(found[0].int().numpy() - wanted.astype(int)).max() <= 1
    same = grey_sequences(grey_clip(drawn[..., 0]), "LBP")[0]
    assert np.array_equal(same, drawn[..., 0]), "grey stays as it is"


def test_histograms_are_shares_of_a_cell():
    codes = np.random.default_rng(0).integers(0, 5, (2, 3, 7, 8))
    found = cell_histograms(torch.from_numpy(codes), 5, 3).numpy()
    wanted = [np.concatenate([shares(each, 5, 3) for each in maps]) for maps in codes]
    assert np.allclose(found, wanted)


def test_patterns_are_scikit_image_s():
    grey = noise(3)
    for points, radius in ((8, 1), (8, 2), (6, 1)):
        bins = points * (points - 1) + 3
        inner = slice(radius, -radius)
        codes = [local_binary_pattern(g, points, radius, "nri_uniform")[inner, inner] for g in grey]
        found = LBP(points=points, radius=radius, grid=2)(grey_clip(grey))
        assert np.allclose(found, mean_and_deviation([shares(code, bins, 2) for code in codes]))


def test_three_planes_are_scikit_image_s_slice_by_slice():
    grey = noise(7)
    rows = []
    # The second block ends with the clip.
    for block in (grey[:5], grey[2:]):
        planes = np.zeros((3, 3, 12, 15))
        for t in range(3):
            planes[0, t] = local_binary_pattern(block[t + 1], 8, 1, "nri_uniform")[1:-1, 1:-1]
        for y in range(12):
            slices = local_binary_pattern(block[:, y + 1], 8, 1, "nri_uniform")
            planes[1, :, y] = slices[1:-1, 1:-1]
        for x in range(15):
            slices = local_binary_pattern(block[:, :, x + 1], 8, 1, "nri_uniform")
            planes[2, :, :, x] = slices[1:-1, 1:-1]
        each = [np.mean([shares(code, 59, 2) for code in plane], 0) for plane in planes]
        rows.append(np.concatenate(each))
    assert np.allclose(LBPTOP(block=5, grid=2)(grey_clip(grey)), mean_and_deviation(rows))


def test_phase_codes_are_those_of_a_direct_transform():
    window, grey = 5, noise(1, 8, 9)
    codes = np.zeros((4, 5))
    places = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
    for row in range(4):
        for column in range(5):
            found = []
            for u, v in ((1, 0), (0, 1), (1, 1), (1, -1)):
                terms = [
                    float(grey[0, row + 2 - y, column + 2 - x])
                    * np.exp(-2j * math.pi * (u * x + v * y) / window)
                    for y, x in places
                ]
                found.append(sum(terms))
            signs = [c.real >= 0 for c in found] + [c.imag >= 0 for c in found]
            codes[row, column] = sum(2**bit for bit, sign in enumerate(signs) if sign)
    found = LPQ(window=window, correlation=0.0, grid=2, statistics=["mean"])(grey_clip(grey))
    assert np.allclose(found, shares(codes, 256, 2))


def test_whitened_coefficients_are_not_correlated():
    plain, whitened = (phase_filters(7, rho).flatten(1).numpy() for rho in (0.0, 0.9))
    place = np.stack(np.meshgrid(np.arange(7), np.arange(7), indexing="ij"), -1).reshape(-1, 2)
    pixels = 0.9 ** np.linalg.norm(place[:, None] - place[None], axis=-1)

    def correlation(filters):
        covariance = filters @ pixels @ filters.T
        deviation = np.sqrt(np.diag(covariance))
        return covariance / np.outer(deviation, deviation)

    # torch.cdist is exact to about 1e-8.
    assert np.abs(correlation(whitened) - np.eye(8)).max() < 1e-6
    assert np.abs(correlation(plain) - np.eye(8)).max() > 0.1
    assert (np.einsum("fp,fp->f", plain, whitened) > 0).all(), "each is nearest to its own"
    assert np.abs(whitened.sum(1)).max() < 1e-9, "brightness has no phase"


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_what_is_flat_has_one_code_whatever_its_brightness(correlation):
    for value in range(0, 256, 5):
        flat = np.full((1, 9, 9), value)
        row = LPQ(correlation=correlation, grid=1, statistics=["mean"])(grey_clip(flat))
        assert row[255] == 1.0, "all signs are those of 0"


EAST = np.array([[-3, -3, 5], [-3, 0, 5], [-3, -3, 5]])
NORTH_EAST = np.array([[-3, 5, 5], [-3, 0, 5], [-3, -3, -3]])
KIRSCH = [np.rot90(mask, turn) for turn in range(4) for mask in (EAST, NORTH_EAST)]


def responses_of(grey):
    windows = sliding_window_view(grey.astype(int), (3, 3), axis=(1, 2))
    return np.stack([np.einsum("tyxij,ij->tyx", windows, mask) for mask in KIRSCH], 1)


@pytest.mark.parametrize("volume", [False, True])
@pytest.mark.parametrize("kind", ["number", "structural"])
def test_directional_codes_are_places_among_the_responses(kind, volume):
    grey = noise(4)
    found = responses_of(grey)
    if volume:
        found = np.stack([found[t : t + 3].reshape(24, 12, 15) for t in range(2)])
    count = found.shape[1]
    rising = found.argsort(1, kind="stable")
    falling = (-found).argsort(1, kind="stable")
    if kind == "number":
        codes = [count * falling[:, 0] + rising[:, 0]]
    else:
        codes = [count * ranks[:, 0] + ranks[:, 1] for ranks in (falling, rising)]
    rows = [
        np.concatenate([shares(c, count**2, 2) for c in each]) for each in zip(*codes, strict=True)
    ]
    extractor = LocalDirectional(kind=kind, volume=volume, grid=2)
    assert np.allclose(extractor(grey_clip(grey)), mean_and_deviation(rows))


@pytest.mark.parametrize("name", [name for name in TEXTURES if name != "rate"])
def test_brightness_changes_nothing(name):
    # Some of a face is flat: there a rounding error would decide.
    grey = noise(7, most=200)
    grey[:, 3:9, 4:12] = 90
    extractor = built(name)
    assert np.array_equal(extractor(grey_clip(grey)), extractor(grey_clip(grey + 55)))
    assert not np.array_equal(extractor(grey_clip(grey)), extractor(grey_clip(noise(7, seed=1))))


@pytest.mark.parametrize("name", TEXTURES)
def test_clips_of_any_length_give_as_many_numbers(name):
    extractor = built(name)
    clips = [grey_clip(noise(count)) for count in (1, 2, 3, 11)]
    clips += [grey_clip(noise(12), segment) for segment in (1, 4, 6)]
    rows = [np.asarray(extractor(clip)) for clip in clips]
    assert len({row.shape for row in rows}) == 1
    assert rows[0].ndim == 1
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("name", ["LBP", "LPQ", "volume"])
def test_frames_are_coded_in_pieces_to_the_same_end(name, monkeypatch):
    extractor, clip = built(name), grey_clip(noise(9))
    whole = extractor(clip)
    monkeypatch.setattr(coded_frames, "_CHUNK", 4)
    assert np.allclose(extractor(clip), whole, rtol=0, atol=1e-12)


def test_a_code_of_several_frames_lies_within_a_segment():
    first, second = noise(3), noise(3, seed=1)
    both = grey_clip(np.concatenate([first, second]), segment=3)
    for name in ("volume", "LBPTOP"):
        options = {"block": 3} if name == "LBPTOP" else {}
        extractor = built(name, statistics=["mean"], **options)
        alone = [extractor(grey_clip(each)) for each in (first, second)]
        assert np.allclose(extractor(both), np.mean(alone, 0))


@pytest.mark.parametrize(
    ("kind", "options", "match"),
    [
        (LPQ, {"window": 4}, r"LPQ\.window is an odd number of at least 3 pixels; got 4"),
        (LPQ, {"window": 1}, r"LPQ\.window"),
        (LPQ, {"correlation": 1.0}, r"LPQ\.correlation is less than 1"),
        (LBPTOP, {"block": 4, "radius": 2}, r"LBPTOP\.block is at least .* = 5 frames; got 4"),
        (LocalDirectional, {"kind": "patern"}, r"LocalDirectional\.kind .* got 'patern'"),
        (MotionHistory, {"code": "sum"}, r"MotionHistory\.code is 'patterns' or 'rate'; got 'sum'"),
        (LBP, {"statistics": ["median"]}, r"LBP\.statistics: no statistic is called 'median'"),
    ],
)
def test_what_they_don_t_take_is_told(kind, options, match):
    with pytest.raises(ValueError, match=match):
        kind(**options)


@pytest.mark.parametrize("name", TEXTURES)
def test_frames_that_are_missing_or_too_small_are_told(name):
    kind = type(built(name)).__name__
    with pytest.raises(ValueError, match=rf"{kind} reads frames, and clip .* has none"):
        built(name)(Clip(example_id(0), torch.arange(3)))
    with pytest.raises(
        ValueError, match=rf"{kind}\.grid=9 divides frames of .* got 8x20: take fewer"
    ):
        built(name, grid=9)(grey_clip(noise(3, 8, 20)))


def test_a_package_that_is_missing_is_told_before_anything_is_opened(monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "skimage" else find(name, *a)
    )
    for kind in (LBP, LBPTOP, MotionHistory):
        with pytest.raises(ValueError, match=rf"{kind.__name__} needs .* pip install scikit-image"):
            kind()
    MotionHistory(code="rate")
    given = load_config(
        ROOT / "configs" / "baselines" / "lbp_top_avec14.py",
        overrides=[f"data.root={tmp_path / 'none'}"],
    )
    with pytest.raises(
        ValueError, match=r"method\.extractor: LBPTOP needs the package scikit-image"
    ):
        check_estimator_run(given)
    extras = configparser.ConfigParser()
    extras.read(ROOT / "setup.cfg")
    assert "scikit-image" in extras["options.extras_require"]["classic"]
