"""Any video network of mmaction2, segment by segment."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from adabench.models.backbones.video_network import Exactly, VideoNetwork
from adabench.models.weights import load_network
from adabench.registry import MODELS

# What most of mmaction2's configs scale frames with; C3D, X3D and MViT have numbers of their own.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
# Options of mmaction2's own that name weights, which are loaded here; and what they are set to.
_WEIGHTS = {"pretrained": None, "pretrained2d": False, "clip_pretrained": False}
# Options that say how many frames a segment has; with others the network goes on and mistakes them.
_LENGTHS = ("num_segments", "num_frames")


@MODELS.register_module()
class MMActionBackbone(VideoNetwork):
    """A backbone of mmaction2 over segments: ``ResNet3d``, ``X3D``, ``C3D``, ``MViT``, ….

    mmaction2 is imported when one is built. Its paths of one size (SlowFast's two) are joined, and a
    map is taken before a class token.

    Args:
        name: mmaction2's name of the network.
        options: its own arguments (``depth``, say).
        weights: None starts at random; a path loads a local file, a network's state dict or a
            checkpoint of mmaction2's, whose classifier is left out.
        frozen: keep weights and statistics as they are; such a part's output may be cached.
        size: height and width to which frames are scaled; None leaves them.
        maps: give the maps beside the vector, where the network has some.
        mean, std: of RGB frames in [0, 1], as in the config that the weights were trained with.

    Raises:
        UnknownTypeError: mmaction2 has no such network; the nearest names are told.
        ValueError: a network that sees no RGB frames, or needs compiled operators; options that it
            doesn't take; weights that are damaged, of another network, or named in ``options``.
        FileNotFoundError: weights that are not there, naming file and remedy.
    """

    learnt_as = "backbone"

    def __init__(
        self,
        *,
        name: str,
        options: dict[str, Any] | None = None,
        weights: str | Path | None = None,
        frozen: bool = False,
        size: int | None = None,
        maps: bool = True,
        mean: Sequence[float] = _MEAN,
        std: Sequence[float] = _STD,
    ) -> None:
        net = _build(name, dict(options or {}))
        if weights == "hub":
            raise ValueError(
                f"MMActionBackbone.weights: mmaction2's model zoo has several files for {name}: "
                "download the one that you mean, and name it with weights=FILE"
            )
        if weights is not None:
            load_network(net, Path(weights))
        super().__init__(
            net,
            title=f"MMActionBackbone {name}",
            mean=mean,
            std=std,
            frozen=frozen,
            size=size,
            maps=maps,
            exactly=next(
                (Exactly(vars(net)[o], option=o) for o in _LENGTHS if o in vars(net)), None
            ),
        )


def _build(name: str, options: dict[str, Any]) -> Any:
    """Build a network as mmaction2 would, without weights, its batch norm left to its mode."""
    for option in _WEIGHTS:
        if options.get(option):
            raise ValueError(
                f"MMActionBackbone.options.{option}: weights are named beside name: weights=FILE"
            )
    kind = MODELS.require(f"mmaction.{name}")
    known = _arguments(kind)
    settled = {k: v for k, v in {**_WEIGHTS, "norm_eval": False}.items() if k in known}
    try:
        # What it builds inside is looked up in mmaction2's own registries.
        with DefaultScope.overwrite_default_scope("mmaction"):
            return kind(**{**settled, **options})
    except (TypeError, KeyError, AssertionError) as error:
        raise ValueError(
            f"MMActionBackbone.options: {name} can't be built so ({type(error).__name__}: {error})."
            f"{_hint(options, known)} It takes {', '.join(known)}"
        ) from error


def _hint(options: dict[str, Any], known: list[str]) -> str:
    near = {
        key: found[0]
        for key in options
        if key not in known and (found := difflib.get_close_matches(key, known, n=1))
    }
    return "".join(f" Did you mean {meant!r} by {key!r}?" for key, meant in near.items())


def _arguments(kind: type) -> list[str]:
    """Return what a class takes, with what it hands on to those that it extends."""
    own = [each for each in kind.__mro__ if each.__module__.startswith("mmaction.")]
    made = [vars(each)["__init__"] for each in own if "__init__" in vars(each)]
    named = [p for init in made for p in inspect.signature(init).parameters.values()]
    return sorted(
        {p.name for p in named if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)} - {"self"}
    )
