"""SIGKILL at moments drawn uniformly over a run: --resume ends in the run that was not cut."""

import itertools
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import torch
from forks import Forks

from adabench.data.files import TEMPORARY_PREFIX
from adabench.data.prepared import PreparedCorpus
from adabench.records.files.results import read_records
from adabench.testing.tiny import tiny_options

ROOT = Path(__file__).parents[2]
SMALLER = (
    "data.synthface.sessions=4",
    "stages.trunk.expressions.identities=12",
    "stages.trunk.training.epochs=2",
    "training.epochs=3",
    "data.processes=1",
)


def command(folder: Path, *, resume: bool) -> list[str]:
    return [
        str(ROOT / "tools" / "train.py"),
        str(ROOT / "configs" / "depmap_r18_avec14.py"),
        "--demo",
        *(["--resume"] if resume else []),
        *("--work-dir", str(folder / "work"), "--results", str(folder / "results")),
        *("--cfg-options", *tiny_options(folder / "data"), *SMALLER),
    ]


def run(forks: Forks, folder: Path, *, resume: bool) -> float:
    started = time.monotonic()
    done = forks.run(command(folder, resume=resume), ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.monotonic() - started


def kill_at(forks: Forks, folder: Path, seconds: float, *, resume: bool) -> bool:
    """Start a run and end it by SIGKILL; False when it had finished by then."""
    done = forks.run(command(folder, resume=resume), ROOT, kill_after=seconds)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
    return done.returncode != 0


def predictions(folder: Path) -> dict[str, float]:
    records, problems = read_records(folder / "results")
    assert not problems, problems
    (record,) = [r for r in records if r.method == "Dep-MAP"]
    return {p.session: p.prediction for p in record.predictions}


def check_files(folder: Path) -> None:
    """Read every file that a run leaves, to the end."""

    def whole(pattern: str) -> list[Path]:
        return [p for p in folder.rglob(pattern) if not p.name.startswith(TEMPORARY_PREFIX)]

    for path in whole("*.pth"):
        torch.load(path, weights_only=True)
    for path in whole("*.npy"):
        assert np.isfinite(np.load(path).astype(np.float32)).all(), path
    for path in whole("*.json"):
        json.loads(path.read_text())
    for description in (folder / "data").glob("*/corpus.json"):
        corpus = PreparedCorpus.open(description.parent)
        for clip in corpus.clips:
            assert len(corpus.frames(clip.clip, range(clip.frames))) == clip.frames
    # Folders that several runs share may keep a killed one's temporary file; a run's own may not.
    left = list((folder / "work").rglob(f"{TEMPORARY_PREFIX}*"))
    assert not left, f"temporary files are left: {left}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("wanted", "at_once"), [(2, 1), pytest.param(10, 2, marks=pytest.mark.slow)]
)
def test_killed_at_so_many_moments(wanted, at_once, tmp_path, forks):
    whole = run(forks, tmp_path / "uncut", resume=False)
    expected = predictions(tmp_path / "uncut")
    seeds = np.random.SeedSequence()
    print(f"the uncut run took {whole:.1f} s; the kills' seed is {seeds.entropy}")

    def cut(forks: Forks, folder: Path, chance: np.random.Generator) -> int:
        """Kill a run, kill what goes on from there, and let the rest come to its end."""
        moment = chance.uniform(0, whole)
        kills = int(kill_at(forks, folder, moment, resume=False))
        # Less time is left the second time, how much depends on what the first one kept.
        again = chance.uniform(0, max(1.0, 0.8 * (whole - moment)))
        kills += kill_at(forks, folder, again, resume=True)
        run(forks, folder, resume=True)
        assert predictions(folder) == expected, f"killed at {moment:.1f} s, then at {again:.1f} s"
        check_files(folder)
        return kills

    def some(number: int, forks: Forks) -> None:
        chance, kills = np.random.default_rng(seeds.spawn(1)[0]), 0
        for turn in itertools.count():
            kills += cut(forks, tmp_path / f"cut{number}-{turn}", chance)
            if kills >= wanted // at_once:
                return

    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        others = [stack.enter_context(Forks()) for _ in range(at_once - 1)]
        list(pool.map(some, range(at_once), [forks, *others]))
