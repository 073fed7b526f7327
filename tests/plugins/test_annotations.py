"""What annotations say of a config's values."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
import pytest

from adabench.bounds import Count, Natural, Share
from adabench.plugins.annotations import annotations_of, from_object, from_source, misfit

ALIASES = {"Word": ast.parse("Literal['a', 'b']", mode="eval").body}


def read(text):
    return from_source(ast.parse(text, mode="eval").body, ALIASES.get)


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("int", int),
        ("bool | None", bool | None),
        ("Optional[float]", Optional[float]),  # noqa: UP045 - as older code has it
        ("'str | Path'", str | Path),
        ("Sequence[int] | None", Sequence[int] | None),
        ("tuple[float, float]", tuple[float, float]),
        ("tuple[int, ...]", tuple[int, ...]),
        ("Mapping[str, Any]", Mapping[str, Any]),
        ("dict[str, Any] | Word", dict[str, Any] | Literal["a", "b"]),
        ("np.ndarray | int", np.ndarray | int),
        ("Any", Any),
        ("Count", Count),
        ("Natural | None", Natural | None),
        ("Share", Share),
        ("Sequence[Count]", Sequence[Count]),
    ],
)
def test_source_and_class_say_the_same(text, annotation):
    assert read(text) == from_object(annotation)


@pytest.mark.parametrize(
    ("kind", "fits", "others"),
    [
        (int, (0, -3), ("3", 1.0, True, None)),
        (float, (1, 0.5), ("0.5", False, None)),
        (bool, (True, False), ("no", "off", "yes", 0, 1)),
        (str | None, ("a", Path("a"), None), (3, ["a", "b"])),
        (Sequence[int], ([1, 2], (), (3,)), ("12", [1.5], 3)),
        (dict[str, Any], ({}, {"a": 1}), ([], "a=1")),
        (Literal["a", 1], ("a", 1), ("b", True, 2)),
        (np.ndarray | int, ("anything", 3), ()),
        (Count, (1, 8), (0, -3, 1.0, True, "1", None)),
        (Natural, (0, 8), (-1, 0.5)),
        (Share, (0, 1, 0.2), (-0.1, 1.5, "0.2", float("nan"))),
        (Count | None, (1, None), (0,)),
    ],
)
def test_values_that_fit_and_others(kind, fits, others):
    kind = from_object(kind)
    assert [misfit(value, kind) for value in fits] == [None] * len(fits)
    for value in others:
        assert misfit(value, kind).endswith(f"; got {value!r}")


def test_what_was_expected_is_told_in_words():
    assert misfit("x", from_object(Sequence[float] | None)).startswith(
        "expected a list of a number or None; got"
    )
    assert misfit(3, from_object(Literal["a", "b"])) == "expected 'a' or 'b'; got 3"


def test_names_that_can_not_be_found_say_nothing():
    def part(size: "Nowhere", frozen: bool):  # noqa: F821
        pass

    assert annotations_of(part) == {}


def test_a_range_is_told():
    assert misfit(0, Count) == "expected a whole number of at least 1; got 0"
    assert misfit(2, from_object(Share | None)) == "expected a number from 0 to 1 or None; got 2"


def test_a_range_is_kept_of_a_class_and_an_annotation_of_another_kind_is_not():
    def part(width: Count = 3, name: Annotated[str, "shown"] = "") -> None: ...

    assert annotations_of(part) == {"width": Count, "name": str, "return": None}
