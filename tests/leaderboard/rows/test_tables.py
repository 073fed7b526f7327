"""From records to rows: what is merged, what is kept apart, and in which order."""

import statistics
from pathlib import Path

import pytest
from record_fixtures import as_licensed

from adabench.evaluation import Level, Scale
from adabench.leaderboard.rows.row import Entry, shared_flags
from adabench.leaderboard.rows.tables import build_tables
from adabench.leaderboard.statistics.standing import Standing
from adabench.records import Flags, Metrics, Reported
from adabench.records.files.labels import CorpusLabels
from adabench.records.schema.scale import scale_form

OTHER = scale_form(Scale("HAMD-17", 0, 52, (Level("none", 0), Level("mild", 8))))


def rows_of(records, place="measured", track="demo"):
    (table,) = build_tables([Entry(record, place) for record in records], track)
    return table.rows


def bound(make_record, **changes):
    fields = {"kind": "bound", "method": "oracle", "config": "bounds", "predictions": []}
    fields |= {"intervals": {}, "seed": None, "metrics": Metrics(RMSE=4.3, MAE=3.3)}
    return make_record(**{**fields, **changes})


def constant(make_record, **changes):
    return make_record(40.0, **{"method": "constant", "kind": "control", **changes})


def paper_row(make_record, rmse=7.0, **changes):
    fields = {
        "origin": Reported(paper="p", table="1", row="M"),
        "metrics": Metrics(RMSE=rmse, MAE=5),
    }
    return make_record(**{**fields, "predictions": [], "licensed": True, **changes})


def test_seeds_are_merged_to_mean_and_sample_deviation(make_record):
    records = [make_record(error, seed) for seed, error in enumerate((3.0, 4.0, 6.5))]
    (row,) = rows_of(records)
    values = [record.metrics.RMSE for record in records]
    assert row.seeds == (0, 1, 2)
    assert row.metrics["RMSE"].value == pytest.approx(statistics.fmean(values))
    assert row.metrics["RMSE"].deviation == pytest.approx(statistics.stdev(values))
    assert row.metrics["MAE"].interval is None
    assert set(row.metrics) == {"RMSE", "MAE", "PCC", "CCC"}


def test_a_single_seed_keeps_its_interval(make_record):
    record = make_record()
    (row,) = rows_of([record])
    assert row.metrics["RMSE"].deviation is None
    assert row.metrics["RMSE"].interval == record.intervals["RMSE"]


@pytest.mark.parametrize(
    "change",
    [
        {"config_hash": "fedcba9876543210"},
        {"config": "another"},
        {"method": "Another"},
        {"overrides": ["model.k=3"]},
        {"protocol": "train+dev"},
        {"fusion": "fused"},
        {"corpus_checksum": "beef" * 4},
        {"flags": Flags(paper_compat=True)},
        {"flags": Flags(pretrained_checksum="beef" * 4)},
        {"kind": "control"},
    ],
)
def test_what_is_not_the_same_experiment_is_not_merged(make_record, change):
    rows = rows_of([make_record(seed=0), make_record(seed=1, **change)])
    assert [len(row.seeds) for row in rows] == [1, 1]
    looks = {(row.method, row.config, row.origin, row.flags) for row in rows}
    assert len(looks) == 2, "a reader could not tell the two rows apart"


def test_of_two_runs_with_one_seed_the_newer_counts(make_record):
    old = make_record(3.0, created="2026-01-01T00:00:00+00:00")
    new = make_record(6.0, created="2026-01-02T00:00:00+00:00")
    for order in ([old, new], [new, old]):
        (row,) = rows_of(order)
        assert row.metrics["RMSE"].value == new.metrics.RMSE
        assert row.notes == ("1 older run of the same seed or draw left out",)


def test_times_in_different_zones_are_compared_as_times(make_record):
    earlier = make_record(3.0, created="2026-01-02T01:00:00+09:00")
    later = make_record(6.0, created="2026-01-01T20:00:00+00:00")
    (row,) = rows_of([earlier, later])
    assert row.metrics["RMSE"].value == later.metrics.RMSE


def test_the_constant_comes_first_then_bounds_then_by_rmse(make_record):
    records = [
        make_record(5.0, method="middling", track="own"),
        bound(make_record, method="mean pooling", metrics=Metrics(RMSE=10.7, MAE=9), track="own"),
        make_record(1.0, method="good", track="own"),
        paper_row(make_record, rmse=3.0, method="printed", track="own"),
        bound(make_record, track="own"),
        make_record(9.0, method="bad", kind="control", track="own"),
        constant(make_record, track="own"),
    ]
    rows = rows_of(records, track="own")
    names = ["constant", "oracle", "mean pooling", "good", "printed", "middling", "bad"]
    assert [row.method for row in rows] == names


def test_the_constant_is_one_row_whichever_config_wrote_it(make_record):
    records = [
        constant(make_record, config="a", config_hash="aa", seed=0),
        constant(make_record, config="b", config_hash="bb", seed=0, flags=Flags(demo=True)),
    ]
    assert len(rows_of(records)) == 1
    other = constant(make_record, corpus_checksum="beef" * 4)
    assert len(rows_of([*records, other])) == 2


def test_reported_rows_are_never_merged(make_record):
    rows = rows_of(
        [paper_row(make_record, track="own"), paper_row(make_record, track="own")], track="own"
    )
    assert [row.origin for row in rows] == ["reported (p, table 1)"] * 2
    assert rows[0].flags == ()


def test_own_runs_stand_beside_the_accepted_ones(make_record):
    entries = [Entry(make_record(), "measured"), Entry(make_record(), "local")]
    (table,) = build_tables(entries)
    assert sorted(row.origin for row in table.rows) == ["measured", "measured (local)"]


def test_tracks_never_share_a_table(make_record):
    records = [make_record(track=name) for name in ("demo-freeform", "demo", "demo-northwind")]
    tables = build_tables(Entry(record, "local") for record in records)
    assert [table.track for table in tables] == ["demo", "demo-freeform", "demo-northwind"]
    assert [len(table.rows) for table in tables] == [1, 1, 1]


def test_several_corpora_on_a_track_are_named(make_record):
    records = [make_record(), make_record(corpus_checksum="beef" * 4)]
    flags = [flag for row in rows_of(records) for flag in row.flags]
    assert {"corpus c0ffee00", "corpus beefbeef"} <= set(flags)
    assert not any(flag.startswith("corpus") for row in rows_of(records[:1]) for flag in row.flags)


def test_flags_say_what_a_reader_must_know(make_record):
    flags = Flags(paper_compat=True, pretrained="expressions", semantics="stand-in")
    (row,) = rows_of([make_record(flags=flags, overrides=["a=1"], notes=["a note"])])
    assert row.flags == (
        "joint",
        "protocol official",
        "paper_compat",
        "pretrained expressions",
        "semantics stand-in",
        "with a=1",
    )
    assert row.notes == ("a note",)


def test_what_was_found_of_a_method_is_flagged(make_record):
    broken = {"outcome": "broken", "reasons": ["broken: repeat by Mine"]}
    sees = {"outcome": "sees labels", "difference": 9.0, "repeated": 0.0}
    (row,) = rows_of([make_record(contract=broken, decoy=sees)])
    assert {"contract broken", "sees labels"} <= set(row.flags)
    sound = {"contract": {"outcome": "held"}, "decoy": {**sees, "outcome": "equal"}}
    (row,) = rows_of([make_record(**sound)])
    assert not {"contract broken", "sees labels"} & set(row.flags)


def test_an_unknown_track_gets_a_suggestion(make_record):
    with pytest.raises(ValueError, match=r"did you mean 'demo'\? tracks with records: demo"):
        build_tables([Entry(make_record(), "local")], "demos")
    with pytest.raises(ValueError, match="tracks with records: none"):
        build_tables([], "demo")


def test_a_row_keeps_the_records_that_count_and_their_files(make_record):
    old = make_record(3.0, created="2025-01-01T00:00:00+00:00")
    records = [make_record(seed=2), old, make_record(seed=0)]
    entries = [Entry(each, "local", Path(f"{index}.json")) for index, each in enumerate(records)]
    ((row,),) = (table.rows for table in build_tables(entries))
    assert [entry.path for entry in row.entries] == [Path("2.json"), Path("0.json")]
    assert row.seeds == (0, 2)


def test_flags_that_all_measured_rows_share(make_record):
    rows = rows_of(
        [make_record(), make_record(method="b", overrides=["k=1"]), paper_row(make_record)]
    )
    assert shared_flags(rows) == ("joint", "protocol official")
    assert shared_flags(rows[:1]) == shared_flags([]) == ()


def test_standing_is_found_within_a_corpus(make_record):
    own = {"track": "own"}
    elsewhere = {**own, "corpus_checksum": "beef" * 4}
    rows = rows_of(
        [
            make_record(4.0, method="best", **own),
            make_record(9.0, method="worse", **own),
            make_record(1.0, method="best elsewhere", **elsewhere),
            make_record(9.0, method="worse elsewhere", **elsewhere),
            paper_row(make_record, 0.5, method="printed", **own),
        ],
        track="own",
    )
    standing = {row.method: row.standing for row in rows}
    assert {name for name, each in standing.items() if each.best} == {"best", "best elsewhere"}
    assert standing["worse"].p_value < 0.05
    assert standing["printed"] == Standing()


def test_a_licensed_corpus_is_judged_with_its_labels(make_record):
    labels = {entry.session: entry.label for entry in make_record().predictions}

    def licensed(error, **changes):
        return as_licensed(make_record(error, **changes), track="avec14")

    entries = [Entry(licensed(4.0), "local"), Entry(licensed(9.0, method="worse"), "local")]
    ((best, worse),) = (table.rows for table in build_tables(entries))
    assert not best.standing.best
    subjects = {entry.session: entry.subject for entry in make_record().predictions}
    corpora = {"c0ffee00c0ffee00": CorpusLabels("avec2014", True, labels, subjects)}
    ((best, worse),) = (table.rows for table in build_tables(entries, corpora=corpora))
    assert best.standing.best
    assert worse.standing.p_value < 0.05


def test_scales_of_a_track_have_tables_of_their_own(make_record):
    records = [make_record(seed=0, scale=OTHER, corpus_checksum="e" * 64), make_record(seed=1)]
    tables = build_tables(Entry(record, "local") for record in records)
    assert [(table.track, table.name, table.scale.name) for table in tables] == [
        ("demo", "demo-drawn-faces.drawn-score", "drawn score"),
        ("demo", "demo-drawn-faces.hamd-17", "HAMD-17"),
    ]
    assert [len(table.rows) for table in tables] == [1, 1]


def test_what_papers_report_is_of_the_track_s_scale(make_record):
    measured = make_record(scale=OTHER, track="own")
    entries = [Entry(measured, "local"), Entry(paper_row(make_record, track="own"), "reported")]
    (table,) = build_tables(entries)
    assert (table.name, table.scale.name, len(table.rows)) == ("own", "HAMD-17", 2)
    (alone,) = build_tables(entries[1:])
    assert alone.scale.name == "BDI-II"
