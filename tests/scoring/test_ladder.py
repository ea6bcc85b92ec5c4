"""The Ladder: what moves a shown score, what does not, and that only the order of receipt matters."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import Formula, evaluate
from scoring.intervals import bootstrap_draws
from scoring.ladder import (
    BETTER,
    FIRST,
    NOT_BETTER,
    UNDEFINED,
    Submitted,
    board_decimals,
    display_decimals,
    paired_standard_error,
    release,
    releases,
)

B = 400
COMMON = np.random.default_rng(0).normal(0, 0.008, B)  # what draws of all submissions share


def drawn(score, noise=0.001, seed=1):
    """Draws around a score that share the resamples; two of them differ with a standard error near noise x sqrt(2)."""
    return score + COMMON + np.random.default_rng(seed).normal(0, noise, B)


def shown(*scores, decimals=3, **options):
    """What is shown after each score, with independent draws."""
    submitted = [Submitted(i, score, drawn(score, seed=i)) for i, score in enumerate(scores)]
    return [one.shown for _, one in releases(submitted, decimals=decimals, **options)]


def test_the_first_defined_score_is_shown_rounded():
    one = release(None, 0.76249, drawn(0.76249), decimals=3)
    assert (one.shown, one.value, one.moved, one.reason, one.step) == (0.762, 0.76249, True, FIRST, None)


def test_a_score_moves_only_beyond_the_standard_error_of_the_paired_difference():
    first = release(None, 0.75, drawn(0.75, noise=0.004, seed=1), decimals=3)
    draws = drawn(0.75, noise=0.004, seed=2)
    step = (draws - first.draws).std(ddof=1)
    assert 0.004 < step < 0.008  # far below the standard error of either score, 0.009
    below = release(first, 0.75 + step * 0.99, draws, decimals=3)
    above = release(first, 0.75 + step * 1.01, draws, decimals=3)
    assert (below.shown, below.moved, below.reason) == (0.75, False, NOT_BETTER)
    assert below.step == pytest.approx(step)
    assert (above.shown, above.moved, above.reason) == (round(0.75 + step * 1.01, 3), True, BETTER)
    assert not release(first, 0.75 + step * 1.9, draws, decimals=3, standard_errors=2).moved
    assert release(first, 0.75 + step * 2.1, draws, decimals=3, standard_errors=2).moved


def test_a_gain_of_less_than_one_unit_shown_moves_nothing_however_certain():
    first = release(None, 0.7504, drawn(0.7504), decimals=3)
    certain = first.draws + 0.0009  # standard error 0; rounding alone would show 0.751
    assert not release(first, 0.7513, certain, decimals=3).moved
    assert release(first, 0.7516, certain, decimals=3).shown == 0.752
    assert release(first, 0.7513, certain, decimals=4).shown == 0.7513


def test_the_reference_is_the_last_score_released_not_the_last_sent():
    # Each is 0.0009 above the one before: never beyond the last sent by one unit, but beyond the one released.
    assert shown(0.7, 0.7009, 0.7018, 0.5, 0.7018, 0.7) == [0.7, 0.7, 0.702, 0.702, 0.702, 0.702]


def test_the_same_file_again_moves_nothing():
    first = release(None, 0.75, drawn(0.75), decimals=3)
    again = release(first, 0.75, drawn(0.75), decimals=3)
    assert (again.moved, again.step) == (False, 0)


@pytest.mark.parametrize(("score", "draws"), [(None, None), (math.nan, drawn(0.9)), (0.9, None)])
def test_an_undefined_score_moves_nothing(score, draws):
    nothing = release(None, score, draws, decimals=3)
    assert (nothing.shown, nothing.moved, nothing.reason) == (None, False, UNDEFINED)
    first = release(nothing, 0.7, drawn(0.7), decimals=3)
    assert (first.shown, first.moved, first.reason) == (0.7, True, FIRST)
    after = release(first, score, draws, decimals=3)
    assert (after.shown, after.moved, after.reason, after.value) == (0.7, False, UNDEFINED, 0.7)


def test_a_score_that_many_resamples_leave_undefined_moves_nothing():
    draws = drawn(0.9)
    draws[: B // 20 + 1] = np.nan
    assert release(None, 0.9, draws, decimals=3).reason == UNDEFINED
    draws[0] = 0.9  # now 5 % are undefined
    assert release(None, 0.9, draws, decimals=3).moved


def test_options_and_draws_that_cannot_be_compared_are_refused():
    first = release(None, 0.7, drawn(0.7), decimals=3)
    with pytest.raises(ValueError, match="same resamples"):
        release(first, 0.8, drawn(0.8)[:-1], decimals=3)
    for options in ({"decimals": -1}, {"decimals": 7}, {"decimals": 3, "standard_errors": 0}):
        with pytest.raises(ValueError, match=r"decimals must lie|must be positive"):
            release(None, 0.7, drawn(0.7), **options)


def test_nothing_a_participant_reads_holds_another_number():
    first = release(None, 0.75123, drawn(0.75123), decimals=3)
    later = release(first, 0.75177, drawn(0.75177), decimals=3)
    for one in (first, later):
        assert not any(digit.isdigit() for digit in one.reason)
        assert "0.7512" not in repr(one)
        assert "0.7517" not in repr(one)


scores = st.one_of(st.none(), st.integers(0, 40).map(lambda i: 0.7 + i * 0.0007))


@settings(deadline=None, max_examples=60)
@given(values=st.lists(scores, max_size=8), order=st.randoms(use_true_random=False))
def test_releases_follow_the_order_of_receipt_and_never_change(values, order):
    """Scores arrive in any order; whatever has been released at any time stays, and the end is always the same."""
    received = [Submitted((i // 3, i), v, None if v is None else drawn(v, seed=i)) for i, v in enumerate(values)]
    told: dict = {}
    done: set = set()
    for submission in order.sample(received, len(received)):
        done.add(submission.order)
        now = [one if one.order in done else Submitted(one.order, pending=True) for one in received]
        order.shuffle(now)
        for one, released in releases(now, decimals=3):
            assert told.setdefault(one.order, released.shown) == released.shown
    final = releases(received, decimals=3)
    assert [one.order for one, _ in final] == [one.order for one in received]
    assert told == {one.order: released.shown for one, released in final}
    defined = [released.shown for _, released in final if released.shown is not None]
    assert defined == sorted(defined)
    moves = [released.shown for _, released in final if released.moved]
    assert all(after - before > 0.0009 for before, after in itertools.pairwise(moves))


def test_a_later_submission_waits_for_an_earlier_one():
    waiting = [Submitted(1, 0.7, drawn(0.7)), Submitted(2, pending=True), Submitted(3, 0.8, drawn(0.8))]
    assert [one.order for one, _ in releases(waiting, decimals=3)] == [1]


def test_draws_stored_in_single_precision_give_the_same_releases():
    values = (0.7 + 0.002 * np.random.default_rng(3).normal(np.arange(40), 5)).tolist()
    exact = [Submitted(i, value, drawn(value, seed=i)) for i, value in enumerate(values)]
    stored = [one._replace(draws=np.frombuffer(one.draws.astype("<f4").tobytes(), "<f4")) for one in exact]
    first, second = ([one.shown for _, one in releases(some, decimals=3)] for some in (exact, stored))
    assert first == second
    assert len(set(first)) > 2


def test_the_standard_error_of_real_draws_is_that_of_the_difference(sample):
    x, y = sample
    other = x + np.random.default_rng(1).normal(0, 0.4, x.size)
    names = [f"{i:03d}" for i in range(x.size)]
    key = dict(zip(names, y, strict=True))
    draws = []
    for values in (x, other):
        one = evaluate(dict(zip(names, values, strict=True)), key, bootstrap=0, formula="srocc")
        found = bootstrap_draws(one.predictions, one.mos, one.fit, None, Formula("srocc"), resamples=2000)
        draws.append(found["main"])

    # The jackknife by definition: leave one row out.
    def difference(rows):
        return scipy.stats.spearmanr(x[rows], y[rows])[0] - scipy.stats.spearmanr(other[rows], y[rows])[0]

    left = np.array([difference(np.delete(np.arange(x.size), i)) for i in range(x.size)])
    jackknife = math.sqrt((x.size - 1) / x.size * ((left - left.mean()) ** 2).sum())
    assert paired_standard_error(*draws) == pytest.approx(jackknife, rel=0.1)
    assert paired_standard_error(*draws) < 0.7 * draws[0].std()


@pytest.mark.parametrize(
    ("uncertainty", "decimals"),
    [
        (0.00827, 3),  # 0.008
        (0.0117, 3),  # 0.012
        (0.0354, 3),  # 0.035
        (0.0355, 2),  # 0.04
        (0.0949, 2),  # 0.09
        (0.0950, 2),  # 0.10
        (0.00998, 3),  # 0.010
        (0.5, 1),
        (2.0, 1),
        (40.0, 0),
        (1e-9, 6),
        (0.0, 6),
    ],
)
def test_decimals_follow_the_rule_of_the_particle_data_group(uncertainty, decimals):
    half = uncertainty * scipy.stats.norm.ppf(0.975)
    assert display_decimals([0.7 - half, 0.7 + half]) == decimals


@settings(deadline=None)
@given(st.floats(1e-5, 10))
def test_one_unit_of_the_last_decimal_is_commensurate_with_the_uncertainty(uncertainty):
    unit = 10.0 ** -display_decimals([-1.959963984540054 * uncertainty, 1.959963984540054 * uncertainty])
    assert uncertainty / 35.5 < unit
    assert unit < uncertainty / 3.54 or unit == 1


def test_an_interval_that_is_none_has_no_decimals():
    for interval in ([0.8, 0.7], [0.7, math.nan], [-math.inf, 0.7]):
        with pytest.raises(ValueError, match="interval"):
            display_decimals(interval)


def test_a_board_of_usual_size_shows_three_decimals():
    assert [board_decimals(n) for n in (200, 201, 2_000, 4_000, 19_519, 19_520)] == [2, 3, 3, 3, 3, 4]
    with pytest.raises(ValueError, match="n = 3"):
        board_decimals(3)
