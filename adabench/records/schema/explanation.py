"""The explanation record: what was found when a run's method was explained.

It names the run's record by its checksum and lies in a folder beside it: ``X.json`` has
``X.explanations``. Of what goes by clip it holds nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, computed_field, model_validator

from adabench.records.schema.plain import Name
from adabench.records.schema.record import content_checksum
from adabench.records.schema.sections import Code, Counts, Load, Measure, RelevanceFile
from adabench.records.schema.values import STRICT, Digest, MeasureName, Seconds

_Number = Annotated[float, Field(ge=-1e18, le=1e18)]


class Explained(Measure):
    """A measure of an explanation, between what chance gives and what its units allow.

    Attributes:
        chance: what the same explanation gives where it knows nothing.
        ceiling: the best that the method's units allow.
        interval: of 95 %, over persons.
        by_construction: the value follows from how the method is built, so it is not ranked.
    """

    chance: _Number | None = None
    ceiling: _Number | None = None
    interval: tuple[_Number, _Number] | None = None
    by_construction: bool = False


class Explanation(BaseModel):
    """What explaining one run by one explainer gave.

    Two questions are kept apart: `localisation`, whether relevance lies where the cue is known to be,
    and `faithfulness`, whether it tells what the method used. `sanity` asks the explainer itself.

    Attributes:
        run: checksum of the run's record.
        explainer: what gave the relevance: the method's own selection, or a method-free one.
        code: a part's type to its code, for explainers from outside the repository.
        counts: what was explained.
        relevance: the side file of spans, scales, weights; of drawn corpora only.
        seconds: that it took.
        seconds_per_clip: of it, and of predicting the same clip.
    """

    model_config = STRICT

    schema_version: Literal[1] = 1
    run: Digest
    explainer: Name
    code: dict[Name, Code] = {}
    counts: Counts | None = None
    localisation: dict[MeasureName, Explained] = {}
    faithfulness: dict[MeasureName, Explained] = {}
    sanity: dict[MeasureName, Explained] = {}
    relevance: RelevanceFile | None = None
    seconds: Seconds | None = None
    seconds_per_clip: tuple[Seconds, Seconds] | None = None
    load: Load | None = None
    packages: dict[str, str] = {}
    commit: str | None = None
    clean_tree: bool | None = None
    notes: list[str] = []
    created: str | None = None

    # mypy knows no decorator above @property; pydantic asks for exactly this order.
    @computed_field  # type: ignore[prop-decorator]
    @property
    def checksum(self) -> str:
        """The sha256 over everything else."""
        return content_checksum(self.model_dump(mode="json", exclude={"checksum"}))

    @model_validator(mode="before")
    @classmethod
    def _take_checksum(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "checksum" not in content:
            return content
        rest = {name: value for name, value in content.items() if name != "checksum"}
        if content_checksum(rest) != content["checksum"]:
            raise ValueError(
                "checksum does not fit the content: it was changed after it was written"
            )
        return rest
