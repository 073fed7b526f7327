"""How long motion lasts at a pixel, of clips whose runs are known."""

import numpy as np
import pytest
import torch
from extractor_clips import grey_clip, noise
from skimage.feature import local_binary_pattern

from adabench.models import MotionHistory
from adabench.models.extractors.motion_history import run_counts

# What moves at a pixel, frame by frame, and how many runs of 1, 2 and 3 that are.
KNOWN = {
    "0000000000": (0, 0, 0),
    "0101001000": (3, 0, 0),
    "0110111010": (1, 1, 1),
    "0111100110": (0, 1, 0),
    "1011000111": (0, 1, 0),
    "1111111111": (0, 0, 0),
    "0011101001": (1, 0, 1),
    "1100010011": (1, 0, 0),
    "0000011110": (0, 0, 0),
}
SIDE = 3


def moving():
    """Frames (11, 3, 3) whose pixels jump where the patterns say so."""
    moves = np.array([[int(step) for step in pattern] for pattern in KNOWN])
    jumps = np.cumsum(np.concatenate([np.zeros((len(KNOWN), 1), int), moves], 1), 1) % 2
    return (60 + 30 * jumps.T).reshape(-1, SIDE, SIDE)


def test_runs_of_known_length_are_counted():
    given = moving()
    moves = torch.from_numpy(np.abs(np.diff(given, axis=0)) > 20)
    found = run_counts(moves[None], 3)
    assert found.flatten(1).T.tolist() == [list(wanted) for wanted in KNOWN.values()]
    row = MotionHistory(lengths=3, code="rate", grid=SIDE)(grey_clip(given))
    assert np.allclose(row, np.array(list(KNOWN.values())).T.ravel() / 10)


def test_a_change_as_great_as_the_threshold_is_no_motion():
    def rate(threshold):
        return MotionHistory(threshold=threshold, code="rate", grid=1)(grey_clip(moving()))

    assert rate(29).any()
    assert not rate(30).any()


def test_rates_are_means_over_a_cell():
    whole = MotionHistory(lengths=3, code="rate", grid=1)(grey_clip(moving()))
    assert np.allclose(whole, np.mean(list(KNOWN.values()), 0) / 10)


def test_runs_are_counted_within_segments():
    given = moving()
    twice = MotionHistory(lengths=3, code="rate", grid=SIDE)
    row = twice(grey_clip(np.concatenate([given, given[::-1]]), segment=11))
    assert np.allclose(row, twice(grey_clip(given))), "backwards runs are as long"
    # Cut in the midst of its runs it has others.
    assert not np.allclose(twice(grey_clip(given[:10], segment=5)), twice(grey_clip(given[:10])))


def test_the_images_are_coded_by_scikit_image_s_patterns():
    grey = noise(40, 9, 9)
    moves = torch.from_numpy(np.abs(np.diff(grey.astype(int), axis=0)) > 20)[None]
    codes = [
        local_binary_pattern(image.numpy(), 8, 1, "nri_uniform")[1:-1, 1:-1]
        for image in run_counts(moves, 4)
    ]
    wanted = [np.bincount(code.astype(int).ravel(), minlength=59) / 49 for code in codes]
    assert np.allclose(MotionHistory(lengths=4, grid=1)(grey_clip(grey)), np.concatenate(wanted))


@pytest.mark.parametrize("code", ["patterns", "rate"])
def test_a_single_frame_has_no_motion(code):
    row = np.asarray(MotionHistory(code=code, grid=2)(grey_clip(noise(1))))
    still = np.asarray(MotionHistory(code=code, grid=2)(grey_clip(noise(1).repeat(5, 0))))
    assert np.array_equal(row, still)
