"""What tells two parts of one code apart that differ in no tensor."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

from adabench.engine.caches.features import _code
from adabench.engine.caches.settings import objects_of, settings_of


class Helper:
    __slots__ = ("factor", "itself")

    def __init__(self, factor):
        self.factor = factor
        self.itself = self


def double(x, by=2):
    return x * by


# As if from a notebook: this file is the repository's own.
Helper.__module__ = double.__module__ = "zz_notebook"


def part(**attributes):
    made = nn.Sequential(nn.Identity(), nn.Identity())
    vars(made[1]).update(attributes)
    return made


DIFFERENT = {
    "number": (1, 2),
    "text": ("a", "b"),
    "nested": ({"a": [1, {2}]}, {"a": [1, {3}]}),
    "object": (Helper(1), Helper(2)),
    "array": (np.arange(3), np.arange(3) + 1),
    "tensor": (torch.zeros(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16)),
    "function": (double, settings_of),
    "bound arguments": (functools.partial(double, by=2), functools.partial(double, by=3)),
}


@pytest.mark.parametrize("values", DIFFERENT.values(), ids=DIFFERENT)
def test_an_attribute_of_any_module_counts(values):
    first, second = (settings_of(part(gain=value)) for value in values)
    assert first != second
    assert first == settings_of(part(gain=values[0]))


def test_where_an_object_lies_in_memory_does_not_matter():
    assert settings_of(part(it=object(), by=lambda: 0)) == settings_of(
        part(it=object(), by=lambda: 0)
    )


def test_only_parts_from_outside_have_their_settings_in_a_key():
    """Keys of the repository's own parts stay as they were."""
    assert _code(part(gain=1), None) == []
    keys = [_code(part(help=[Helper(factor)]), None) for factor in (1, 2, 1)]
    assert keys[0] == keys[2] != keys[1]
    assert double in [*objects_of(part(by={"double": double}))]
    assert _code(part(by={"double": double}), None) != []
