"""Further parts with one fault each, whose blame could fall on a neighbour, and sound ones like them."""

import numpy as np
import torch
from planted_parts import Scored, Small, weighed
from torch import nn

from adabench.models import Identity, UnitRegressor


class AnswersOnTheCPU(UnitRegressor):
    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        assessment.score = assessment.score.cpu()
        return assessment


class ThroughNumpy(UnitRegressor):
    """Lets no gradient through to the parts before it."""

    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        clipped = np.clip(assessment.score.detach().cpu().numpy(), 0, 63)
        assessment.score = torch.tensor(clipped, device=units.x.device)
        return assessment


class LossOfNothing(UnitRegressor):
    def loss(self, inputs, output, truth, progress):
        return {"mse": (output.score.detach() - truth.score).square().mean()}


class RootOfZero(UnitRegressor):
    """Its score is finite, its gradient is not."""

    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        gap = assessment.score - assessment.score.detach()
        assessment.score = assessment.score + gap.abs().sqrt()
        return assessment


class LossForgotten(UnitRegressor):
    def loss(self, inputs, output, truth, progress):
        return {}


class TakesAnswers(UnitRegressor):
    def forward(self, units, selection, *, y_true=None):
        return super().forward(units, selection)


class LevelsByRow(Scored):
    def forward(self, units):
        selection = super().forward(units)
        selection.level_scores = selection.weight.new_zeros(4, len(selection.weight))
        return selection


class LateSpans(Small):
    """The aggregator behind it hands its spans on."""

    def forward(self, inputs):
        features = super().forward(inputs)
        features.span = features.span + 3
        return features


class MixesFullBatches(UnitRegressor):
    """Centres the scores of a batch, where it is as large as in training."""

    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        if len(assessment.score) >= 8:
            assessment.score = assessment.score - assessment.score.mean() + 20
        return assessment


class LeavesEvaluation(UnitRegressor):
    def forward(self, units, selection):
        self.train()
        return super().forward(units, selection)


# Sound ones.


class MadeThere(Scored):
    """A tensor of numbers of its own, made on the device of its input."""

    def forward(self, units):
        counts = torch.tensor([float(v.sum()) for v in units.valid], device=units.x.device)
        return weighed(self.score(units.x).squeeze(-1) / counts[:, None], units.valid)


class Packed(Identity):
    """A recurrent network over packed steps, whose lengths torch wants on the CPU."""

    def __init__(self, *, features):
        super().__init__(features=features)
        self.gru = nn.GRU(
            features.vector, features.vector // 2, batch_first=True, bidirectional=True
        )

    def forward(self, features):
        units = super().forward(features)
        lengths = units.valid.sum(-1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            units.x, lengths, batch_first=True, enforce_sorted=False
        )
        steps = units.x.shape[1]
        units.x, _ = nn.utils.rnn.pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=steps
        )
        return units
