"""Stage 2 on clips as long as AVEC 2013's: what R's softmax over thousands of units lets through."""

import math
import resource
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from long_clips import LongClips, long_clips
from mmengine.optim import OptimWrapper

from adabench.config.reading.load import load_config
from adabench.registry import MODELS

CONFIG = Path(__file__).parents[3] / "configs" / "expada_avec13.py"
#: Channels of the demo's VAT.
WIDTH = 128
PARTS = ("aggregator", "selector", "head")


@pytest.fixture(scope="module")
def experiment():
    return load_config(CONFIG, demo=True)


def stage_2(experiment, clips: LongClips, width: int = WIDTH):
    torch.manual_seed(0)
    parts = {role: dict(experiment.method[role]) for role in PARTS}
    backbone = {"type": "SegmentVectors", "width": width}
    model = MODELS.build({"type": "Assessor", "backbone": backbone, **parts})
    model.head.fit_scale(clips.scores)
    return model


def trained(experiment, clips: LongClips, epochs: int):
    """Train stage 2 as its config says, in fewer epochs maybe; return it and each epoch's losses."""
    training, model = experiment.training, stage_2(experiment, clips)
    options = {k: v for k, v in training.optimiser.items() if k != "type"}
    optimiser = torch.optim.SGD(model.parameters(), **options)
    wrapper = OptimWrapper(optimiser, clip_grad={"max_norm": training.clip_grad})
    count, curve = len(clips.scores), []
    steps = math.ceil(count / training.batch_size)
    warm, total = steps * training.warmup_epochs, steps * epochs
    for epoch in range(epochs):
        losses = []
        for n, chosen in enumerate(torch.randperm(count).split(training.batch_size), epoch * steps):
            cosine = (1 + math.cos(math.pi * (n - warm) / (total - warm))) / 2
            for group in optimiser.param_groups:
                group["lr"] = options["lr"] * (max(n, 1) / warm if n < warm else cosine)
            inputs, truth = clips.batch(chosen)
            losses.append(model.train_step({"inputs": inputs, "truth": truth}, wrapper))
        curve.append({name: sum(float(v[name]) for v in losses) / steps for name in losses[0]})
    return model.eval(), curve


@torch.no_grad()
def error(model, clips: LongClips) -> float:
    """RMSE over that of the constant."""
    scores = [
        model.flow(clips.batch(torch.tensor([clip]))[0])[-1].score
        for clip in range(len(clips.scores))
    ]
    found = (torch.cat(scores) - clips.scores).square().mean().sqrt()
    return float(found / (model.head.score_mean - clips.scores).square().mean().sqrt())


def test_a_clip_of_25_minutes_is_4197_units_seen_at_once(experiment):
    clips = long_clips(2, 1400, WIDTH, seed=0)
    model = stage_2(experiment, clips)
    *_, selection, assessment = model.flow(clips.batch(torch.arange(2))[0])
    assert selection.weight.shape == (2, 4197)
    assert (selection.weight > 0).sum(-1).tolist() == [839, 839]
    torch.testing.assert_close(selection.extra["share"].sum(1), torch.ones(2, 4))
    assert assessment.score.isfinite().all()


def test_what_a_step_holds_grows_as_its_clips_do_and_no_faster(experiment):
    held = []
    for segments in (200, 400, 800):
        clips = long_clips(2, segments, WIDTH, seed=0)
        model, sizes = stage_2(experiment, clips), []

        def keep(tensor, sizes=sizes):
            sizes.append(tensor.untyped_storage().nbytes())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(*clips.batch(torch.arange(2)), mode="loss")
        held.append(sum(sizes))
    assert held[1] < 2.1 * held[0]
    assert held[2] < 2.1 * held[1]


def test_a_units_share_is_small_and_the_gradient_of_what_ranks_it_is_not(experiment):
    """R is some 1/M, but its branch learns from the covariance of P and the units, whatever M is."""
    norms = []
    for segments in (50, 400):
        clips = long_clips(8, segments, WIDTH, seed=0)
        model = stage_2(experiment, clips)
        model(*clips.batch(torch.arange(8)), mode="loss")["selector.wsl"].backward()
        norms.append(float(model.selector.relate[-1].weight.grad.norm()))
    assert norms[1] > norms[0] / 4


def of_frequencies(clips: LongClips) -> float:
    """L_WSL of a z that is each level's frequency among the clips, whatever a clip shows."""
    levels = clips.batch(torch.arange(len(clips.scores)))[1].level
    share = F.one_hot(levels, 4).float().mean(0)
    return float(F.binary_cross_entropy(share, share))


def test_stage_2_learns_scores_and_the_levels_frequencies(experiment):
    clips = long_clips(24, 40, WIDTH, seed=1)
    _, curve = trained(experiment, clips, epochs=40)
    # The constant's is 1.
    assert curve[-1]["head.mse"] < 0.9
    # Of the levels no more than this is learnt here: z comes near what their frequencies alone give.
    assert curve[-1]["selector.wsl"] < of_frequencies(clips) + 0.03 < curve[0]["selector.wsl"]


@pytest.mark.slow
def test_its_losses_fall_at_4197_units_in_little_memory(experiment):
    """The schedule of the config: 80 epochs. Some minutes on one core."""
    clips = long_clips(32, 1400, WIDTH, seed=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model, curve = trained(experiment, clips, experiment.training.epochs)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kB
    assert curve[-1]["loss"] < 0.9 * curve[0]["loss"]
    # As above: the frequencies of the levels, and little of what a clip shows.
    assert curve[-1]["selector.wsl"] < curve[0]["selector.wsl"] - 0.03
    assert error(model, long_clips(24, 1400, WIDTH, seed=2)) < 1.0
