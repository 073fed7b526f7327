"""Selectors that break the contract, at once or once they are trained, registered for one test."""

import pytest
import torch

from adabench.models import KeepAll
from adabench.registry import MODELS
from adabench.structures import Selection


class DrawsInForward(KeepAll):
    def forward(self, units):
        noise = torch.rand(units.valid.shape, device=units.x.device)
        weight = noise.masked_fill(~units.valid, float("-inf")).softmax(-1)
        return Selection(weight=weight, relevance=weight)


class BreaksOnceTrained(KeepAll):
    """Its weights sum to 1 until it is trained."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.register_buffer("steps", torch.zeros(()))

    def update(self, inputs, output, truth, progress):
        self.steps += 1

    def forward(self, units):
        weight = super().forward(units).weight
        return Selection(weight=weight * (1 if self.steps < 1 else 2), relevance=weight)


@pytest.fixture
def broken_selectors():
    for kind in (DrawsInForward, BreaksOnceTrained):
        MODELS.register_module(module=kind)
    yield
    for kind in (DrawsInForward, BreaksOnceTrained):
        del MODELS.module_dict[kind.__name__]
