"""The generator's parameters: validated, frozen, versioned records."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

GENERATOR_VERSION = "3"
SPLITS = ("train", "dev", "test", "calibration")

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Motion = Literal["stills", "smooth"]
World = Literal["sparse", "diffuse", "none"]
Shortcut = Literal["light", "background", "length", "person"]
SessionCount = Annotated[int, Field(ge=4, le=250)]


def _require_range(name: str, pair: tuple[float, float]) -> None:
    if pair[0] > pair[1]:
        raise ValueError(f"{name}: expected (low, high) with low <= high, got {pair}")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def digest(self) -> str:
        """A short hash of the kind of record, all its values and the generator's version."""
        values = {
            "kind": type(self).__name__,
            "generator": GENERATOR_VERSION,
            "values": self.model_dump(mode="json"),
        }
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


class Behaviour(_Record):
    """How severity shows, and what hides it. Intensities and shares lie in [0, 1].

    In the world "diffuse" severity takes `smile_loss` of the smiles' frequency and of their
    intensity, `range_loss` of the intensity of every expression, and `motion_loss` of the head's
    motion; `loss_noise` is a session's deviation from its severity, for each of the three alone.
    """

    key_base: Share = 0.15
    key_span: Share = 0.80
    full_score: Annotated[int, Field(ge=1, le=63)] = 45
    session_noise: Share = 0.04
    episode_noise: Share = 0.06
    key_share: tuple[Share, Share] = (0.08, 0.45)
    down: tuple[Share, Share] = (0.6, 1.0)
    masking: tuple[Share, Share] = (0.15, 1.0)
    resting_sd: Share = 0.05
    smile_loss: Share = 0.6
    range_loss: Share = 0.5
    motion_loss: Share = 0.5
    loss_noise: Share = 0.25
    yaw_sd: Annotated[float, Field(ge=0.0, le=15.0)] = 5.0

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        for name in ("key_share", "down", "masking"):
            _require_range(name, getattr(self, name))
        if self.key_share[1] > 0.8:
            raise ValueError(f"key_share: expected at most 0.8 of a clip, got {self.key_share}")
        return self


class SynthfaceParameters(_Record):
    """A corpus: sessions with a severity, two clips each.

    Attributes:
        seed, draw: of a family of corpora that differ in nothing but chance, and which of them this
            is. Every clip's random numbers derive from their sum, `corpus_seed`, and its name.
        world: how the score shows. "sparse": in key episodes alone, by their intensity; "diffuse":
            through the whole clip, by less smiling, less expression and less motion of the head,
            without key episodes; "none": nowhere, behaviour is that of another score, drawn
            independently. The same persons, scenes, lengths and labels in all three.
        shortcut: what else tells the score, without a face being read. "light" and "background": its
            level and side, and the wall's colour, follow the score in train and dev and nothing in
            test and calibration; "length": the clip's duration follows it in all splits; "person":
            each person has one label in all sessions, and behaviour is independent of it.
        sessions: one number for train, dev and test, or the three.
        calibration: sessions of a fourth split, of new persons; 0 leaves it out.
        new_persons: whether nobody who is tested is in train or dev; else persons cross splits as
            they do in AVEC 2014.
        every_level: whether each split has sessions of every severity level, in AVEC 2014's
            proportions; else every session's score is drawn by itself.
        fps: frames per second of the clips; behaviour is drawn in seconds, so that another
            value samples the same behaviour more or less densely.
        seconds: a clip's duration is uniform in this range.
        behaviour: the behaviour model's values.

    Train and dev depend on neither the number of test and calibration sessions nor `new_persons`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    draw: Annotated[int, Field(ge=0, lt=2**63)] = 0
    world: World = "sparse"
    shortcut: Shortcut | None = None
    sessions: SessionCount | tuple[SessionCount, SessionCount, SessionCount] = 50
    calibration: Annotated[int, Field(ge=0, le=250)] = 0
    new_persons: bool = False
    every_level: bool = False
    fps: Annotated[int, Field(ge=5, le=60)] = 10
    seconds: tuple[float, float] = (18.0, 22.0)
    behaviour: Behaviour = Behaviour()

    @model_validator(mode="after")
    def _check_seconds(self) -> Self:
        _require_range("seconds", self.seconds)
        if self.seconds[0] < 1.0 or self.seconds[1] > 300.0:
            raise ValueError(f"seconds: expected clips of 1 to 300 seconds, got {self.seconds}")
        return self

    @model_validator(mode="after")
    def _check_shortcut(self) -> Self:
        if self.shortcut == "person" and (self.new_persons or self.every_level):
            raise ValueError(
                "shortcut: 'person' deals one label to each person, whose sessions lie in several "
                "splits: set new_persons and every_level to false, or choose another shortcut"
            )
        if self.shortcut == "length" and self.seconds[0] == self.seconds[1]:
            raise ValueError(
                f"shortcut: 'length' needs clips of several durations, got seconds {self.seconds}"
            )
        return self

    @classmethod
    def demo(cls, seed: int) -> SynthfaceParameters:
        """50 sessions a split, clips of about 20 s and 200 frames: 300 clips, 60,000 frames."""
        return cls(seed=seed)

    @classmethod
    def tables(cls, seed: int) -> SynthfaceParameters:
        """The demo's train and dev, and 100 test and 100 calibration sessions of new persons."""
        return cls(seed=seed, sessions=(50, 50, 100), calibration=100, new_persons=True)

    @classmethod
    def tiny(cls, seed: int) -> SynthfaceParameters:
        """8 sessions a split, clips of 2-2.5 s: 48 clips for tests, every level present."""
        return cls(seed=seed, sessions=8, every_level=True, fps=15, seconds=(2.0, 2.5))

    @property
    def corpus_seed(self) -> int:
        """What the chance of this draw comes from: no two draws of a family share it."""
        return self.seed + self.draw

    def family(self) -> str:
        """A short hash of everything but `seed` and `draw`, and of the generator's version."""
        return self.model_copy(update={"seed": 0, "draw": 0}).digest()

    def split_sessions(self) -> dict[str, int]:
        """The number of sessions of each split that there is."""
        counts = self.sessions if isinstance(self.sessions, tuple) else (self.sessions,) * 3
        found = dict(zip(SPLITS, (*counts, self.calibration), strict=True))
        return {split: count for split, count in found.items() if count}


class ExpressionParameters(_Record):
    """Expression clips for pretraining: one clip for each of `identities` other persons.

    Attributes:
        frames: frames of a clip.
        motion: "stills" draws the action units anew for each frame while the head moves
            smoothly; "smooth" draws a trajectory for each action unit.
        dev_share: share of the persons in the dev split.
        yaw_sd: standard deviation of the head's yaw, degrees.
    """

    schema_version: Literal[1] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    identities: Annotated[int, Field(ge=2, le=9999)] = 300
    frames: Annotated[int, Field(ge=2, le=2000)] = 26
    fps: Annotated[int, Field(ge=5, le=60)] = 15
    motion: Motion = "stills"
    dev_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    yaw_sd: Annotated[float, Field(ge=0.0, le=15.0)] = 5.0

    @classmethod
    def demo(cls, seed: int, motion: Motion = "stills") -> ExpressionParameters:
        """300 persons, 26 frames each: 7,800 frames."""
        return cls(seed=seed, motion=motion)

    @classmethod
    def tiny(cls, seed: int, motion: Motion = "stills") -> ExpressionParameters:
        """24 persons, 12 frames each, for tests."""
        return cls(seed=seed, identities=24, frames=12, motion=motion)


def random_generator(seed: int, *key: str) -> np.random.Generator:
    """The generator of random numbers of one named thing: the same whatever else is drawn."""
    text = "/".join([str(seed), *key])
    entropy = int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest(), "big")
    return np.random.default_rng(np.random.SeedSequence(entropy))
