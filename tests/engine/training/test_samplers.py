"""Orders of an epoch that are balanced over levels."""

from collections import Counter

import pytest
import torch
from toy_training import EPOCHS, equal, run, stop, weights

from adabench.engine.files import checkpoints
from adabench.engine.training.fit import make_loader
from adabench.engine.training.samplers import LevelSampler

LEVELS = [0] * 9 + [1] * 4 + [3] * 2


def order(seed=0, epoch=0, levels=LEVELS):
    torch.seed()
    sampler = LevelSampler(levels, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_each_level_comes_as_often():
    drawn = order()
    assert len(drawn) == len(LEVELS)
    assert Counter(LEVELS[item] for item in drawn) == {0: 5, 1: 5, 3: 5}
    times = Counter(drawn)
    # The rare ones as evenly as they can, the frequent ones without one twice.
    assert sorted(times[item] for item in (13, 14)) == [2, 3]
    assert sorted(times[item] for item in range(9, 13)) == [1, 1, 1, 2]
    assert max(times[item] for item in range(9)) == 1
    assert drawn != sorted(drawn)


def test_all_of_a_frequent_level_come_in_time():
    seen = {item for epoch in range(12) for item in order(epoch=epoch)}
    assert seen == set(range(len(LEVELS)))


def test_what_does_not_divide_goes_round():
    levels = [0, 0, 1, 2, 2]
    most = set()
    for epoch in range(20):
        counts = Counter(levels[item] for item in order(epoch=epoch, levels=levels))
        assert sorted(counts.values()) == [1, 2, 2]
        most |= {level for level, count in counts.items() if count == 2}
    assert most == {0, 1, 2}


def test_the_order_depends_on_seed_and_epoch_alone():
    assert order() == order()
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_draws_by_levels(workers):
    loader = make_loader(range(15), 4, list, shuffle=True, seed=0, workers=workers, levels=LEVELS)
    assert [item for batch in loader for item in batch] == order()


def test_a_training_draws_anew_in_each_epoch_and_resumes_exactly(tmp_path, monkeypatch):
    drawn, draw = [], LevelSampler.__iter__

    def watch(self):
        drawn.append(list(draw(self)))
        return iter(drawn[-1])

    monkeypatch.setattr(LevelSampler, "__iter__", watch)
    levels = LEVELS[:12]
    run(tmp_path / "uncut", levels=levels)
    told = [*drawn]
    assert told == [order(0, epoch, levels) for epoch in range(EPOCHS)]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", levels=levels, at={7: stop})
    run(tmp_path / "cut", levels=levels, resume=True)
    last = [weights(tmp_path / name / checkpoints.LAST) for name in ("cut", "uncut")]
    assert equal(*last)
