"""The explanation record: what was found when a run's method was explained.

It names the run's record by its checksum and lies in a folder beside it: ``X.json`` has
``X.explanations``. Of what goes by clip it holds nothing.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError, computed_field, model_validator

from adabench.data.files import write_bytes
from adabench.records.reading import present_in, read_plain
from adabench.records.record import content_checksum
from adabench.records.sections import (
    STRICT,
    Code,
    Counts,
    Digest,
    Load,
    Measure,
    MeasureName,
    Name,
    RelevanceFile,
    Seconds,
)

#: Ending of the folder of a record's explanation records.
SUFFIX: Final = ".explanations"

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


def explanation_folder(record: str | os.PathLike[str]) -> Path:
    """Return the folder of a record's explanation records."""
    return Path(record).with_suffix(SUFFIX)


def write_explanation(record: str | os.PathLike[str], explanation: Explanation) -> Path:
    """Write an explanation record beside its run's and return its path.

    Raises:
        OSError: it can't be written.
    """
    content = (explanation.model_dump_json(indent=2) + "\n").encode()
    name = hashlib.sha256(explanation.explainer.encode()).hexdigest()[:8]
    path = explanation_folder(record) / f"{name}-{explanation.checksum[:8]}.json"
    write_bytes(path, content)
    return path


def read_explanations(record: str | os.PathLike[str], run: str) -> list[Explanation]:
    """Read the explanation records beside a run's record, by name of their files.

    Args:
        record: the run's file.
        run: the run's checksum.

    Raises:
        ValueError: naming the file and what is wrong: it was changed, is none, or of another run.
        OSError: it can't be read.
    """
    folder = explanation_folder(record)
    return [_read(folder / name, run) for name in present_in(folder) if name.endswith(".json")]


def _read(path: Path, run: str) -> Explanation:
    try:
        explanation = Explanation.model_validate_json(read_plain(path))
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'record'}: {item['msg']}"
            for item in error.errors()
        )
        raise ValueError(
            f"{path}: no explanation record that adabench wrote ({told}); restore it or explain anew"
        ) from error
    if explanation.run != run:
        raise ValueError(
            f"{path}: it explains the run {explanation.run[:8]}, and the record beside it is "
            f"{run[:8]}; move it beside its own"
        )
    return explanation
