"""What a bench runs: one job a run, and the preparations that several runs wait for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adabench.config.preparations import Preparation

#: What tells one run from another: hash of the config, seed, and the track that is scored.
Key = tuple[str, int, str]

#: Stands where a suite's name would, for configs that are in no suite.
CONFIGS = "configs"

#: Stands there for the constant predictors, and generated corpora's bounds, beside the rows.
CONSTANTS = "constants"

#: In a preparation's folder: it ended well.
PREPARED = "prepared"


def run_id(key: Key) -> str:
    """Return a run's name among the tasks of a plan."""
    config_hash, seed, scored = key
    return f"{config_hash} {scored} {seed}"


@dataclass(frozen=True)
class Options:
    """What all jobs of a plan share.

    Attributes:
        demo: run the demo sections.
        seeds: in place of each suite's own.
        tracks: run these only, as a suite or a config names them, or as they are scored.
        configs: configs that are in no suite; each runs on its own track.
        results: folder of records; those in it are not run again.
        work_dirs: a folder a job, for its checkpoints and its log.
        script: what trains one row, as ``tools/train.py`` does.
        overrides: ``--cfg-options`` for every job.
        plugins: folders of a user's own plugins.
        force: run again what is done.
        since: what was done before this time is run again, seconds since the epoch.
    """

    demo: bool = False
    seeds: tuple[int, ...] | None = None
    tracks: tuple[str, ...] | None = None
    configs: tuple[Path, ...] = ()
    results: Path = Path("leaderboard/local")
    work_dirs: Path = Path("work_dirs")
    script: Path = Path("tools/train.py")
    overrides: tuple[str, ...] = ()
    plugins: tuple[Path, ...] = ()
    force: bool = False
    since: float = 0.0


@dataclass(frozen=True)
class Cell:
    """One row of a suite on one of its tracks: what it runs as.

    Attributes:
        track: as the suite writes it.
        scored: the track that the run scores; a demo's own in a demo.
        config_hash: of the resolved config, the seed apart.
        seeds: of its runs.
        source: the suite's file, or the config's.
        stages: what it trains beforehand, first to last; runs that share a start come together.
        shared: what it has to find or to make before it trains, first to last.
        members: config hash and track of the runs whose predictions it joins.
        constants: the constant predictors of its data, that of its own track first.
        foreign: whether parts of it come from plugins outside the repository.
        start: what its weights were learnt on, as `adabench.config.starts` says it.
    """

    suite: str
    row: str
    track: str
    scored: str
    config_hash: str
    seeds: tuple[int, ...]
    source: Path = field(default=Path(), repr=False)
    stages: tuple[str, ...] = field(default=(), repr=False)
    shared: tuple[Preparation, ...] = field(default=(), repr=False)
    members: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    constants: tuple[Key, ...] = field(default=(), repr=False)
    foreign: bool = field(default=False, repr=False)
    start: str = field(default="", repr=False)

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its runs."""
        return tuple((self.config_hash, seed, self.scored) for seed in self.seeds)


@dataclass(frozen=True)
class Refused:
    """A row whose config can't be loaded, and why."""

    suite: str
    row: str
    track: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.row} {self.track}"


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        suite, row, track: as ``tools/train.py`` is told; ``configs`` and a config's stem for a
            config that is in no suite.
        scored: the track that is scored.
        seed: of the run.
        config_hash: of its record.
        command: what runs it.
        work_dir: its checkpoints and its log.
        done: the results folder holds its record.
        also: other rows that are the very same run.
        needs: ids of the tasks that must end well before it.
        failure: why it failed when it was last run; empty if it did not.
    """

    suite: str
    row: str
    track: str
    scored: str
    seed: int
    config_hash: str
    command: tuple[str, ...]
    work_dir: Path
    done: bool
    also: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    failure: str = ""

    @property
    def key(self) -> Key:
        return self.config_hash, self.seed, self.scored

    @property
    def is_control(self) -> bool:
        """Whether it runs what stands beside the rows, in seconds."""
        return self.suite == CONSTANTS

    @property
    def id(self) -> str:
        """Its name among the tasks of a plan."""
        return run_id(self.key)

    @property
    def name(self) -> str:
        """Row, track and seed, for a line of text."""
        track = self.track if self.track == self.scored else f"{self.track} on {self.scored}"
        return f"{self.suite}/{self.row}  {track}  seed {self.seed}"


@dataclass(frozen=True)
class Preparing:
    """Something that several runs share, made once before they start: a corpus, a stage, caches.

    Attributes:
        id: its name among the tasks of a plan.
        until: what is made, as ``tools/train.py --prepare`` takes it.
        scored: the track of the run that it is made with.
        command, work_dir, done, needs: as of a `Job`.
        runs: how many wait for it.
    """

    id: str
    until: str
    scored: str
    command: tuple[str, ...]
    work_dir: Path
    done: bool
    needs: tuple[str, ...] = ()
    runs: int = 0

    @property
    def name(self) -> str:
        """What and for which track, for a line of text."""
        return f"preparing {self.until}  {self.scored}  for {self.runs} runs"


Task = Job | Preparing
