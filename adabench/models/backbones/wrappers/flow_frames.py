"""Optical flow between successive frames, as images."""

from __future__ import annotations

from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adabench.bounds import Share
from adabench.models.backbones.segments import SegmentBackbone
from adabench.models.backbones.wrappers.trunk import build_trunk, frames_of, is_frozen, shown
from adabench.models.roles import Backbone
from adabench.registry import MODELS
from adabench.structures import FeatureSpec, Inputs

Method = Literal["dis", "farneback"]
Grey = NDArray[np.uint8]

# Rec. 601, as OpenCV weighs red, green and blue.
_LUMA = (0.299, 0.587, 0.114)
# Farnebäck's pyramid and windows, OpenCV's usual ones.
_FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)
# Pixels a side below which a method refuses images.
_LEAST = {"dis": 12, "farneback": 1}


def flow(earlier: Grey, later: Grey, method: Method) -> NDArray[np.float32]:
    """Return the displacement of each pixel (H, W, 2), x and y in pixels, between images (H, W)."""
    if method == "farneback":
        found = cv2.calcOpticalFlowFarneback(earlier, later, None, *_FARNEBACK)
    else:
        seeker = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        found = seeker.calc(earlier, later, None)
    return np.asarray(found, dtype=np.float32)


def flow_image(displacement: Tensor, most: float) -> Tensor:
    """Return displacements as images: x, y and length.

    Args:
        displacement: (N, H, W, 2) in pixels.
        most: pixels that reach the end of the range; what is longer is cut off.

    Returns:
        (N, 3, H, W) in [0, 1]: x and y with 0.5 for none, length with 0.
    """
    share = displacement / most
    length = share.norm(dim=-1, keepdim=True)
    return torch.cat([0.5 + share / 2, length], -1).clamp(0.0, 1.0).permute(0, 3, 1, 2)


@MODELS.register_module()
class FlowFrames(SegmentBackbone):
    """A trunk that sees the optical flow between successive frames of a segment (Zhu et al. 2017).

    OpenCV computes the flow of grey images on the CPU, on one thread, in every pass anew; no gradient
    goes through it. A step is a segment, of 2 frames and more: the mean of the trunk's vectors and
    maps over its successive frames. Of a segment with one real frame it is what the trunk gives for no
    flow.

    A frozen trunk makes the whole one that may be cached, by segment, which spares the flow too; a
    cache of the trunk's own, which sees frames, is not read.

    Args:
        trunk: config of a backbone over single frames.
        method: ``"dis"`` (Kroeger et al. 2016, preset medium) or ``"farneback"`` (Farnebäck 2003).
        most: displacement between two frames at which an image's range ends, as a share of its side.

    Raises:
        ValueError: an unknown method, ``most`` of 0; a trunk that reads more than frames, or sees
            segments; segments of one frame, or images of fewer than 12 pixels for ``"dis"``.
        TypeError: ``trunk`` names no backbone.
    """

    def __init__(
        self, *, trunk: dict[str, Any], method: Method = "dis", most: Share = 0.05
    ) -> None:
        super().__init__()
        if method not in get_args(Method):
            raise ValueError(f"FlowFrames.method is 'dis' or 'farneback'; got {method!r}")
        if not 0 < most <= 1:
            raise ValueError(f"FlowFrames.most is a share of a side above 0, up to 1; got {most}")
        self.trunk = build_trunk("FlowFrames.trunk", trunk)
        self.method = method
        self.most = most

    @property
    def spec(self) -> FeatureSpec:
        """The trunk's."""
        return self.trunk.spec

    def extra_repr(self) -> str:
        """Say what weights don't tell."""
        return f"method={self.method}, most={self.most}"

    def frozen_part(self) -> Backbone | None:
        """Return itself where the trunk is frozen."""
        return self if is_frozen(self.trunk) else None

    def refuse_segments(self, length: int, size: int) -> None:
        """Raise ValueError where segments have one frame, or frames too few pixels."""
        if length < 2:
            raise ValueError(
                "FlowFrames sees what moves from frame to frame, and segments have one frame: take "
                "SegmentView(length=2) or more"
            )
        if size < _LEAST[self.method]:
            raise ValueError(
                f"FlowFrames.method={self.method!r} takes {_LEAST[self.method]} pixels a side or more, "
                f"and frames have {size}: set data.size, or method='farneback'"
            )

    def encode(self, segments: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Map S segments' frames (S, L, 3, H, W) to vectors (S, D) and maps (S, C_i, h_i, w_i)."""
        frames, valid = frames_of(self, segments), segments.valid
        self.refuse_segments(valid.shape[1], min(frames.shape[-2:]))
        pairs = valid[:, 1:].clone()
        # A single real frame is followed by itself.
        pairs[:, 0] = True
        images = self._images(frames, valid, pairs)
        vector, maps = shown(self.trunk, images)
        return _means(vector, pairs), tuple(_means(level, pairs) for level in maps)

    @torch.no_grad()
    def _images(self, frames: Tensor, valid: Tensor, pairs: Tensor) -> Tensor:
        """Return images (P, 3, H, W) of the P True ones of ``pairs`` (S, L - 1)."""
        weight = frames.new_tensor(_LUMA).view(3, 1, 1)
        light = (frames * weight).sum(2).mul(255).round().clamp(0, 255)
        grey = light.to(torch.uint8).cpu().numpy()
        real = valid.cpu()
        found = []
        threads = cv2.getNumThreads()
        # DIS cuts an image into as many stripes as there are threads, and finds another flow in each.
        cv2.setNumThreads(1)
        try:
            for segment, place in pairs.cpu().nonzero().tolist():
                later = place + 1 if real[segment, place + 1] else place
                found.append(flow(grey[segment, place], grey[segment, later], self.method))
        finally:
            cv2.setNumThreads(threads)
        displacement = torch.from_numpy(np.stack(found)).to(frames.device)
        return flow_image(displacement, self.most * max(frames.shape[-2:]))


def _means(found: Tensor, pairs: Tensor) -> Tensor:
    """Return means (S, …) of what was found of the P True ones of ``pairs`` (S, L - 1)."""
    placed = found.new_zeros(*pairs.shape, *found.shape[1:])
    placed[pairs] = found
    return placed.sum(1) / pairs.sum(1).view(-1, *(1,) * (found.ndim - 1))
