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
    "views.train.frames=8",
    "views.test.frames=8",
    "views.select.frames=8",
    "views.variants=2",
)


def tiny_options(root: Path) -> list[str]:
    """Return ``--cfg-options`` for a tiny run that keeps its corpora, stages and caches in ``root``."""
    return [f"data.root={root}", *_SMALL]
