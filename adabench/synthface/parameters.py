"""The generator's parameters: validated, frozen, versioned records."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

GENERATOR_VERSION = "2"
SPLITS = ("train", "dev", "test")

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Motion = Literal["stills", "smooth"]
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
    """How severity shows, and what hides it. Intensities and shares lie in [0, 1]."""

    key_base: Share = 0.15
    key_span: Share = 0.80
    full_score: Annotated[int, Field(ge=1, le=63)] = 45
    session_noise: Share = 0.04
    episode_noise: Share = 0.06
    key_share: tuple[Share, Share] = (0.08, 0.45)
    down: tuple[Share, Share] = (0.6, 1.0)
    masking: tuple[Share, Share] = (0.15, 1.0)
    resting_sd: Share = 0.05
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
        sessions: one number for all splits, or (train, dev, test).
        fps: frames per second of the clips; behaviour is drawn in seconds, so that another
            value samples the same behaviour more or less densely.
        seconds: a clip's duration is uniform in this range.
        behaviour: the behaviour model's values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    draw: Annotated[int, Field(ge=0, lt=2**63)] = 0
    sessions: SessionCount | tuple[SessionCount, SessionCount, SessionCount] = 50
    fps: Annotated[int, Field(ge=5, le=60)] = 15
    seconds: tuple[float, float] = (6.0, 8.0)
    behaviour: Behaviour = Behaviour()

    @model_validator(mode="after")
    def _check_seconds(self) -> Self:
        _require_range("seconds", self.seconds)
        if self.seconds[0] < 1.0 or self.seconds[1] > 300.0:
            raise ValueError(f"seconds: expected clips of 1 to 300 seconds, got {self.seconds}")
        return self

    @classmethod
    def demo(cls, seed: int) -> SynthfaceParameters:
        """50 sessions a split, clips of 6-8 s: 300 clips, about 31,000 frames."""
        return cls(seed=seed)

    @classmethod
    def tiny(cls, seed: int) -> SynthfaceParameters:
        """8 sessions a split, clips of 2-2.5 s: 48 clips for tests, every level present."""
        return cls(seed=seed, sessions=8, seconds=(2.0, 2.5))

    @property
    def corpus_seed(self) -> int:
        """What the chance of this draw comes from: no two draws of a family share it."""
        return self.seed + self.draw

    def family(self) -> str:
        """A short hash of everything but `seed` and `draw`, and of the generator's version."""
        return self.model_copy(update={"seed": 0, "draw": 0}).digest()

    def split_sessions(self) -> dict[str, int]:
        """The number of sessions of each split."""
        counts = self.sessions if isinstance(self.sessions, tuple) else (self.sessions,) * 3
        return dict(zip(SPLITS, counts, strict=True))


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
