"""Tests of differences: against scipy and statsmodels, and by simulation against what theory gives."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from adabench.evaluation import significance
from adabench.evaluation.intervals import bootstrap_interval
from adabench.evaluation.significance import (
    against_constant,
    critical_difference,
    friedman,
    holm,
    nemenyi,
    paired_effect,
    pairwise_p,
    permutation_p,
    sign_flip_p,
)

LEVEL = significance.LEVEL
PATTERNS = significance.PATTERNS


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
        assert permutation_p(first, second, persons(10)) == pytest.approx(wanted, abs=1e-12)
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
        assert permutation_p(first, second, persons(50)) == pytest.approx(wanted, abs=band)
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
    assert permutation_p(first, second, who) == pytest.approx(wanted, abs=1e-12)
    assert sign_flip_p([first - second], who)[0] == pytest.approx(wanted, abs=1e-12)
    shuffled = generator.permutation(len(who))
    again = permutation_p(first[shuffled], second[shuffled], [who[i] for i in shuffled])
    assert again == pytest.approx(wanted, abs=1e-12)


def test_p_is_never_0_and_depends_on_the_seed_alone():
    first, second = errors(40)
    far = first + 100
    assert permutation_p(far, second, persons(40)) == pytest.approx(2 / (PATTERNS + 1))
    assert 0 < sign_flip_p([far - second], persons(40))[0] < 1 / (PATTERNS + 1)
    one = permutation_p(first, second, persons(40), seed=1)
    assert one == permutation_p(first, second, persons(40), seed=1)
    drawn = {permutation_p(first, second, persons(40), patterns=99, seed=s) for s in range(5)}
    assert len(drawn) > 1


def test_one_person_tells_nothing():
    assert permutation_p([1.0, 2.0], [3.0, 5.0], ["a", "a"]) == 1
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


def test_pairs_are_corrected_over_all_of_them():
    values = np.array([errors(12, seed=seed, better=seed)[1] for seed in range(4)])
    got = pairwise_p(values, persons(12))
    upper = np.triu_indices(4, 1)
    single = [permutation_p(values[i], values[j], persons(12)) for i, j in zip(*upper, strict=True)]
    assert got[upper] == pytest.approx(multipletests(single, method="holm")[1], abs=1e-12)
    assert (got == got.T).all()
    assert (np.diag(got) == 1).all()


def test_the_effect_is_cohens_d_z_over_persons():
    first, second = errors(30, better=2)
    got = paired_effect(first, second, persons(30))
    difference = first - second
    assert got.difference == pytest.approx(difference.mean())
    t = stats.ttest_rel(first, second).statistic
    assert got.d_z == pytest.approx(t / np.sqrt(30))
    assert got.interval == pytest.approx(
        bootstrap_interval(lambda a, b: float(np.mean(a - b)), first, second, persons(30))
    )
    assert got.interval[0] < got.difference < got.interval[1]


def test_a_persons_sessions_count_as_one_in_the_effect():
    first = np.array([1.0, 3.0, 4.0, 8.0])
    got = paired_effect(first, np.zeros(4), ["a", "a", "b", "c"])
    of_persons = np.array([2.0, 4.0, 8.0])
    assert got.d_z == pytest.approx(of_persons.mean() / of_persons.std(ddof=1))
    assert got.difference == 4.0


def test_an_effect_without_spread_has_no_d_z():
    assert paired_effect([2.0, 3.0], [1.0, 2.0], ["a", "b"]).d_z is None
    single = paired_effect([2.0, 3.0], [1.0, 1.0], ["a", "a"])
    assert (single.d_z, single.interval, single.difference) == (None, None, 1.5)


def test_friedman_is_scipys_and_its_p_exact_for_few_blocks():
    # Three blocks that agree on three methods: 6 of the 6^3 arrangements are as extreme.
    agreed = friedman([[1.0, 2.0, 3.0]] * 3)
    assert agreed.p == pytest.approx(6 / 216)
    assert agreed.ranks.tolist() == [1, 2, 3]
    values = np.random.default_rng(5).normal(size=(40, 5)) + np.arange(5) / 8
    wanted = stats.friedmanchisquare(*values.T)
    got = friedman(values)
    assert got.statistic == pytest.approx(wanted.statistic, abs=1e-6)
    assert got.p == pytest.approx(wanted.pvalue, abs=0.02)
    assert got.ranks == pytest.approx(stats.rankdata(values, axis=1).mean(axis=0))


def test_friedman_with_ties():
    values = np.random.default_rng(6).integers(0, 3, (60, 4)).astype(float)
    wanted = stats.friedmanchisquare(*values.T)
    got = friedman(values)
    assert got.statistic == pytest.approx(wanted.statistic, abs=1e-6)
    assert got.p == pytest.approx(wanted.pvalue, abs=0.02)
    equal = friedman(np.ones((4, 3)))
    assert (equal.p, equal.statistic, equal.ranks.tolist()) == (1.0, 0.0, [2.0, 2.0, 2.0])


def test_nemenyi_turns_at_the_critical_difference():
    # q / sqrt(2) of Demšar's table 5(a): 2.343 for 3 classifiers, 2.569 for 4, 3.164 for 10.
    for methods, quantile in ((3, 2.343), (4, 2.569), (10, 3.164)):
        wanted = quantile * np.sqrt(methods * (methods + 1) / (6 * 30))
        assert critical_difference(methods, 30) == pytest.approx(wanted, abs=1e-3)
    values = np.random.default_rng(7).normal(size=(20, 6)) + np.arange(6) * 0.4
    ranks = friedman(values).ranks
    apart = np.abs(ranks[:, None] - ranks) > critical_difference(6, 20)
    p = nemenyi(values)
    assert apart.any()
    assert (~apart).sum() > 6
    assert ((p < LEVEL) == apart).all()
    assert (p == p.T).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: permutation_p([1.0], [1.0, 2.0], ["a"]), r"\(1,\) and \(2,\)"),
        (lambda: permutation_p([1.0, 2.0], [1.0, 2.0], ["a"]), "1 persons"),
        (lambda: permutation_p([1.0, np.nan], [1.0, 2.0], ["a", "b"]), "not finite"),
        (lambda: permutation_p([1.0], [2.0], ["a"], patterns=0), "1 or more, got 0"),
        (lambda: sign_flip_p([1.0, 2.0], ["a", "b"]), r"shape \(2,\)"),
        (lambda: sign_flip_p(np.zeros((1, 0)), []), "0 persons"),
        (lambda: paired_effect([1.0], [2.0], ["a"], draws=0), "1 or more"),
        (lambda: pairwise_p([[1.0, 2.0]], ["a"]), "one column a session"),
        (lambda: holm([0.5, 1.5]), "probabilities"),
        (lambda: holm([[0.5]]), r"shape \(1, 1\)"),
        (lambda: friedman([[1.0, 2.0, 3.0]]), r"\(1, 3\)"),
        (lambda: friedman([[1.0, 2.0]] * 5), r"\(5, 2\)"),
        (lambda: friedman([[1.0, 2.0, np.inf]] * 3), "not finite"),
        (lambda: friedman([[1.0, 2.0, 3.0]] * 3, patterns=0), "got 0"),
        (lambda: nemenyi([[1.0, 2.0]] * 5), r"\(5, 2\)"),
        (lambda: critical_difference(1, 5), "1 methods"),
        (lambda: critical_difference(3, 5, level=1.0), "level 1"),
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
        "import sys, adabench.evaluation.significance\n"
        "print(sorted({'scipy', 'scikit_posthocs', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_docstring_examples_hold():
    assert doctest.testmod(significance).failed == 0


def test_predictions_are_held_against_one_number():
    label = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    persons = list("abcdef")
    found = against_constant(label + 1, label, persons, constant=25.0)
    assert found["rmse"] == pytest.approx(1.0)
    assert found["constant"] == pytest.approx(np.sqrt(np.mean((label - 25.0) ** 2)))
    # every person is better with the prediction: 2 of the 64 ways to switch are as extreme
    assert found["p"] == pytest.approx(2 / 64)
    assert against_constant(np.full(6, 25.0), label, persons, constant=25.0)["p"] == 1.0
