"""Crops against pictures whose pixels are known in closed form."""

import math

import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from adabench.data.prepare.detection.crop import crop_face


def ramp(height=120, width=160):
    """Red rises by 1 a pixel to the right, green by 1 a pixel downwards."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 7)], axis=2).astype(np.uint8)


def sampled(image, box, size):
    """The same crop with scipy: linear sampling on a grid as fine as the box, then block means."""
    fine = size * math.ceil(box[2] / size)
    grid = (np.arange(fine) + 0.5) * box[2] / fine - 0.5
    places = np.meshgrid(box[1] + grid, box[0] + grid, indexing="ij")
    channels = [
        ndimage.map_coordinates(image[..., c].astype(float), places, order=1, mode="nearest")
        for c in range(3)
    ]
    blocks = np.stack(channels, axis=2).reshape(size, fine // size, size, fine // size, 3)
    return blocks.mean(axis=(1, 3))


@pytest.mark.parametrize(
    "box",
    [
        (180, 70, 90, 90),
        (180.5, 70.25, 90, 90),
        (151.3, 40.7, 147.4, 147.4),
        (-20, 440, 99.9, 99.9),
    ],
)
def test_place_and_side_are_exact_to_a_fraction_of_a_pixel(box):
    face = crop_face(data.astronaut(), np.array(box), 0.0, 32)
    error = np.abs(face - sampled(data.astronaut(), box, 32))
    # OpenCV samples at 1/32 of a pixel and rounds to whole grey levels twice
    assert error.max() < 4
    assert error.mean() < 0.5


def test_whole_pixels_at_their_own_size_are_copied():
    picture = data.astronaut()
    face = crop_face(picture, np.array([177.0, 66, 96, 96]), 0.0, 96)
    np.testing.assert_array_equal(face, picture[66:162, 177:273])


def test_whole_reduction_is_the_area_average():
    picture = data.astronaut()
    face = crop_face(picture, np.array([170.0, 60, 128, 128]), 0.0, 64)
    expected = cv2.resize(picture[60:188, 170:298], (64, 64), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(face, expected)


def test_margin_is_a_share_of_the_side_on_each_side():
    picture = ramp()
    with_margin = crop_face(picture, np.array([40.0, 30, 50, 50]), 0.2, 35)
    wider = crop_face(picture, np.array([30.0, 20, 70, 70]), 0.0, 35)
    np.testing.assert_array_equal(with_margin, wider)


def test_beyond_the_picture_its_border_is_repeated():
    face = crop_face(ramp(), np.array([-32.0, -32, 64, 64]), 0.0, 64)
    np.testing.assert_array_equal(face[:32, :32], np.full((32, 32, 3), [0, 0, 7]))
    assert face[-1, -1].tolist() == [31, 31, 7]


def test_enlarging():
    face = crop_face(ramp(), np.array([40.0, 30, 20, 20]), 0.0, 64)
    assert face.shape == (64, 64, 3)
    assert abs(float(face[:, :, 0].mean()) - 49.5) < 0.6
