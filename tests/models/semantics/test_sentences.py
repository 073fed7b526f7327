import pytest
import torch

from adabench.models.semantics.sentences import (
    AU_NAMES,
    FIXED_SENTENCE,
    NO_AU_SENTENCE,
    au_number,
    openface_sentences,
    phrases,
    sentence,
    strongest,
)
from adabench.structures import Signals

NAMES = ("AU01_r", "AU01_c", "AU04_r", "AU04_c", "AU28_c", "gaze_angle_x")


def signals(rows: list[list[float]], mask: list[list[bool]] | None = None, names=NAMES) -> Signals:
    values = torch.tensor(rows)
    known = torch.ones_like(values, dtype=torch.bool) if mask is None else torch.tensor(mask)
    return Signals(values=values, mask=known, names=names)


def test_the_sentence_lists_the_names():
    start = "A photo of a face showing"
    assert sentence([12]) == f"{start} lip corner puller."
    assert sentence([1, 4]) == f"{start} inner brow raiser and brow lowerer."
    assert sentence([1, 4, 15]).endswith("brow raiser, brow lowerer and lip corner depressor.")
    assert sentence([]) == NO_AU_SENTENCE != FIXED_SENTENCE


def test_five_at_most_and_the_strongest():
    intensity = {1: 0.1, 2: 0.9, 4: 0.8, 5: 0.7, 6: 0.6, 12: 0.5, 15: 0.4}
    assert strongest(intensity) == [2, 4, 5, 6, 12]
    assert strongest({15: 2.0, 1: 1.0}) == [1, 15]
    assert strongest({}) == []


def test_equal_intensities_are_told_apart_by_number():
    assert strongest(dict.fromkeys((20, 17, 15, 12, 4, 1), 1.0)) == [1, 4, 12, 15, 17]


def test_every_name_is_its_own():
    assert len(set(AU_NAMES.values())) == len(AU_NAMES)
    assert phrases([1, 45]) == ["inner brow raiser", "blink"]


@pytest.mark.parametrize(
    ("column", "number"),
    [("AU1", 1), ("AU01", 1), (" AU15 ", 15), ("AU3", None), ("AU1_r", None), ("gaze_down", None)],
)
def test_plain_columns_are_recognised(column, number):
    assert au_number(column) == number


def test_presence_decides_and_intensity_ranks():
    rows = [[3.0, 0.0, 0.5, 1.0, 0.0, 9.0], [3.0, 1.0, 0.5, 1.0, 1.0, 9.0], [5.0, 0, 5.0, 0, 0, 0]]
    assert openface_sentences(signals(rows)) == [sentence([4]), sentence([1, 4, 28]), sentence([])]


def test_a_unit_without_intensity_comes_last():
    names = (*(f"AU{n:02d}_{k}" for n in (1, 2, 4, 6, 12) for k in "cr"), "AU28_c")
    row = [1.0, 0.3] * 5 + [1.0]
    assert openface_sentences(signals([row], names=names)) == [sentence([1, 2, 4, 6, 12])]


def test_a_frame_that_was_not_measured_gets_the_fixed_sentence():
    rows = [[3.0, 1.0, 0.5, 1.0, 1.0, 9.0]] * 2
    mask = [[False] * 6, [True, True, True, False, False, True]]
    assert openface_sentences(signals(rows, mask)) == [FIXED_SENTENCE, sentence([1])]


def test_columns_may_carry_openfaces_blanks():
    names = tuple(f" {name}" for name in NAMES)
    row = [3.0, 1.0, 0.5, 0.0, 0.0, 9.0]
    assert openface_sentences(signals([row], names=names)) == [sentence([1])]


def test_without_openface_columns_there_is_no_sentence():
    assert openface_sentences(signals([[0.5, 0.5]], names=("AU1", "gaze_down"))) is None
