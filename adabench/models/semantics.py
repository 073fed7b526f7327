"""Vectors of a joint language-image space for a clip's frames: what ESA reads as its guide.

Two encoders: CLIP itself (Radford et al. 2021; Dep-MAP uses ViT-B/32, frozen, before its
projection), and a stand-in of the same sizes that fetches nothing.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import open_clip
import torch
from open_clip.pretrained import get_pretrained_cfg
from torch import Tensor, nn
from torch.nn import functional

from adabench.models.sentences import (
    FIXED_SENTENCE,
    au_number,
    openface_sentences,
    phrases,
    sentence,
    strongest,
)
from adabench.models.weights import file_checksum, read_weights
from adabench.registry import SEMANTICS
from adabench.structures import Semantics, Signals

TEXT_DIM = 512
IMAGE_DIM = 768

_WAYS_ON = (
    "give a local copy with weights=FILE, or use dict(type='StandInSemantics', stage=FILE), "
    "which fetches nothing"
)


class SemanticEncoder(ABC):
    """Gives each frame of a clip a vector of its text and one of its image.

    Attributes:
        needs: what :meth:`encode` reads: the clip's ``frames`` or the trunk's ``vector``.
    """

    needs: ClassVar[Literal["frames", "vector"]]

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

    @abstractmethod
    def describe(self, action_units: bool | None = None) -> str:
        """Say for the record what the vectors are.

        Args:
            action_units: whether the corpus has action-unit files; None when that is not known.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of everything that the vectors depend on beside their source: the cache's key."""


@SEMANTICS.register_module()
class OpenClipSemantics(SemanticEncoder):
    """A frozen CLIP of open_clip's, its features taken before the projections.

    Args:
        model: open_clip's name of the model, or its config as a dict (``embed_dim``,
            ``vision_cfg``, ``text_cfg``). The image tower has to be a vision transformer.
        weights: ``"hub"`` fetches them; a path loads a local state dict (.safetensors, .bin, .pt).
        tag: which training they come from (``openai``, ``laion2b_s34b_b79k``, …); decides mean,
            deviation and activation, for a local file too. Ignored for a config given as a dict.
        batch: how many frames, or sentences, go through the network at once.

    Raises:
        ValueError: an unknown model or tag, or weights of another model.
        FileNotFoundError: weights that can't be had, naming the file and both ways on.
    """

    needs: ClassVar[Literal["frames", "vector"]] = "frames"

    def __init__(
        self,
        *,
        model: str | Mapping[str, Any] = "ViT-B-32",
        weights: str | Path = "hub",
        tag: str = "openai",
        batch: int = 64,
    ) -> None:
        if batch < 1:
            raise ValueError(f"OpenClipSemantics.batch is at least 1; got {batch}")
        self.name = model if isinstance(model, str) else "of a given config"
        self.tag = tag if isinstance(model, str) else ""
        self.weights = weights
        self.batch = batch
        self._config, self._pretrained = _clip_config(model, tag)
        if weights == "hub" and not self.tag:
            raise ValueError("a CLIP whose config is a dict has no weights on a hub; name a file")
        if weights != "hub" and not Path(weights).is_file():
            raise FileNotFoundError(f"CLIP weights {weights} do not exist; {_WAYS_ON}")
        self._network: Any = None
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
        the same fixed sentence for every frame.
        """
        if source.ndim != 4 or source.shape[1] != 3:
            raise ValueError(
                f"OpenClipSemantics reads frames (T, 3, H, W); got {tuple(source.shape)}"
            )
        said = None if signals is None else openface_sentences(signals)
        texts = [FIXED_SENTENCE] * len(source) if said is None else said
        if len(texts) != len(source):
            raise ValueError(f"{len(source)} frames came with signals of {len(texts)}")
        network = self._loaded().to(source.device)
        image = [network.encode_image(self._prepare(part)) for part in source.split(self.batch)]
        self._encode_sentences(network, sorted(set(texts) - self._sentences.keys()), source.device)
        text = torch.stack([self._sentences[line] for line in texts])
        return Semantics(text=text.to(source.device), image=torch.cat(image).float())

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
        return _digest("OpenClipSemantics", 1, self.name, self.tag, self._config, source)

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

    def _encode_sentences(self, network: Any, new: list[str], device: torch.device) -> None:
        tokenizer = open_clip.SimpleTokenizer(context_length=network.context_length)
        for start in range(0, len(new), self.batch):
            lines = new[start : start + self.batch]
            vectors = network.encode_text(tokenizer(lines).to(device)).float().cpu()
            self._sentences.update(zip(lines, vectors, strict=True))

    def _loaded(self) -> Any:
        """Return the network, loaded at first use: a run whose vectors are cached needs none."""
        if self._network is None:
            path = self._fetch() if self.weights == "hub" else Path(self.weights)
            network = open_clip.CLIP(**self._config)
            _load_clip(network, path)
            network.visual.proj = None
            network.text_projection = None
            self._network = network.eval().requires_grad_(False)
        return self._network

    def _fetch(self) -> Path:
        try:
            return Path(open_clip.download_pretrained(self._pretrained))
        except (OSError, RuntimeError) as error:
            hub = self._pretrained.get("hf_hub")
            file = f"{hub}open_clip_model.safetensors" if hub else self._pretrained.get("url")
            raise FileNotFoundError(
                f"CLIP weights {self.name} {self.tag} ({file}) could not be fetched ({error}); "
                f"{_WAYS_ON}"
            ) from error


def _clip_config(model: str | Mapping[str, Any], tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return open_clip's config of the model and of its training."""
    if not isinstance(model, str):
        config = dict(model)
        pretrained = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    else:
        config = open_clip.get_model_config(model)
        if config is None:
            raise ValueError(f"open_clip has no model {model!r}; it has {open_clip.list_models()}")
        pretrained = get_pretrained_cfg(model, tag)
        if not pretrained:
            tags = open_clip.list_pretrained_tags_by_model(model)
            raise ValueError(f"{model} has no tag {tag!r}; it has {', '.join(tags) or 'none'}")
        # open_clip only warns when the activation differs from the one that was trained.
        config["quick_gelu"] = bool(pretrained.get("quick_gelu", config.get("quick_gelu", False)))
    odd = set(config) - {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"}
    vision = config.get("vision_cfg", {})
    if odd or "timm_model_name" in vision or not isinstance(vision.get("layers"), int):
        raise ValueError(
            f"OpenClipSemantics takes a plain CLIP with a vision transformer; {model!r} is none"
        )
    return config, pretrained


def _load_clip(network: nn.Module, path: Path) -> None:
    content = read_weights(path)
    state = {k.removeprefix("module."): v for k, v in content.get("state_dict", content).items()}
    wanted = network.state_dict()
    wrong = [k for k, v in wanted.items() if k not in state or state[k].shape != v.shape]
    if wrong:
        raise ValueError(
            f"{path} does not hold this CLIP: {len(wrong)} of {len(wanted)} tensors are missing or "
            f"of another shape, the first {wrong[0]!r}; name the file of the same model"
        )
    network.load_state_dict({key: state[key] for key in wanted})


@SEMANTICS.register_module()
class StandInSemantics(SemanticEncoder):
    """Stands where CLIP stands, for the demo: same sizes, nothing fetched, no language learnt.

    The text is made of the action units that the pretrained trunk's own head sees in a frame: each
    FACS name has a fixed random vector, and a sentence is the mean of its names' vectors, scaled to
    length √D_text (entries of variance 1, as after a layer norm). The image is the trunk's vector
    through a fixed random projection. No label of a clip enters.

    Args:
        stage: checkpoint of the pretraining stage (``trunk``, ``au_head``, ``columns``, ``scale``).
        seed: of the random vectors.
        threshold: predicted intensity (0-1) above which an action unit counts as present.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: a checkpoint without an action-unit head.
    """

    needs: ClassVar[Literal["frames", "vector"]] = "vector"

    def __init__(self, *, stage: str | Path, seed: int = 0, threshold: float = 0.2) -> None:
        self.stage, self.seed, self.threshold = Path(stage), seed, threshold
        content = read_weights(self.stage)
        missing = [key for key in ("au_head", "columns", "scale") if key not in content]
        if missing:
            raise ValueError(
                f"{stage} has no {', '.join(missing)}: it is no pretraining stage's checkpoint; "
                "name the file that the stage wrote"
            )
        numbers = [au_number(column) for column in content["columns"]]
        rows = [row for row, number in enumerate(numbers) if number is not None]
        if not rows:
            raise ValueError(f"{stage}: none of the columns {content['columns']} is an action unit")
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
        width = self._weight.shape[1]
        if source.ndim != 2 or source.shape[1] != width:
            raise ValueError(
                f"StandInSemantics reads the vectors (T, {width}) of the trunk in {self.stage}; "
                f"got {tuple(source.shape)}"
            )
        seen = source.float().cpu()
        rows = (seen @ self._weight.T + self._bias).tolist()
        text = np.stack([self._text(row) for row in rows]) if rows else np.zeros((0, TEXT_DIM))
        return Semantics(
            text=torch.from_numpy(text).float().to(source.device),
            image=(seen @ self._projection).to(source.device),
        )

    def _text(self, intensity: Sequence[float]) -> np.ndarray:
        rated = zip(self._units, intensity, strict=True)
        units = strongest({unit: value for unit, value in rated if value > self.threshold})
        # The sentence without an action unit has a vector of its own, as a phrase has.
        spoken = phrases(units) or [sentence([])]
        mean = np.mean([_phrase_vector(phrase, self.seed) for phrase in spoken], axis=0)
        return mean * np.sqrt(TEXT_DIM) / np.linalg.norm(mean)

    def describe(self, action_units: bool | None = None) -> str:
        """Say that this is a stand-in, not CLIP."""
        del action_units
        return (
            "stand-in for CLIP, with no language model: random vectors of the action units that "
            "the pretrained trunk's head sees, and that trunk's vector through a random projection"
        )

    def fingerprint(self) -> str:
        """Depends on the stage's file, seed and threshold."""
        stage = file_checksum(self.stage)
        return _digest("StandInSemantics", 1, stage, self.seed, self.threshold)


def _generator(text: str) -> np.random.Generator:
    """Return a generator seeded by the SHA-256 of ``text``: the same on every machine."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


def _phrase_vector(phrase: str, seed: int) -> np.ndarray:
    vector = _generator(f"phrase {seed} {phrase}").standard_normal(TEXT_DIM)
    return vector / np.linalg.norm(vector)


def _projection(width: int, seed: int) -> Tensor:
    """(D, 768) with entries of variance 1/D, so that sizes are kept on average."""
    entries = _generator(f"projection {seed} {width}").standard_normal((width, IMAGE_DIM))
    return torch.from_numpy(entries / np.sqrt(width)).float()


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
