"""Configs and weights of open_clip's networks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from adabench.models.weights import read_weights

_WAYS_ON = (
    "give a local copy with weights=FILE, or use dict(type='StandInSemantics', stage=FILE), "
    "which fetches nothing"
)


@cache
def _open_clip() -> Any:
    """The library, which takes a moment to import, and most runs need no CLIP."""
    import open_clip

    return open_clip


def clip_config(model: str | Mapping[str, Any], tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return open_clip's config of the model and of its training."""
    open_clip = _open_clip()
    if not isinstance(model, str):
        config = dict(model)
        pretrained = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    else:
        # By its own names only: it would look others up in any folder, or on a hub.
        if model not in open_clip.list_models():
            raise ValueError(f"open_clip has no model {model!r}; it has {open_clip.list_models()}")
        config = open_clip.get_model_config(model)
        pretrained = open_clip.get_pretrained_cfg(model, tag)
        if not pretrained:
            tags = open_clip.list_pretrained_tags_by_model(model)
            raise ValueError(f"{model} has no tag {tag!r}; it has {', '.join(tags) or 'none'}")
        # open_clip only warns when the activation differs from the one that was trained.
        config["quick_gelu"] = bool(pretrained.get("quick_gelu", config.get("quick_gelu", False)))
    odd = set(config) - {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"}
    vision, text = config.get("vision_cfg", {}), config.get("text_cfg", {})
    elsewhere = "timm_model_name" in vision or any(key.startswith("hf_") for key in text)
    if odd or elsewhere or not isinstance(vision.get("layers"), int):
        raise ValueError(
            f"OpenClipSemantics takes a plain CLIP with a vision transformer; {model!r} is none"
        )
    return config, pretrained


def clip_file(weights: str | Path, name: str, pretrained: Mapping[str, Any]) -> Path:
    """Return the file of a CLIP's weights; ``"hub"`` fetches it.

    Args:
        weights: ``"hub"``, or a local file.
        name: of model and training, for messages.
        pretrained: open_clip's config of the training.

    Raises:
        FileNotFoundError: weights that can't be had, naming the file and both ways on.
    """
    if weights != "hub":
        if not Path(weights).is_file():
            raise FileNotFoundError(f"CLIP weights {weights} do not exist; {_WAYS_ON}")
        return Path(weights)
    try:
        return Path(_open_clip().download_pretrained(dict(pretrained)))
    except (OSError, RuntimeError) as error:
        hub = pretrained.get("hf_hub")
        file = f"{hub}open_clip_model.safetensors" if hub else pretrained.get("url")
        raise FileNotFoundError(
            f"CLIP weights {name} ({file}) could not be fetched ({error}); {_WAYS_ON}"
        ) from error


@cache
def clip_tokenizer(length: int) -> Any:
    """Return CLIP's tokenizer for texts of ``length`` tokens; it reads a large vocabulary once."""
    return _open_clip().SimpleTokenizer(context_length=length)


def clip_network(config: Mapping[str, Any], path: Path) -> Any:
    """Return a frozen CLIP that stops before the projections.

    Raises:
        FileNotFoundError, ValueError: weights that are missing, damaged or another model's.
    """
    network = _open_clip().CLIP(**config)
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
    network.visual.proj = None
    network.text_projection = None
    return network.eval().requires_grad_(False)
