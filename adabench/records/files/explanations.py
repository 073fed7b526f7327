"""Explanation records on disk: in a folder beside the record of their run."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from adabench.data.files import write_bytes
from adabench.records.files.reading import present_in, read_plain
from adabench.records.schema.explanation import Explanation

#: Ending of the folder of a record's explanation records.
EXPLANATION_SUFFIX: Final = ".explanations"


def explanation_folder(record: str | os.PathLike[str]) -> Path:
    """Return the folder of a record's explanation records."""
    return Path(record).with_suffix(EXPLANATION_SUFFIX)


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
