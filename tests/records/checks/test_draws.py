"""A record on a generated corpus tells its draw, or was written before runs told it, all else agreeing."""

import pytest
from record_fixtures import OF_DRAW, build

from adabench.records import Prediction, Reported
from adabench.records.checks.content import content_reasons
from adabench.records.checks.draws import draw_reasons
from adabench.records.provenance import commit, schema_at
from adabench.records.schema.fields import SCHEMA_VERSION

HEAD = commit()[0]
UNTOLD = dict.fromkeys(OF_DRAW)
ENTRY = {"prediction": 5.0, "label": 5.0}


def named(*subjects):
    """The first predictions of a record, of other persons."""
    entries = build().predictions
    return [
        Prediction(**{**entry.model_dump(), "subject": subject})
        for entry, subject in zip(entries, subjects * len(entries), strict=False)
    ]


@pytest.mark.parametrize("field", OF_DRAW)
def test_a_record_of_today_tells_each_field(sound, field):
    (reason,) = content_reasons(sound(**{field: None}))
    assert reason.startswith(
        f"{field} is missing, which schema {SCHEMA_VERSION} tells of every run"
    )
    assert (
        "run again; of a run from before schema 4, take the file as its adabench wrote it" in reason
    )


def test_all_that_is_missing_is_told_at_once(sound):
    (reason,) = draw_reasons(sound(**UNTOLD))
    assert reason.startswith("draw and family and world are missing")
    assert list(draw_reasons(sound())) == []


def test_recorded_corpora_and_printed_rows_have_none(sound):
    assert list(content_reasons(sound(track="mine", corpus="mine", **UNTOLD))) == []
    printed = sound(origin=Reported(paper="p", table="1", row="r"), **UNTOLD)
    assert not any("missing" in reason for reason in content_reasons(printed))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_one_from_before_draws_may_leave_them_out(sound, version):
    assert list(content_reasons(sound(written_in=version, **UNTOLD))) == []


PROVENANCE = {"environment.txt": "a" * 64}
CONTRACT = {"outcome": "held"}
AREA = {"roc_area": {"value": 0.6}}


@pytest.mark.parametrize(
    ("version", "changes", "told"),
    [
        (1, {"provenance": PROVENANCE}, "provenance came with schema 2"),
        (2, {"contract": CONTRACT}, "contract came with schema 3"),
        (2, {"kept_share": 0.2, "scale": None, "caches": ["a"]}, "caches, kept_share came with"),
        (3, {"family": "f" * 16}, "family came with schema 4"),
        (3, {"draw": 0}, "draw came with schema 4"),
        (3, {"against_constant": {"dev": {"rmse": 1, "constant": 2, "p": 1}}}, "against_constant"),
        (3, {"flags": {"starts_from": "nothing"}}, "flags.starts_from came after schema 4"),
        (
            3,
            {"relevance_measures": {"all": {**AREA, "clips": 3}}},
            "relevance_measures has more than the areas",
        ),
        (3, {"predictions": named("00201", "00202")}, "named by the seed of a draw"),
        (1, {"predictions": named("31070201")}, "named by the seed of a draw"),
        (3, {"commit": HEAD}, f"adabench at its commit {HEAD} wrote schema {SCHEMA_VERSION}"),
    ],
)
def test_what_shows_that_it_is_from_later_ends_the_exemption(sound, version, changes, told):
    (reason,) = draw_reasons(sound(**{"written_in": version, **UNTOLD, **changes}))
    assert told in reason
    assert f"written_in is {version}, before runs told them, but" in reason
    assert reason.endswith("run again")


@pytest.mark.parametrize(
    ("version", "changes"),
    [
        (2, {"provenance": PROVENANCE}),
        (3, {"contract": CONTRACT, "relevance_measures": {"all": AREA}}),
        (3, {"predictions": named("203", "204")}),
        (3, {"commit": "c" * 40}),
    ],
)
def test_what_its_schema_had_does_not(sound, version, changes):
    assert list(draw_reasons(sound(**{"written_in": version, **UNTOLD, **changes}))) == []


def test_the_schema_of_a_commit():
    assert schema_at(HEAD) == SCHEMA_VERSION
    assert schema_at("c" * 40) is None
    assert schema_at("--help") is None
