"""Options that shrink a ``--demo`` run to seconds: the same path, nothing worth comparing."""

from __future__ import annotations

from pathlib import Path

_SMALL = (
    "data.synthface.preset=tiny",
    "stages.trunk.expressions.preset=tiny",
    "stages.trunk.training.epochs=4",
    "training.epochs=4",
    "training.validate_every=1",
    "training.warmup_epochs=1",
    "training.threads=1",
    "stages.trunk.training.threads=1",
    "views.variants=2",
)
# The demo's rate is made for hundreds of steps, and a tiny run has eight.
_FRAMES = (
    "views.train.frames=8",
    "views.test.frames=8",
    "training.optimiser.lr=2e-3",
)
_SELECT = ("views.select.frames=8", "views.select.phases=1", "views.test.phases=1")
_ENCODER = (
    "stages.encoder.training.epochs=2",
    "stages.encoder.training.validate_every=1",
    "stages.encoder.training.threads=1",
    "stages.encoder.views.variants=2",
)


def tiny_options(root: Path, *, encoder: bool = False, select: bool = True) -> list[str]:
    """Return ``--cfg-options`` for a tiny run.

    Args:
        root: where it keeps its corpora, stages and caches.
        encoder: the config's method stands on a stage ``encoder`` and sees segments, not frames.
        select: a config of frames tests in phases and selects on a view of its own, ``views.select``.
    """
    own = _ENCODER if encoder else (*_FRAMES, *(_SELECT if select else ()))
    return [f"data.root={root}", *_SMALL, *own]
