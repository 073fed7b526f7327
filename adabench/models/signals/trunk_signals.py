"""What a pretrained trunk's heads see in each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from adabench.models.backbones.timm_frames import TimmFrames
from adabench.models.signals.source import FrameSignals, checked_names
from adabench.models.weights import file_checksum, read_weights
from adabench.registry import MODELS, SIGNALS
from adabench.structures import Inputs
from adabench.synthface import SIGNAL_COLUMNS

_KEPT = ("network", "trunk", "au_head", "columns", "scale")
# Frames that pass the trunk at once.
_CHUNK = 256


@SIGNALS.register_module()
class TrunkSignals(FrameSignals):
    """The labels that a pretrained trunk predicts of a frame: action units, gaze and pose.

    Args:
        stage: checkpoint of the pretraining stage, ``"stage:NAME"`` in a config; or what `carried`
            kept of one.
        columns: which of the stage's labels, in their units there; by default all that
            `ExpressionPretrain` learns.

    Raises:
        ValueError: no names, or one twice.
    """

    learnt_as: ClassVar[str] = "au_head"

    def __init__(
        self, *, stage: str | Path | Mapping[str, Any], columns: Sequence[str] = SIGNAL_COLUMNS
    ) -> None:
        self._names = checked_names("TrunkSignals.columns", columns)
        self._stage = stage
        self._device = "cpu"
        self._opened: tuple[TimmFrames, Tensor, Tensor] | None = None
        self._kept: dict[str, Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The stage's labels that are read."""
        return self._names

    def _open(self) -> tuple[TimmFrames, Tensor, Tensor]:
        """Return the trunk, and weight (S, D) and bias (S,) of its heads in the labels' units.

        Raises:
            FileNotFoundError: no such checkpoint.
            ValueError: a checkpoint of something else, or without one of the columns.
        """
        if self._opened is None:
            self._kept = self._content()
            rows = self._rows(list(self._kept["columns"]))
            head, scale = self._kept["au_head"], self._kept["scale"]
            mean, std = scale["mean"][rows].float(), scale["std"][rows].float()
            weight = head["weight"][rows].float() * std[:, None]
            bias = head["bias"][rows].float() * std + mean
            trunk = MODELS.build({**self._kept["network"], "weights": None, "frozen": True})
            trunk.net.load_state_dict(self._kept["trunk"])
            self._opened = trunk.eval(), weight, bias
        return self._opened

    def _content(self) -> dict[str, Any]:
        if isinstance(self._stage, Mapping):
            content, told = dict(self._stage), str(self._stage.get("name"))
        else:
            path = Path(self._stage)
            content, told = read_weights(path), str(path)
            content |= {"name": path.name, "sha256": file_checksum(path)}
        missing = [key for key in _KEPT if key not in content]
        if missing:
            raise ValueError(
                f"TrunkSignals.stage: {told} has no {', '.join(missing)}: it is no checkpoint of an "
                "ExpressionPretrain stage, or of an earlier adabench's; name the file that the stage "
                "wrote"
            )
        return {key: content[key] for key in (*_KEPT, "name", "sha256")}

    def _rows(self, there: list[str]) -> list[int]:
        missing = [name for name in self._names if name not in there]
        if missing:
            raise ValueError(
                f"TrunkSignals.columns: the stage learnt no {', '.join(missing)}; its columns are "
                f"{', '.join(there)}"
            )
        return [there.index(name) for name in self._names]

    @torch.no_grad()
    def compute(self, frames: Tensor) -> Tensor:
        """Map frames (T, 3, H, W) to the heads' predictions (T, S)."""
        trunk, weight, bias = self._open()
        found = [self._vectors(trunk, part) for part in frames.split(_CHUNK)]
        vectors = torch.cat(found).float().cpu() if found else weight.new_zeros(0, weight.shape[1])
        return vectors @ weight.T + bias

    def _vectors(self, trunk: TimmFrames, frames: Tensor) -> Tensor:
        frames = frames.to(self._device)
        valid = torch.ones(len(frames), 1, dtype=torch.bool, device=frames.device)
        inputs = Inputs(valid=valid, index=valid.long() * 0, frames=frames[:, None])
        return trunk(inputs).vector[:, 0]

    def to(self, device: str) -> None:
        """Compute on a device from now on."""
        self._device = device
        self._open()[0].to(device)

    def describe(self) -> str:
        """Say that a trunk sees them."""
        return (
            f"{len(self._names)} signals as the pretrained trunk's own heads see them in each frame"
        )

    def fingerprint(self) -> str:
        """Depends on the stage's file and the columns."""
        self._open()
        return f"{self._kept['sha256']} {','.join(self._names)}"

    def carried(self) -> dict[str, Any]:
        """Keep the trunk and its heads."""
        self._open()
        return {**super().carried(), "stage": dict(self._kept)}
