"""Hashes by which stages, caches and configs are found again."""

from pathlib import Path

import pytest
from torch import nn

from adabench.config.digest import digest


def test_the_order_of_keys_does_not_matter_but_that_of_lists_does():
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_a_tuple_is_a_list():
    assert digest({"a": (1, (2, 3))}) == digest({"a": [1, [2, 3]]})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": 0.1}, {"a": 0.1000001}),
        ({"a": {"b": 1}}, {"a": [["b", 1]]}),
    ],
)
def test_other_values_have_another_hash(first, second):
    assert digest(first) != digest(second)


def test_paths_and_sets_count_by_content():
    assert digest({"p": Path("a/b")}) == digest({"p": "a/b"})
    assert digest({"s": {"x", "y", "z"}}) == digest({"s": {"z", "x", "y"}})


def test_the_order_in_which_a_set_was_filled_does_not_count():
    """Nor does a string's hash, which differs from process to process and orders sets likewise."""
    first, second = {0, 8}, {8, 0}
    assert list(first) != list(second), "these two no longer show what the test is about"
    assert digest(first) == digest(second)


def test_what_is_no_plain_value_is_refused_by_type():
    with pytest.raises(TypeError, match=r"a config holds plain values; .* is a Linear"):
        digest({"a": nn.Linear(1, 1)})


def test_length():
    assert len(digest(1)) == 16
    assert digest(1, 64).startswith(digest(1))
    assert len(digest(1, 64)) == 64
