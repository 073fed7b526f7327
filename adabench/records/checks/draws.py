"""Whether a record on a generated corpus tells which draw it is of, or may leave it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from adabench.records.drawn import corpus_seed_of
from adabench.records.schema.fields import SCHEMA_VERSION
from adabench.records.schema.migration import TELLS_DRAWS
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Measured

#: What a record tells of the generated corpus that it was tested on.
DRAW_FIELDS: Final = ("draw", "family", "world")

# Version of the schema to fields that came with it, and that no migration gives.
_CAME_WITH: Final[Mapping[int, tuple[str, ...]]] = {
    2: ("provenance",),
    3: (
        *(
            "code",
            "scale",
            "stages",
            "caches",
            "view",
            "kept_share",
            "selection",
            "clips",
            "private",
        ),
        *(
            "groups",
            "calibration",
            "conformal",
            "measures",
            "contract",
            "decoy",
            "relevance",
            "load",
        ),
    ),
    4: ("clip_metrics", "against_constant", *DRAW_FIELDS),
}


def draw_reasons(record: Record) -> Iterator[str]:
    """Yield why a record on a generated corpus can't be put among its draws.

    One that was written before runs told their draw may leave it out, unless something else in it is
    from later.
    """
    missing = [name for name in DRAW_FIELDS if getattr(record, name) is None]
    if not missing or not isinstance(record.origin, Measured):
        return
    told = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    if record.written_in is None:
        yield (
            f"{told}, which schema {SCHEMA_VERSION} tells of every run on a generated corpus: run again; "
            f"of a run from before schema {TELLS_DRAWS}, take the file as its adabench wrote it"
        )
        return
    for contradiction in _contradictions(record, record.written_in):
        yield (
            f"{told}, and written_in is {record.written_in}, before runs told them, but "
            f"{contradiction}: run again"
        )


def _contradictions(record: Record, version: int) -> Iterator[str]:
    """Yield what shows that a record was not written in an older schema."""
    for came, names in _CAME_WITH.items():
        given = [name for name in names if getattr(record, name) != _default(name)]
        if given and came > version:
            yield f"{', '.join(given)} came with schema {came}"
    if record.flags.starts_from is not None:
        yield f"flags.starts_from came after schema {TELLS_DRAWS}"
    if any(
        own.model_dump(exclude_none=True).keys() - {"roc_area"}
        for own in record.relevance_measures.values()
    ):
        yield "relevance_measures has more than the areas that were measured then"
    if corpus_seed_of(record) is not None:
        yield "its persons are named by the seed of a draw, as generated ones were only later"
    # Looking into a checkout takes longer to import than all that records alone need.
    from adabench.records.provenance import schema_at

    wrote = None if record.commit is None else schema_at(record.commit)
    if wrote is not None and wrote >= TELLS_DRAWS:
        yield f"adabench at its commit {record.commit} wrote schema {wrote}"


def _default(name: str) -> object:
    return Record.model_fields[name].default
