"""Tests of differences: against scipy and statsmodels, and by simulation against what theory gives."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from adabench.evaluation import confidence_set as best
from adabench.evaluation import sign_flips, significance
from adabench.evaluation.confidence_set import Block, confidence_set
from adabench.evaluation.sign_flips import (
    against_constant,
    d_z,
    rmse_differences,
    sign_flip_p,
    squared_errors,
)
from adabench.evaluation.significance import (
    POWER,
    MeanDifference,
    beyond_draws,
    beyond_folds,
    detectable,
    holm,
)

LEVEL = significance.LEVEL
PATTERNS = sign_flips.PATTERNS


def persons(count, sessions=1):
    return [f"{index // sessions:03d}" for index in range(count * sessions)]


def errors(count, *, seed=0, better=0.0):
    """Two methods' absolute errors on as many sessions, the second smaller by ``better``."""
    first, second = np.abs(np.random.default_rng(seed).normal(0, 8, (2, count)))
    return first, np.abs(second - better)


def scipys(first, second, patterns=PATTERNS):
    found = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=patterns,
        rng=np.random.default_rng(99),
    )
    return found.pvalue


def share_found(p):
    return float(np.mean(np.asarray(p) < LEVEL))


def chance_range(rate, draws):
    """Range that holds the found share of ``draws`` at a true ``rate`` in 99.9 %."""
    low, high = stats.binom.interval(0.999, draws, rate)
    return low / draws, high / draws


def test_few_persons_give_scipys_exact_p():
    for seed in range(5):
        first, second = errors(10, seed=seed, better=2)
        wanted = scipys(first, second)
        assert sign_flip_p([first - second], persons(10))[0] == pytest.approx(wanted, abs=1e-12)
        assert wanted * 2**10 == pytest.approx(round(wanted * 2**10))


def test_ties_count_as_extreme():
    # All 8 patterns by hand: |sum| is 4, 2, 2, 0 and the same mirrored.
    assert sign_flip_p([[1.0, 1.0, 2.0]], persons(3))[0] == pytest.approx(2 / 8)
    assert sign_flip_p([[1.0, 1.0, -2.0]], persons(3))[0] == 1
    assert sign_flip_p([[0.1, 0.2, 0.3], [0.3, 0.1, 0.2]], persons(3)) == pytest.approx([0.25] * 2)
    assert sign_flip_p(np.zeros((1, 40)), persons(40))[0] == 1


def test_many_persons_give_scipys_p_up_to_chance():
    for seed in range(3):
        first, second = errors(50, seed=seed, better=1.5)
        wanted = scipys(first, second, 99_999)
        # Four standard deviations of a share among the random patterns.
        band = 4 * np.sqrt(wanted * (1 - wanted) / PATTERNS) + 2 / PATTERNS
        assert sign_flip_p([first - second], persons(50))[0] == pytest.approx(wanted, abs=band)


def test_all_sessions_of_a_person_switch_together():
    generator = np.random.default_rng(1)
    who = ["a", "a", "b", "c", "c", "c", "d", "e", "e", "f"]
    first, second = generator.uniform(0, 10, (2, len(who)))
    names = sorted(set(who))
    sums = [
        np.array([side[[one == name for one in who]].sum() for name in names])
        for side in (first, second)
    ]
    wanted = scipys(*sums)
    assert sign_flip_p([first - second], who)[0] == pytest.approx(wanted, abs=1e-12)
    shuffled = generator.permutation(len(who))
    (again,) = sign_flip_p([(first - second)[shuffled]], [who[i] for i in shuffled])
    assert again == pytest.approx(wanted, abs=1e-12)


def test_p_is_never_0_and_depends_on_the_seed_alone():
    first, second = errors(40)
    (far,) = sign_flip_p([first - second + 100], persons(40))
    assert 0 < far < 1 / (PATTERNS + 1)

    def p(**changes):
        return float(sign_flip_p([first - second], persons(40), **changes)[0])

    assert p(seed=1) == p(seed=1)
    assert len({p(patterns=99, seed=seed) for seed in range(5)}) > 1


def test_one_person_tells_nothing():
    assert sign_flip_p([[-2.0, -3.0]], ["a", "a"])[0] == 1


def test_the_bound_beyond_the_patterns_is_no_smaller_than_the_exact_p():
    """20 persons have 1,048,576 patterns, few enough to count the exact p."""
    differences = np.random.default_rng(3).normal(1, 0.3, (8, 20))
    differences[:, 0] *= -np.arange(8) / 4
    got = sign_flip_p(differences, persons(20), patterns=999)
    exact = sign_flip_p(differences, persons(20), patterns=2**20)
    is_bound = got < 1 / 1000
    assert 2 <= is_bound.sum() <= 7
    assert (got[is_bound] >= exact[is_bound]).all()
    assert (got[is_bound] < 500 * exact[is_bound]).all()


def test_a_difference_that_is_not_there_is_found_in_5_percent():
    pairs = 2000
    one, other = np.abs(np.random.default_rng(11).normal(0, 8, (2, pairs, 50)))
    low, high = chance_range(LEVEL, pairs)
    assert low <= share_found(sign_flip_p(one - other, persons(50))) <= high


@pytest.mark.parametrize("effect", [0.3, 0.45, 0.6])
def test_a_difference_that_is_there_is_found_as_often_as_theory_says(effect):
    """Theory: the paired t test's power, from the noncentral t; permutation's is within 3 %."""
    pairs, count = 2000, 40
    differences = np.random.default_rng(12).normal(effect, 1, (pairs, count))
    edge = stats.t.ppf(1 - LEVEL / 2, count - 1)
    shifted = stats.nct(count - 1, effect * np.sqrt(count))
    power = shifted.sf(edge) + shifted.cdf(-edge)
    low, high = chance_range(power, pairs)
    got = share_found(sign_flip_p(differences, persons(count)))
    assert low - 0.03 <= got <= high + 0.03


def test_persons_with_several_sessions_keep_the_5_percent():
    """A person's sessions are alike; a test that exchanges sessions calls chance a difference."""
    pairs, count, sessions = 2000, 20, 4
    generator = np.random.default_rng(13)
    of_person = np.repeat(generator.normal(0, 2, (pairs, count)), sessions, axis=1)
    differences = of_person + generator.normal(0, 1, of_person.shape)
    low, high = chance_range(LEVEL, pairs)
    assert low <= share_found(sign_flip_p(differences, persons(count, sessions))) <= high
    assert share_found(sign_flip_p(differences, persons(count * sessions))) > 0.2


def test_thousands_of_rows_can_be_told_from_the_best():
    differences = np.random.default_rng(14).normal(1, 1, (3000, 50))
    assert share_found(holm(sign_flip_p(differences, persons(50)))) > 0.9
    assert holm(np.full(3000, 1 / (PATTERNS + 1))).min() > LEVEL


def test_holm_is_statsmodels():
    generator = np.random.default_rng(4)
    for count in (1, 2, 5, 40):
        p = generator.uniform(0, 1, count) ** 3
        p[0] = p[-1]
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    assert holm([]).shape == (0,)


def test_squared_errors_of_runs_give_their_mean_rmse():
    errors = np.random.default_rng(5).normal(0, [[4.0], [9.0]], (2, 50))
    rmse = np.sqrt((errors**2).mean(axis=1))
    assert np.sqrt(squared_errors(errors).mean()) == pytest.approx(rmse.mean())
    assert squared_errors(errors[:1]) == pytest.approx(errors[0] ** 2)
    assert squared_errors(np.zeros((2, 3))).tolist() == [0, 0, 0]


def test_differences_of_squared_errors_give_that_of_the_rmse():
    first, second = np.random.default_rng(6).normal(0, [[4.0], [9.0]], (2, 50)) ** 2
    wanted = np.sqrt(first.mean()) - np.sqrt(second.mean())
    assert rmse_differences(first, second).mean() == pytest.approx(wanted)
    assert rmse_differences(second, first) == pytest.approx(-rmse_differences(first, second))
    assert rmse_differences([0.0], [0.0]).tolist() == [0]


def block(values, **changes):
    values = np.asarray(values, dtype=float)
    return Block(values, persons(values.shape[1]), **changes)


def test_the_confidence_set_of_two_rows_is_their_exact_p():
    values = np.random.default_rng(7).normal(0, [[4.0], [6.0]], (2, 10)) ** 2
    (wanted,) = sign_flip_p(rmse_differences(*values)[None], persons(10))
    assert sorted(confidence_set([block(values)])) == pytest.approx([wanted, 1.0])
    unit = confidence_set([block(values, unit=12.0)])
    assert unit == pytest.approx(confidence_set([block(values)]))


def test_the_best_is_in_the_confidence_set_and_what_is_far_is_not():
    generator = np.random.default_rng(8)
    values = generator.normal(0, [[5.0], [5.0], [5.2], [14.0], [15.0]], (5, 60)) ** 2
    p = confidence_set([block(values)])
    best = int(np.argmin(values.mean(axis=1)))
    assert p[best] == 1
    assert (p[:3] > LEVEL).all()
    assert (p[3:] < 0.01).all()
    order = [3, 0, 4, 1, 2]
    assert confidence_set([block(values[order])]) == pytest.approx(p[order], abs=0.02)


def test_draws_count_alike_in_the_confidence_set_however_many_persons_they_have():
    """The first row is better on the draw of many persons, the second on that of few."""
    generator = np.random.default_rng(9)
    many = generator.normal(0, [[5.0], [6.0]], (2, 400)) ** 2
    few = generator.normal(0, [[9.0], [6.0]], (2, 40)) ** 2
    p = confidence_set([block(many), block(few)])
    assert p[1] == 1


def test_rows_that_are_the_same_are_all_in_the_confidence_set():
    values = np.random.default_rng(10).normal(0, 5, (1, 30)) ** 2
    assert confidence_set([block(np.repeat(values, 4, axis=0))]).tolist() == [1] * 4
    assert confidence_set([block(np.zeros((3, 5)))]).tolist() == [1] * 3
    assert confidence_set([block(values)]).tolist() == [1]


def test_beyond_draws_is_scipys_t_test():
    differences = np.random.default_rng(11).normal(0.5, 1, 7)
    wanted = stats.ttest_1samp(differences, 0)
    got = beyond_draws(differences)
    assert got.p == pytest.approx(wanted.pvalue)
    assert got.difference == pytest.approx(differences.mean())
    assert got.interval == pytest.approx(tuple(wanted.confidence_interval(0.95)))


def test_below_five_draws_there_is_an_interval_and_no_verdict():
    for count in (2, 3, 4):
        got = beyond_draws(np.arange(count) + 1000.0)
        assert got.p is None
        assert got.interval[0] < got.difference < got.interval[1]
    assert beyond_draws([3.0]) == MeanDifference(3.0, None, None)
    assert beyond_draws(np.arange(5.0)).p is not None
    assert (beyond_draws(np.ones(5)).p, beyond_draws(np.zeros(5)).p) == (0, 1)


def test_folds_are_corrected_as_nadeau_and_bengio_print_it():
    differences = np.random.default_rng(12).normal(0.5, 1, 10)
    variance = (1 / 10 + 1 / 4) * differences.var(ddof=1)
    t = differences.mean() / np.sqrt(variance)
    assert beyond_folds(differences, 1 / 4).p == pytest.approx(2 * stats.t.sf(abs(t), 9))
    assert beyond_folds(differences, 1e-12).p == pytest.approx(
        stats.ttest_1samp(differences, 0).pvalue
    )


def test_what_can_be_told_apart_is_found_four_times_in_five():
    """Against statsmodels' power of a paired t test."""
    for count in (3, 5, 30):
        effect = detectable(2.5, count) / 2.5
        assert TTestPower().power(effect, count, LEVEL) == pytest.approx(POWER, abs=1e-6)
    assert detectable(0.0, 5) == 0


def nested(interaction, draws, tables, generator, *, count=42, deviation=3.5):
    """Paired differences of persons within draws, (tables, draws, persons): there is none beyond."""
    of_draw = generator.normal(0, interaction, (tables, draws, 1))
    return of_draw + generator.normal(0, deviation, (tables, draws, count))


def called(interaction, draws, tables):
    """How often *beyond*, and *on these draws*, call a difference where there is none beyond."""
    drawn = nested(interaction, draws, tables, np.random.default_rng(20))
    who = [f"{draw}/{person}" for draw in range(draws) for person in range(drawn.shape[2])]
    beyond = [beyond_draws(means).p for means in drawn.mean(axis=2)]
    here = sign_flip_p(drawn.reshape(tables, -1), who, patterns=999)
    return share_found(beyond), share_found(here)


def holds_level(interaction, draws, tables, report):
    beyond, here = called(interaction, draws, tables)
    report("beyond the draws", round(beyond, 4))
    report("on these draws", round(here, 4))
    low, high = chance_range(LEVEL, tables)
    assert low <= beyond <= high
    if interaction == 0:
        assert low <= here <= high
    else:
        # They do differ on these draws; taken for a statement on others, it would be wrong as often.
        assert here > 0.1


@pytest.mark.parametrize("interaction", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("draws", [5, 10])
def test_five_percent_are_called_beyond_the_draws_where_there_is_nothing(
    interaction, draws, record_property
):
    holds_level(interaction, draws, 2000, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("interaction", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("draws", [5, 10])
def test_five_percent_are_called_beyond_in_a_large_simulation(interaction, draws, record_property):
    holds_level(interaction, draws, 20_000, record_property)


def equal_tables(tables, draws, *, rows=60, count=42, patterns=199):
    """Share of tables of rows that are equally good in which any is told from the best."""
    generator, who = np.random.default_rng(21), persons(count)
    marked = 0
    for _ in range(tables):
        errors = generator.normal(0, 6, (draws, 1, count)) + generator.normal(
            0, 5, (draws, rows, count)
        )
        blocks = [Block(own**2, who, unit=12.0 + draw) for draw, own in enumerate(errors)]
        marked += bool((confidence_set(blocks, patterns=patterns) < LEVEL).any())
    return marked / tables


def holds_table_level(tables, draws, report):
    rate = equal_tables(tables, draws)
    report("tables of 60 equal rows that mark one", round(rate, 4))
    low, high = chance_range(LEVEL, tables)
    assert low <= rate <= high


@pytest.mark.parametrize(
    ("draws", "tables"), [(1, 200), pytest.param(5, 80, marks=pytest.mark.slow)]
)
def test_of_tables_with_60_equal_rows_five_percent_mark_one(draws, tables, record_property):
    holds_table_level(tables, draws, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("draws", [1, 5])
def test_of_many_tables_with_60_equal_rows_five_percent_mark_one(draws, record_property):
    holds_table_level(3000, draws, record_property)


def test_testing_each_row_against_the_best_by_itself_marks_many_tables():
    """What the confidence set is for: Holm over the rows does not know that the best was chosen."""
    generator, marked = np.random.default_rng(22), 0
    for _ in range(60):
        squared = generator.normal(0, 5, (60, 42)) ** 2
        best = squared[np.argmin(squared.mean(axis=1))]
        p = sign_flip_p(
            [rmse_differences(row, best) for row in squared], persons(42), patterns=4999
        )
        marked += bool((holm(p) < LEVEL).any())
    assert marked > 12


def test_cohens_d_z_is_over_persons():
    first, second = errors(30, better=2)
    t = stats.ttest_rel(first, second).statistic
    assert d_z(first - second, persons(30)) == pytest.approx(t / np.sqrt(30))
    of_persons = np.array([2.0, 4.0, 8.0])
    got = d_z([1.0, 3.0, 4.0, 8.0], ["a", "a", "b", "c"])
    assert got == pytest.approx(of_persons.mean() / of_persons.std(ddof=1))
    assert d_z([1.0, 1.0], ["a", "b"]) is None
    assert d_z([1.0, 2.0], ["a", "a"]) is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sign_flip_p([[1.0, 2.0]], ["a"]), "1 persons"),
        (lambda: sign_flip_p([[1.0, np.nan]], ["a", "b"]), "not finite"),
        (lambda: sign_flip_p([[1.0]], ["a"], patterns=0), "1 or more, got 0"),
        (lambda: sign_flip_p([1.0, 2.0], ["a", "b"]), r"shape \(2,\)"),
        (lambda: sign_flip_p(np.zeros((1, 0)), []), "0 persons"),
        (lambda: squared_errors([1.0, 2.0]), r"\(2,\)"),
        (lambda: squared_errors([[1.0, np.inf]]), "not finite"),
        (lambda: confidence_set([]), "one or more"),
        (lambda: confidence_set([block([[1.0]]), block([[1.0], [2.0]])]), "same rows"),
        (lambda: confidence_set([Block(np.ones((2, 3)), ["a"])]), "1 persons"),
        (lambda: beyond_draws([]), r"\(0,\)"),
        (lambda: beyond_draws([1.0, np.nan]), "finite"),
        (lambda: beyond_folds([1.0, 2.0], 0.0), "above 0; got 0"),
        (lambda: detectable(1.0, 2), "2 differences"),
        (lambda: detectable(1.0, 5, power=1.0), "power 1"),
        (lambda: holm([0.5, 1.5]), "probabilities"),
        (lambda: holm([[0.5]]), r"shape \(1, 1\)"),
    ],
)
def test_wrong_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_no_rows_have_no_p():
    assert sign_flip_p(np.zeros((0, 3)), persons(3)).shape == (0,)
    assert sign_flip_p(np.zeros((0, 30)), persons(30)).shape == (0,)


def test_importing_it_imports_no_scipy():
    probe = (
        "import sys, adabench.evaluation.significance, adabench.evaluation.confidence_set\n"
        "print(sorted({'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_docstring_examples_hold():
    for module in (significance, sign_flips, best):
        assert doctest.testmod(module).failed == 0
        assert doctest.testmod(module).attempted > 0


def test_predictions_are_held_against_one_number():
    label = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    persons = list("abcdef")
    found = against_constant(label + 1, label, persons, constant=25.0)
    assert found["rmse"] == pytest.approx(1.0)
    assert found["constant"] == pytest.approx(np.sqrt(np.mean((label - 25.0) ** 2)))
    # every person is better with the prediction: 2 of the 64 ways to switch are as extreme
    assert found["p"] == pytest.approx(2 / 64)
    assert against_constant(np.full(6, 25.0), label, persons, constant=25.0)["p"] == 1.0
