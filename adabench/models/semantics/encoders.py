"""Vectors of a joint language-image space for a clip's frames: what ESA reads as its guide.

CLIP itself (Radford et al. 2021; Dep-MAP uses ViT-B/32, frozen, before its projection); its stand-in
has a module of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from adabench.models.semantics.clip_network import (
    clip_config,
    clip_file,
    clip_network,
    clip_tokenizer,
)
from adabench.models.semantics.sentences import (
    FIXED_SENTENCE,
    openface_sentences,
)
from adabench.models.weights import file_checksum
from adabench.registry import SEMANTICS
from adabench.structures import Semantics, Signals


class SemanticEncoder(ABC):
    """Gives each frame of a clip a vector of its text and one of its image.

    Attributes:
        needs: what :meth:`encode` reads: the clip's ``frames`` or the trunk's ``vector``.
        action_units: whether the text is made of OpenFace's action units among the corpus's
            signals: True needs them, None takes them where the corpus has them, False never does.
    """

    needs: ClassVar[Literal["frames", "vector"]]
    action_units: bool | None = False

    @property
    def short_name(self) -> str:
        """Name of the folder that keeps the vectors, beside a key."""
        return folder_name(type(self).__name__)

    @property
    @abstractmethod
    def text_dim(self) -> int:
        """Channels D_text of the text vectors."""

    @property
    @abstractmethod
    def image_dim(self) -> int:
        """Channels D_image of the image vectors."""

    @abstractmethod
    def encode(self, source: Tensor, signals: Signals | None = None) -> Semantics:
        """Encode frames of one clip, without a batch axis.

        Args:
            source: what ``needs`` names: frames (T, 3, H, W), RGB, uint8 or float in [0, 1], or the
                trunk's vectors (T, D).
            signals: the clip's signals (T, S), for encoders that make their text of them.

        Returns:
            ``text`` (T, D_text) and ``image`` (T, D_image), float32.

        Raises:
            ValueError: a source of another shape, or signals of another length.
        """

    def prompts(self, source: Tensor, signals: Signals | None = None) -> list[str] | None:
        """Return the sentence of each frame that `encode` makes its text of; None without language.

        Arguments and errors as `encode`.
        """
        del source, signals
        return None

    def release(self) -> None:  # noqa: B027 - most encoders hold nothing worth releasing
        """Free what only :meth:`encode` needs; it is loaded again when needed."""

    @abstractmethod
    def describe(self, action_units: bool | None = None) -> str:
        """Say for the record what the vectors are.

        Args:
            action_units: whether the corpus has action-unit files; None when that is not known.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of everything that the vectors depend on beside their source: the cache's key."""

    def carried(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, so that the encoder can be made again beside it.

        Plain values and tensors; a language model is named by its file and sha256 instead.
        """
        return {"type": type(self).__name__}


@SEMANTICS.register_module()
class OpenClipSemantics(SemanticEncoder):
    """A frozen CLIP of open_clip's, its features taken before the projections.

    Args:
        model: open_clip's name of the model, or its config as a dict (``embed_dim``,
            ``vision_cfg``, ``text_cfg``). The image tower has to be a vision transformer.
        weights: ``"hub"`` fetches them; a path loads a local state dict (.safetensors, .bin, .pt).
        tag: which training they come from (``openai``, ``laion2b_s34b_b79k``, …); decides mean,
            deviation and activation, for a local file too. Ignored for a config given as a dict.
        batch: how many frames go through the network at once; a cache hands over 256 at most.
        action_units: True makes the text of OpenFace's action units and refuses a corpus without
            them; False takes the same sentence for every frame; None, action units where the
            corpus has them for all of the run's clips.

    Raises:
        ValueError: an unknown model or tag, or weights of another model.
        FileNotFoundError: weights that can't be had, naming the file and both ways on.
    """

    needs: ClassVar[Literal["frames", "vector"]] = "frames"
    hub: ClassVar[str] = "hub"

    def __init__(
        self,
        *,
        model: str | Mapping[str, Any] = "ViT-B-32",
        weights: str | Path = "hub",
        tag: str = "openai",
        batch: int = 64,
        action_units: bool | None = None,
    ) -> None:
        if batch < 1:
            raise ValueError(f"OpenClipSemantics.batch is at least 1; got {batch}")
        if action_units not in (True, False, None):
            raise ValueError(
                f"OpenClipSemantics.action_units is True, False or None; got {action_units!r}"
            )
        self.name = model if isinstance(model, str) else "of a given config"
        self.tag = tag if isinstance(model, str) else ""
        self.weights = weights
        self.batch = batch
        self.action_units = action_units
        self._config, self._pretrained = clip_config(model, tag)
        if weights == "hub" and not self.tag:
            raise ValueError("a CLIP whose config is a dict has no weights on a hub; name a file")
        if weights != "hub":
            clip_file(weights, "", {})
        self._network: Any = None
        self._file: Path | None = None
        self._sentences: dict[str, Tensor] = {}

    @property
    def text_dim(self) -> int:
        """Width of the text tower."""
        return int(self._config["text_cfg"]["width"])

    @property
    def image_dim(self) -> int:
        """Width of the image tower."""
        return int(self._config["vision_cfg"]["width"])

    @torch.no_grad()
    def encode(self, source: Tensor, signals: Signals | None = None) -> Semantics:
        """Map frames (T, 3, H, W) to text (T, D_text) and image (T, D_image).

        The text names the action units of ``signals`` where it has OpenFace's columns; else it is
        the same fixed sentence for every frame. Computed in float32, whatever autocast surrounds it.
        """
        if source.ndim != 4 or source.shape[1] != 3:
            raise ValueError(
                f"OpenClipSemantics reads frames (T, 3, H, W); got {tuple(source.shape)}"
            )
        texts = self.prompts(source, signals)
        network = self._loaded().to(source.device)
        with torch.autocast(source.device.type, enabled=False):
            image = [network.encode_image(self._prepare(part)) for part in source.split(self.batch)]
            self._encode_sentences(network, sorted(set(texts) - self._sentences.keys()))
        text = torch.stack([self._sentences[line] for line in texts])
        return Semantics(text=text.to(source.device), image=torch.cat(image))

    def prompts(self, source: Tensor, signals: Signals | None = None) -> list[str]:
        """Return the sentence of each frame."""
        said = None
        if signals is not None and self.action_units is not False:
            said = openface_sentences(signals)
        if said is None:
            return [FIXED_SENTENCE] * len(source)
        if len(said) != len(source):
            raise ValueError(f"{len(source)} frames came with signals of {len(said)}")
        return said

    def release(self) -> None:
        """Let go of the network."""
        self._network = None

    @property
    def short_name(self) -> str:
        """The model and its training."""
        return folder_name(f"clip {self.name if self.tag else ''} {self.tag}")

    def describe(self, action_units: bool | None = None) -> str:
        """Name the model, and say what its text is made of."""
        fixed = f"the fixed sentence {FIXED_SENTENCE!r} for every frame"
        text = {
            True: "text from OpenFace's action units",
            False: f"text is {fixed}",
            None: f"text from OpenFace's action units, without them {fixed}",
        }[action_units]
        return f"CLIP {self.name} {self.tag}".rstrip() + f", frozen, before projection; {text}"

    def fingerprint(self) -> str:
        """Depends on config, tag, and a local file's content (the hub's is named by its tag)."""
        source = "hub" if self.weights == "hub" else file_checksum(Path(self.weights))
        return fingerprint_of("OpenClipSemantics", 1, self.name, self.tag, self._config, source)

    def carried(self) -> dict[str, Any]:
        """Name model and training, and the file: its sha256 is known once it was here."""
        file = self._file if self.weights == "hub" else Path(self.weights)
        return {
            **super().carried(),
            "model": self.name if self.tag else dict(self._config),
            "tag": self.tag,
            "action_units": self.action_units,
            "file": "hub" if file is None else file.name,
            "sha256": None if file is None else file_checksum(file),
        }

    def _prepare(self, frames: Tensor) -> Tensor:
        """Resize the shorter side, crop the centre and normalise, as CLIP's own preprocessing."""
        frames = frames.float() / (255.0 if frames.dtype == torch.uint8 else 1.0)
        size = int(self._config["vision_cfg"]["image_size"])
        height, width = frames.shape[-2:]
        scale = size / min(height, width)
        shape = (max(size, round(height * scale)), max(size, round(width * scale)))
        if shape != (height, width):
            frames = functional.interpolate(frames, shape, mode="bicubic", antialias=True).clamp(
                0.0, 1.0
            )
        top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
        frames = frames[..., top : top + size, left : left + size]
        mean, std = (
            torch.tensor(self._pretrained[key], device=frames.device).view(1, 3, 1, 1)
            for key in ("mean", "std")
        )
        return (frames - mean) / std

    def _encode_sentences(self, network: Any, new: list[str]) -> None:
        tokenizer = clip_tokenizer(network.context_length)
        device = next(network.parameters()).device
        for line in new:
            # One at a time: a vector must not depend, by rounding, on which others came with it.
            self._sentences[line] = network.encode_text(tokenizer([line]).to(device))[0].cpu()

    def _loaded(self) -> Any:
        """Return the network, loaded at first use: a run whose vectors are cached needs none."""
        if self._network is None:
            self._file = clip_file(self.weights, f"{self.name} {self.tag}", self._pretrained)
            self._network = clip_network(self._config, self._file)
        return self._network


def fingerprint_of(*parts: Any) -> str:
    """Return the SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def folder_name(text: str) -> str:
    """Return a text as the name of a folder."""
    return "-".join(re.findall("[a-z0-9_]+", text.lower()))
