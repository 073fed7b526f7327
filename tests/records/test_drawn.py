"""Which generated corpora are for development follows from the corpus that is drawn."""

import pytest
from draw_records import drawn_run
from record_fixtures import build

from adabench.evaluation import score_metrics
from adabench.leaderboard.rows.row import Entry
from adabench.leaderboard.rows.tables import build_tables
from adabench.records import Metrics, Prediction
from adabench.records.drawn import RESERVED, corpus_seed_of, is_development
from adabench.synthface import SynthfaceParameters, draw_sessions

FAMILY = SynthfaceParameters.tiny(0).family()


def of_corpus(base, draw, method="A", **changes):
    """A record on a tiny corpus; its predictions are off by 3."""
    parameters = SynthfaceParameters.tiny(base).model_copy(update={"draw": draw})
    sessions = [each for each in draw_sessions(parameters) if each.split == "test"]
    signs = [1 if number % 3 else -1 for number in range(len(sessions))]
    entries = [
        Prediction(session=s.name, subject=s.subject, prediction=s.score + 3 * sign, label=s.score)
        for s, sign in zip(sessions, signs, strict=True)
    ]
    numbers = ([e.prediction for e in entries], [e.label for e in entries])
    fields = {
        "method": method,
        "config": method,
        "draw": draw,
        "seed": draw,
        "family": parameters.family(),
        "world": "sparse",
        "predictions": entries,
        "metrics": Metrics(**score_metrics(*numbers)),
        "intervals": {},
    }
    return build(**{**fields, **changes})


@pytest.mark.parametrize(
    ("base", "draw", "is_for_development"),
    [
        (3107, 0, True),
        (3107, 9, True),
        (3107, 10, False),
        (3107, 999, False),
        (3107, 1000, True),
        # The same corpora by other bases.
        (3100, 7, True),
        (3100, 17, False),
        (3117, 0, False),
        (0, 3117, False),
        # Nobody keeps these unseen, whatever their number.
        (0, 0, True),
        (0, 12, True),
        (5000, 12, True),
        (2**40, 10, True),
    ],
)
def test_base_and_draw_together_decide(base, draw, is_for_development):
    record = of_corpus(base, draw)
    assert corpus_seed_of(record) == base + draw
    assert is_development(record) == is_for_development == (base + draw not in RESERVED)


def test_the_demo_s_base_keeps_its_later_draws_for_what_is_published():
    from adabench.config.reading.load import load_config

    base = load_config("configs/constant_avec14.py", demo=True).data.synthface["seed"]
    assert (RESERVED.start, RESERVED.stop) == (base + 10, base + 1000)


def test_without_a_family_no_record_is_of_any():
    assert not is_development(of_corpus(3107, 0, family=None))


@pytest.mark.parametrize(("draw", "is_for_development"), [(0, True), (9, True), (10, False)])
def test_where_persons_do_not_tell_the_number_does(draw, is_for_development):
    record = drawn_run("A", draw, 4.0)
    assert corpus_seed_of(record) is None
    assert is_development(record) == is_for_development
    mixed = [*of_corpus(3107, 0).predictions[:8], *of_corpus(3108, 0).predictions[:7]]
    assert corpus_seed_of(record.model_copy(update={"predictions": mixed})) is None


def test_rows_are_flagged_and_divided_by_the_corpus():
    runs = [of_corpus(3107, 10), of_corpus(3097, 10), of_corpus(3100, 17)]
    (table,) = build_tables(Entry(run, "local") for run in runs)
    found = {
        tuple(corpus_seed_of(entry.record) for entry in row.entries): "development" in row.flags
        for row in table.rows
    }
    assert found == {(3117, 3117): False, (3107,): True}
