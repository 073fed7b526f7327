"""What a bench runs: one job a run, and the preparations that several runs wait for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adabench.config.experiment import Data
from adabench.config.preparations import Preparation

#: What tells one run from another: hash of the config, seed, draw of a generated corpus, and the
#: track that is scored.
Key = tuple[str, int, int | None, str]

#: Stands where a suite's name would, for configs that are in no suite.
CONFIGS = "configs"

#: Stands there for the constant predictors, and generated corpora's bounds, beside the rows.
CONSTANTS = "constants"

#: In a preparation's folder: it ended well.
PREPARED = "prepared"


def run_id(key: Key) -> str:
    """Return a run's name among the tasks of a plan."""
    config_hash, seed, draw, scored = key
    return f"{config_hash} {scored} {seed}" + ("" if draw is None else f" {draw}")


@dataclass(frozen=True)
class Options:
    """What all jobs of a plan share.

    Attributes:
        demo: run the demo sections.
        seeds: in place of each suite's own.
        draw: which generated corpus all runs read, where their seeds should not say.
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
    draw: int | None = None
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
class Turn:
    """A row with one of its seeds.

    Attributes:
        draw: of a generated corpus; None of others.
        pinned: whether the draw is the same whatever the seed.
        drawn: what the generated corpora that it reads are opened by.
        shared: what it has to find or to make before it trains, first to last.
        constants: the constant predictors of its data, that of its own track first.
    """

    seed: int
    draw: int | None = None
    pinned: bool = False
    drawn: tuple[Data, ...] = field(default=(), repr=False, hash=False)
    shared: tuple[Preparation, ...] = field(default=(), repr=False)
    constants: tuple[Key, ...] = field(default=(), repr=False)

    @property
    def world(self) -> str | None:
        """Of the drawn faces that it is tested on, where its config names one."""
        return self.drawn[0].synthface.get("world") if self.drawn else None


@dataclass(frozen=True)
class Cell:
    """One row of a suite on one of its tracks: what it runs as.

    Attributes:
        track: as the suite writes it.
        scored: the track that the run scores; a demo's own in a demo.
        config_hash: of the resolved config, the seed apart.
        turns: its runs.
        source: the suite's file, or the config's.
        stages: what it trains beforehand, first to last; runs that share a start come together.
        members: config hash and track of the runs whose predictions it joins.
        foreign: whether parts of it come from plugins outside the repository.
        start: what its weights were learnt on, as `adabench.config.starts` says it.
    """

    suite: str
    row: str
    track: str
    scored: str
    config_hash: str
    turns: tuple[Turn, ...]
    source: Path = field(default=Path(), repr=False)
    stages: tuple[str, ...] = field(default=(), repr=False)
    members: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    foreign: bool = field(default=False, repr=False)
    start: str = field(default="", repr=False)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of its runs."""
        return tuple(turn.seed for turn in self.turns)

    @property
    def keys(self) -> tuple[Key, ...]:
        """What tells its runs from others, a run a turn."""
        return tuple(self.key(turn) for turn in self.turns)

    def key(self, turn: Turn) -> Key:
        """What tells one of its runs from others."""
        return self.config_hash, turn.seed, turn.draw, self.scored


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
        draw: of a generated corpus; None of others.
        pinned: whether the draw is the same whatever the seed.
        world: of that corpus, where the config names one.
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
    draw: int | None = None
    pinned: bool = False
    world: str | None = None

    @property
    def key(self) -> Key:
        return self.config_hash, self.seed, self.draw, self.scored

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
        """Row, track, world, seed, and a draw that the seed does not say, for a line of text."""
        track = self.track if self.track == self.scored else f"{self.track} on {self.scored}"
        track += _named(self.world)
        is_told = self.draw is not None and (self.pinned or self.draw != self.seed)
        draw = f"  draw {self.draw}" if is_told else ""
        return f"{self.suite}/{self.row}  {track}  seed {self.seed}{draw}"


@dataclass(frozen=True)
class Preparing:
    """Something that several runs share, made once before they start: a corpus, a stage, caches.

    Attributes:
        id: its name among the tasks of a plan.
        until: what is made, as ``tools/train.py --prepare`` takes it.
        scored: the track of the run that it is made with.
        command, work_dir, done, needs: as of a `Job`.
        runs: how many wait for it.
        draw, world: of the generated corpus of the run that it is made with, as of a `Job`.
    """

    id: str
    until: str
    scored: str
    command: tuple[str, ...]
    work_dir: Path
    done: bool
    needs: tuple[str, ...] = ()
    runs: int = 0
    draw: int | None = None
    world: str | None = None

    @property
    def name(self) -> str:
        """What and for which track, for a line of text."""
        drawn = "" if self.draw is None else f"  draw {self.draw}"
        where = f"{self.scored}{_named(self.world)}{drawn}"
        return f"preparing {self.until}  {where}  for {self.runs} runs"


def _named(world: str | None) -> str:
    return "" if world is None else f"  world {world}"


Task = Job | Preparing
