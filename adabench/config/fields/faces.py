"""Which faces a run sees: how they were found and cut. Imports no OpenCV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from adabench.config.fields.training import Strict


class Faces(Strict):
    """How the faces of a corpus are found and cut, as `adabench.data.prepare` takes it.

    A generated corpus and expression clips are prepared so; a corpus of recorded videos has to be.

    Attributes:
        detector: one that needs no file of a model.
        cut: ``box`` cuts faces as they stand, ``aligned`` upright, by five points.
    """

    detector: Literal["mtcnn", "haar"] = "mtcnn"
    cut: Literal["box", "aligned"] = "box"

    @model_validator(mode="after")
    def _with_points(self) -> Faces:
        if self.cut == "aligned" and self.detector == "haar":
            raise ValueError(
                "cut='aligned' needs the five points of a face, and the detector 'haar' gives none: "
                "take detector='mtcnn'"
            )
        return self

    @property
    def options(self) -> str:
        """The options of ``tools/prepare.py`` for it."""
        return f"--detector {self.detector} --cut {self.cut}"

    def differing(self, made: Mapping[str, Any]) -> str | None:
        """Return how the faces of a prepared corpus are others, in words; None if they are these.

        Args:
            made: the corpus's settings of preparing.
        """
        if made.get("source", "video") != "video":
            return f"faces that {made['source']} cut"
        # A corpus of before there was a choice says nothing of the cut.
        found = made.get("detector"), made.get("cut", "box")
        if found == (self.detector, self.cut):
            return None
        return f"faces of detector={found[0]!r}, cut={found[1]!r}"
