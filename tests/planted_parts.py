"""Parts with one fault each, and sound ones of odd shapes."""

import random

import numpy as np
import torch
from torch import nn

from adabench.models import Aggregator, Backbone, Head, Identity, KeepAll, Selector, UnitRegressor
from adabench.structures import Assessment, Features, FeatureSpec, Selection, Truth, Units, UnitSpec


def weighed(scores, valid):
    weight = scores.masked_fill(~valid, float("-inf")).softmax(-1)
    return Selection(weight=weight, relevance=weight)


class Scored(Selector):
    """A sound selector that the faulty ones differ from in one line."""

    def __init__(self, *, units):
        super().__init__()
        self.score = nn.Linear(units.dim, 1)

    def forward(self, units):
        return weighed(self.score(units.x).squeeze(-1), units.valid)


class TrailingAxis(Scored):
    def forward(self, units):
        weight = super().forward(units).weight[..., None]
        return Selection(weight=weight, relevance=weight)


class FixedSize(Scored):
    def __init__(self, *, units):
        super().__init__(units=units)
        self.score = nn.Linear(128, 1)


class NotANumber(Scored):
    def forward(self, units):
        weight = super().forward(units).weight * float("nan")
        return Selection(weight=weight, relevance=weight)


class BareTensor(Scored):
    def forward(self, units):
        return super().forward(units).weight


class TakesTruth(Scored):
    def forward(self, units, truth: Truth | None = None):
        return super().forward(units)


class PeekMemory(Scored):
    """Keeps the labels that its loss saw and adds them to its scores."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.seen = None

    def loss(self, inputs, output, truth, progress):
        self.seen = truth.score
        return {}

    def forward(self, units):
        scores = self.score(units.x).squeeze(-1)
        if self.seen is not None:
            scores = scores * self.seen.mean()
        return weighed(scores, units.valid)


class Counter(Scored):
    calls = 0

    def forward(self, units):
        self.calls += 1
        return weighed(self.score(units.x).squeeze(-1) * (1 + 0.01 * self.calls), units.valid)


class PlainMean(Scored):
    """Keeps a running mean that no state dict carries."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.mean = torch.zeros(units.dim)

    def update(self, inputs, output, truth, progress):
        self.mean = 0.9 * self.mean + 0.1 * inputs.x.mean((0, 1))

    def forward(self, units):
        return weighed(self.score(units.x * self.mean).squeeze(-1), units.valid)


class BatchStatistics(Scored):
    def forward(self, units):
        x = units.x[units.valid]
        return weighed(self.score((units.x - x.mean(0)) / x.std(0)).squeeze(-1), units.valid)


class HalfAtTheEnd(Scored):
    def forward(self, units):
        weight = super().forward(units).weight.half()
        return Selection(weight=weight, relevance=weight)


class HalfInside(Scored):
    def forward(self, units):
        scores = self.score(units.x).squeeze(-1)
        return weighed(scores.bfloat16().mul(2).float(), units.valid)


class Unmasked(Scored):
    """Forgets padding where it normalises, and masks afterwards."""

    def forward(self, units):
        weight = self.score(units.x).squeeze(-1).softmax(-1) * units.valid
        return Selection(weight=weight / weight.sum(-1, keepdim=True), relevance=weight)


class Negative(Scored):
    def forward(self, units):
        scores = self.score(units.x).squeeze(-1) * units.valid
        weight = scores / scores.sum(-1, keepdim=True)
        return Selection(weight=weight, relevance=weight)


class Random(Scored):
    def forward(self, units):
        return weighed(torch.rand(units.valid.shape, device=units.x.device), units.valid)


class ShuffledRows(Scored):
    def forward(self, units):
        scores = self.score(units.x).squeeze(-1)
        if self.training:
            scores = scores[torch.randperm(len(scores), device=scores.device)]
        return weighed(scores, units.valid)


class OnTheCPU(Scored):
    def forward(self, units):
        scores = self.score(units.x).squeeze(-1)
        return weighed(scores + torch.linspace(0, 1, scores.shape[1]), units.valid)


class NoInit(Selector):
    def __init__(self, *, units):
        self.score = nn.Linear(units.dim, 1)

    def forward(self, units):
        return weighed(self.score(units.x).squeeze(-1), units.valid)


class NoUnits(Scored):
    def __init__(self):
        super().__init__(units=UnitSpec(8, True, FeatureSpec(8)))


class Typo(Scored):
    def __init__(self, *, units, keep=0.5):
        super().__init__(units=units)


class Bare(nn.Module):
    def __init__(self, *, units):
        super().__init__()


class CutGradient(Scored):
    def forward(self, units):
        return weighed(self.score(units.x).squeeze(-1).detach(), units.valid)


# Ten more.


class PythonRandom(UnitRegressor):
    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        assessment.score = assessment.score + random.gauss(0, 1) + float(np.random.rand())  # noqa: NPY002 - the fault
        return assessment


class Squeezes(UnitRegressor):
    """Loses the clip's axis when a clip is alone."""

    def forward(self, units, selection):
        scores = self.regress(units.x).squeeze()
        score = (selection.weight * scores).sum(-1)
        return Assessment(score=score, selection=selection)


class StatisticsOfOne(Identity):
    """Divides by a standard deviation over steps, which one step has not."""

    def forward(self, features):
        units = super().forward(features)
        kept = [x[v] for x, v in zip(units.x, units.valid, strict=True)]
        x = units.x.clone()
        for clip, rows in enumerate(kept):
            x[clip, : len(rows)] = (rows - rows.mean(0)) / rows.std(0)
        units.x = x
        return units


class InPlace(Identity):
    def forward(self, features):
        features.vector.mul_(0.5)
        return super().forward(features)


class BufferCounter(Identity):
    def __init__(self, *, features):
        super().__init__(features=features)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, features):
        self.count += 1
        return super().forward(features)


class RowMemory(UnitRegressor):
    """Learns the scores of its last batch by heart, row by row, in a buffer."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.register_buffer("last", torch.zeros(8))

    def update(self, inputs, output, truth, progress):
        self.last[: len(truth.score)] = truth.score

    def forward(self, units, selection):
        assessment = super().forward(units, selection)
        assessment.score = assessment.score + self.last[: len(assessment.score)]
        return assessment


class HiddenList(Scored):
    """Keeps its layers in a list, which nothing moves, saves or trains."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.score = None
        self.layers = [nn.Linear(units.dim, 1)]

    def forward(self, units):
        return weighed(self.layers[0](units.x).squeeze(-1), units.valid)


class NumberLoss(UnitRegressor):
    def loss(self, inputs, output, truth, progress):
        return {"mse": super().loss(inputs, output, truth, progress)["mse"].item()}


class FarSpans(Identity):
    def forward(self, features):
        units = super().forward(features)
        units.span = units.span + 1000
        return units


class AlwaysTrains(Backbone):
    """Normalises over the batch in evaluation too."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4), nn.ReLU())

    @property
    def spec(self):
        return FeatureSpec(vector=8)

    def forward(self, inputs):
        maps = self.net(inputs.frames.flatten(0, 1))
        maps = nn.functional.batch_norm(maps, None, None, training=True)
        return Features(
            vector=maps.amax((-2, -1)).unflatten(0, inputs.valid.shape),
            valid=inputs.valid,
            span=torch.stack([inputs.index, inputs.index + 1], -1),
        )


# Sound parts of odd shapes.


class OneUnit(Aggregator):
    """A unit a clip, without time."""

    def __init__(self, *, features):
        super().__init__()
        self._spec = UnitSpec(dim=features.vector, per_step=False, features=features)

    @property
    def spec(self):
        return self._spec

    def forward(self, features):
        kept = features.valid[..., None].float()
        x = (features.vector * kept).sum(1, keepdim=True) / kept.sum(1, keepdim=True).clamp_min(1)
        start = features.span[..., 0].masked_fill(~features.valid, 1 << 30).amin(1, keepdim=True)
        stop = features.span[..., 1].masked_fill(~features.valid, 0).amax(1, keepdim=True)
        return Units(
            x=x,
            valid=features.valid.any(1, keepdim=True),
            span=torch.stack([start, stop], -1),
            scale=torch.zeros(1, dtype=torch.long, device=x.device),
            features=features,
        )


class TwoScales(Identity):
    """Steps, and pairs of them."""

    def __init__(self, *, features):
        super().__init__(features=features)
        self._spec = UnitSpec(dim=features.vector, per_step=False, features=features)

    def forward(self, features):
        units = super().forward(features)
        x, valid, span = units.x, units.valid, units.span
        units.x = torch.cat([x, (x[:, 1:] + x[:, :-1]) / 2], 1)
        units.valid = torch.cat([valid, valid[:, 1:] & valid[:, :-1]], 1)
        units.span = torch.cat([span, torch.stack([span[:, :-1, 0], span[:, 1:, 1]], -1)], 1)
        units.scale = torch.cat([units.scale, 2 * units.scale[1:]])
        return units


class Recurrent(Identity):
    """An LSTM over steps; padding stands at the end, so one direction needs no mask."""

    def __init__(self, *, features):
        super().__init__(features=features)
        self._spec = UnitSpec(dim=12, per_step=True, features=features)
        self.lstm = nn.LSTM(features.vector, 12, batch_first=True)

    def forward(self, features):
        units = super().forward(features)
        units.x = self.lstm(units.x)[0]
        return units


class Attention(Identity):
    def __init__(self, *, features):
        super().__init__(features=features)
        self.layer = nn.TransformerEncoderLayer(
            features.vector, 2, 16, dropout=0.3, batch_first=True
        )

    def forward(self, features):
        units = super().forward(features)
        units.x = self.layer(units.x, src_key_padding_mask=~units.valid)
        return units


class Small(Backbone):
    """Vectors without maps from a small convolution with batch norm."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2)
        )

    @property
    def spec(self):
        return FeatureSpec(vector=8)

    def forward(self, inputs):
        vector = self.net(inputs.frames.flatten(0, 1)).amax((-2, -1))
        return Features(
            vector=vector.unflatten(0, inputs.valid.shape),
            valid=inputs.valid,
            span=torch.stack([inputs.index, inputs.index + 1], -1),
        )


class Segments(Small):
    per_segment = True

    def forward(self, inputs):
        frames = super().forward(inputs)
        length = inputs.segment_length
        valid = inputs.valid.unflatten(1, (-1, length))
        index = inputs.index.unflatten(1, (-1, length))
        kept = valid[..., None].float()
        x = frames.vector.unflatten(1, (-1, length)) * kept
        first = index.masked_fill(~valid, 1 << 30).amin(-1)
        last = index.masked_fill(~valid, -1).amax(-1)
        span = torch.stack([first, last + 1], -1).masked_fill(~valid.any(-1, keepdim=True), 0)
        return Features(vector=x.sum(2) / kept.sum(2).clamp_min(1), valid=valid.any(-1), span=span)


class Guided(Small):
    """Maps, and the same before a guide changed them."""

    @property
    def spec(self):
        return FeatureSpec(vector=8, maps=(8,), guided=True)

    def forward(self, inputs):
        maps = self.net(inputs.frames.flatten(0, 1)).unflatten(0, inputs.valid.shape)
        return Features(
            vector=(2 * maps).mean((-2, -1)),
            valid=inputs.valid,
            span=torch.stack([inputs.index, inputs.index + 1], -1),
            maps=(2 * maps,),
            visual_maps=(maps,),
        )


class ReadsSignals(Small):
    reads = ("signals",)

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(6, 8)

    def forward(self, inputs):
        values = inputs.signals.values * inputs.signals.mask
        return Features(
            vector=self.net(values),
            valid=inputs.valid,
            span=torch.stack([inputs.index, inputs.index + 1], -1),
        )


class ZeroLast(UnitRegressor):
    """Starts at the mean: its last layer is zero."""

    def __init__(self, *, units):
        super().__init__(units=units, hidden=8)
        nn.init.zeros_(self.regress[-1].weight)
        nn.init.zeros_(self.regress[-1].bias)


class Normed(UnitRegressor):
    """Batch norm over clips, in training."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.norm = nn.BatchNorm1d(units.dim)

    def forward(self, units, selection):
        pooled = self.norm((selection.weight[..., None] * units.x).sum(1))
        score = self.to_points(self.regress(pooled).squeeze(-1))
        return Assessment(score=score, selection=selection)


class Strongest(Head):
    """The highest unit counts alone: the head's own selection."""

    def __init__(self, *, units):
        super().__init__()
        self.regress = nn.Linear(units.dim, 1)

    def forward(self, units, selection):
        unit = self.to_points(self.regress(units.x).squeeze(-1))
        best = unit.masked_fill(~units.valid, float("-inf")).argmax(-1)
        weight = nn.functional.one_hot(best, units.valid.shape[1]).float()
        own = Selection(weight=weight, relevance=weight)
        unit = unit.masked_fill(~units.valid, 0.0)
        return Assessment(score=(weight * unit).sum(-1), selection=own, unit_score=unit)

    def loss(self, inputs, output, truth, progress):
        gap = self.standardise(output.score) - self.standardise(truth.score)
        return {"mse": gap.square().mean()}


class Buckets(KeepAll):
    """A memory of the level's mean vectors, in a buffer, that `update` moves."""

    def __init__(self, *, units):
        super().__init__(units=units)
        self.register_buffer("means", torch.zeros(4, units.dim))

    def update(self, inputs, output, truth, progress):
        pooled = (output.weight[..., None] * inputs.x).sum(1)
        for level, vector in zip(truth.level.tolist(), pooled, strict=True):
            self.means[level] = 0.5 * self.means[level] + 0.5 * vector

    def forward(self, units):
        return weighed((units.x @ self.means.T).amax(-1), units.valid)
