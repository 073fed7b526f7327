"""A stand-in for CLIP, for the demo: the same sizes, nothing fetched, no language learnt."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from adabench.bounds import Share
from adabench.models.semantics.encoders import SemanticEncoder, fingerprint_of
from adabench.models.semantics.sentences import au_number, phrases, sentence, strongest
from adabench.models.weights import file_checksum, read_weights
from adabench.registry import SEMANTICS
from adabench.structures import Semantics, Signals

TEXT_DIM = 512
IMAGE_DIM = 768


@SEMANTICS.register_module()
class StandInSemantics(SemanticEncoder):
    """Stands where CLIP stands, for the demo: same sizes, nothing fetched, no language learnt.

    The text is made of the action units that the pretrained trunk's own head sees in a frame: each
    FACS name has a fixed random vector, and a sentence is the mean of its names' vectors, scaled to
    length √D_text (entries of variance 1, as after a layer norm). The image is the trunk's vector
    through a fixed random projection. No label of a clip enters.

    Args:
        stage: checkpoint of the pretraining stage (``trunk``, ``au_head``, ``columns``, ``scale``), or
            what `carried` kept of one.
        seed: of the random vectors.
        threshold: predicted intensity (0-1) above which an action unit counts as present.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: a checkpoint without an action-unit head.
    """

    needs: ClassVar[Literal["frames", "vector"]] = "vector"
    learnt_as: ClassVar[str] = "au_head"

    def __init__(
        self, *, stage: str | Path | Mapping[str, Any], seed: int = 0, threshold: Share = 0.2
    ) -> None:
        self.seed, self.threshold = seed, threshold
        if isinstance(stage, Mapping):
            content, self.stage = dict(stage), str(stage.get("name"))
            self._sha256 = str(stage.get("sha256"))
        else:
            content, self.stage = read_weights(Path(stage)), str(stage)
            self._sha256 = file_checksum(Path(stage))
        missing = [key for key in ("au_head", "columns", "scale") if key not in content]
        if missing:
            raise ValueError(
                f"{self.stage} has no {', '.join(missing)}: it is no pretraining stage's checkpoint; "
                "name the file that the stage wrote"
            )
        self._content = {key: content[key] for key in ("au_head", "columns", "scale")}
        numbers = [au_number(column) for column in content["columns"]]
        rows = [row for row, number in enumerate(numbers) if number is not None]
        if not rows:
            raise ValueError(
                f"{self.stage}: none of the columns {content['columns']} is an action unit"
            )
        self._units = [number for number in numbers if number is not None]
        mean, std = content["scale"]["mean"][rows].float(), content["scale"]["std"][rows].float()
        head = content["au_head"]
        self._weight = head["weight"][rows].float() * std[:, None]
        self._bias = head["bias"][rows].float() * std + mean
        self._projection = _projection(self._weight.shape[1], seed)

    @property
    def text_dim(self) -> int:
        """As CLIP ViT-B/32."""
        return TEXT_DIM

    @property
    def image_dim(self) -> int:
        """As CLIP ViT-B/32."""
        return IMAGE_DIM

    @torch.no_grad()
    def encode(self, source: Tensor, signals: Signals | None = None) -> Semantics:
        """Map the trunk's vectors (T, D) to text (T, 512) and image (T, 768)."""
        del signals
        rows = self._present(source)
        text = np.stack([self._text(units) for units in rows]) if rows else np.zeros((0, TEXT_DIM))
        return Semantics(
            text=torch.from_numpy(text).float().to(source.device),
            image=(source.float().cpu() @ self._projection).to(source.device),
        )

    def prompts(self, source: Tensor, signals: Signals | None = None) -> list[str]:
        """Return the sentence of the action units that are seen in each frame."""
        del signals
        return [sentence(units) for units in self._present(source)]

    def _present(self, source: Tensor) -> list[list[int]]:
        """Return the action units that the head sees in each frame."""
        width = self._weight.shape[1]
        if source.ndim != 2 or source.shape[1] != width:
            raise ValueError(
                f"StandInSemantics reads the vectors (T, {width}) of the trunk in {self.stage}; "
                f"got {tuple(source.shape)}"
            )
        rows = (source.float().cpu() @ self._weight.T + self._bias).tolist()
        return [
            strongest({u: v for u, v in zip(self._units, row, strict=True) if v > self.threshold})
            for row in rows
        ]

    def _text(self, units: list[int]) -> np.ndarray:
        # The sentence without an action unit has a vector of its own, as a phrase has.
        spoken = phrases(units) or [sentence([])]
        mean = np.mean([_phrase_vector(phrase, self.seed) for phrase in spoken], axis=0)
        return mean * np.sqrt(TEXT_DIM) / np.linalg.norm(mean)

    def describe(self, action_units: bool | None = None) -> str:
        """Say that this is a stand-in, not CLIP."""
        del action_units
        return (
            "stand-in for CLIP, with no language model: random vectors of the action units that "
            "the pretrained trunk's head sees, and that trunk's vector through a random projection; "
            "what is guided by them (ESA) learns nothing that the trunk does not see itself"
        )

    def fingerprint(self) -> str:
        """Depends on the stage's file, seed and threshold."""
        return fingerprint_of("StandInSemantics", 1, self._sha256, self.seed, self.threshold)

    def carried(self) -> dict[str, Any]:
        """Keep the head of action units, and the seed of all else."""
        stage = {**self._content, "name": Path(self.stage).name, "sha256": self._sha256}
        return {
            **super().carried(),
            "stage": stage,
            "seed": self.seed,
            "threshold": self.threshold,
        }


def _generator(text: str) -> np.random.Generator:
    """Return a generator seeded by the SHA-256 of ``text``: the same on every machine."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


@cache
def _phrase_vector(phrase: str, seed: int) -> np.ndarray:
    vector = _generator(f"phrase {seed} {phrase}").standard_normal(TEXT_DIM)
    return vector / np.linalg.norm(vector)


def _projection(width: int, seed: int) -> Tensor:
    """(D, 768) with entries of variance 1/D, so that sizes are kept on average."""
    entries = _generator(f"projection {seed} {width}").standard_normal((width, IMAGE_DIM))
    return torch.from_numpy(entries / np.sqrt(width)).float()
