"""Comparison of evaluations: definitions against a literal restatement, order, ties, undefined entries, error rates."""

import json
import math

import numpy as np
import pytest
import scipy.stats

import scoring
from scoring import compare, evaluate

B = 200


def board(x, y, noises, seed=1):
    """{name: Evaluation} of predictions x plus noise of the given sizes; the smallest noise is the best."""
    rng = np.random.default_rng(seed)
    names = [f"i{i:04d}" for i in range(x.size)]
    key = dict(zip(names, y, strict=True))
    return {
        f"e{i}": evaluate(dict(zip(names, x + rng.normal(0, noise, x.size), strict=True)), key, bootstrap=0)
        for i, noise in enumerate(noises)
    }


@pytest.fixture(scope="module")
def entries():
    rng = np.random.default_rng(7)
    quality = rng.uniform(-2, 2, 300)
    mos = np.clip(2.5 + quality + rng.normal(0, 0.6, 300), 0, 5)
    return board(quality, mos, [0.9, 0.5, 0.52, 1.4, 0.5])


def constant(like):
    return evaluate(dict.fromkeys(like.names, 1.0), dict(zip(like.names, like.mos, strict=True)), bootstrap=0)


def pair_of(comparison, one, other):
    pair = comparison.pair(one, other)
    assert pair is not None
    return pair


def literal_holm(p):
    """Holm's correction by its definition: sorted ascending, times m, m - 1, ..., running maximum."""
    order = np.argsort(p)
    adjusted = np.minimum(1, np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1)))
    return adjusted[np.argsort(order)]


@pytest.mark.parametrize("metric", ["main", "krocc", "rmse", "plcc_logistic4"])
def test_table_and_pairs_equal_a_literal_restatement(entries, metric):
    found = compare(entries, resamples=B, seed=3, metric=metric)
    sign = -1 if metric == "rmse" else 1
    draws = {}
    for name, one in entries.items():
        fit4 = scoring.fit_logistic(one.predictions, one.mos, form="logistic4")
        formula = scoring.Formula(one.formula)
        every = scoring.intervals.bootstrap_draws(one.predictions, one.mos, one.fit, fit4, formula, resamples=B, seed=3)
        draws[name] = sign * every[metric]
    assert [row["name"] for row in found.table] == sorted(entries, key=lambda e: -sign * getattr(entries[e], metric))
    assert [row["rank"] for row in found.table] == [1, 2, 3, 4, 5]
    codes = np.round(np.stack([draws[row["name"]] for row in found.table]), 6)
    ranks = np.stack([scipy.stats.rankdata(-column, method="dense") for column in codes.T], axis=1)
    for i, row in enumerate(found.table):
        assert row["value"] == getattr(entries[row["name"]], metric)
        assert row["interval"] == pytest.approx(sorted(sign * np.quantile(draws[row["name"]], [0.025, 0.975])))
        ordered = np.sort(ranks[i])
        assert row["rank_interval"][0] in ordered[[4, 5]]
        assert row["rank_interval"][1] in ordered[[194, 195]]
        assert row["first"] == pytest.approx(np.mean((ranks[i] == 1) / (ranks == 1).sum(axis=0)))
    assert sum(row["first"] for row in found.table) == pytest.approx(1)
    assert len(found.pairs) == 10
    for pair in found.pairs:
        lead = sign * (getattr(entries[pair["above"]], metric) - getattr(entries[pair["below"]], metric))
        drawn = draws[pair["above"]] - draws[pair["below"]]
        assert pair["lead"] == pytest.approx(lead, abs=1e-15)
        assert pair["ahead"] == pytest.approx(np.mean(drawn > 0), abs=1e-12)
        assert pair["interval"] == pytest.approx(list(np.quantile(drawn, [0.025, 0.975])))
        assert pair["p"] == pytest.approx(2 * scipy.stats.norm.sf(lead / drawn.std(ddof=1)), rel=1e-9)
    assert [pair["p_holm"] for pair in found.pairs] == pytest.approx(literal_holm([pair["p"] for pair in found.pairs]))


def test_intervals_are_those_of_the_evaluation(entries):
    one = entries["e0"]
    names = one.names
    with_intervals = evaluate(dict(zip(names, one.predictions, strict=True)), dict(zip(names, one.mos, strict=True)))
    for metric in ("main", "srocc", "krocc"):
        row = next(row for row in compare(entries, metric=metric).table if row["name"] == "e0")
        assert row["interval"] == with_intervals.intervals[metric]


def test_groups_are_led_by_their_best_entry(entries):
    found = compare(entries, resamples=B)
    assert [row["group"] for row in found.table] == [1, 1, 1, 2, 3]
    leaders: dict[int, str] = {}
    for row in found.table:
        leader = leaders.setdefault(row["group"], row["name"])
        assert row["name"] == leader or not pair_of(found, leader, row["name"])["different"]
    assert pair_of(found, leaders[2], leaders[1])["different"]
    assert found.pair("e0", "nobody") is None


def test_nothing_depends_on_the_order_of_entries_or_rows_or_on_the_batches(entries, monkeypatch):
    first = compare(entries, resamples=B, seed=4).to_dict()
    shuffled = {}
    for name in reversed(entries):
        one = entries[name]
        rows = np.random.default_rng(0).permutation(one.n)
        shuffled[name] = evaluate(
            {one.names[i]: one.predictions[i] for i in rows},
            {one.names[i]: one.mos[i] for i in rows[::-1]},
            bootstrap=0,
        )
    monkeypatch.setattr("scoring.comparison._BATCH", 2)
    assert compare(shuffled, resamples=B, seed=4).to_dict() == first
    assert compare(entries, resamples=B, seed=5).to_dict() != first
    listed = compare(list(entries.values()), resamples=B, seed=4)
    assert [row["value"] for row in listed.table] == [row["value"] for row in first["table"]]
    assert listed.table[0]["name"] == str(int(first["table"][0]["name"][1:]) + 1)


def test_equal_entries_share_a_rank_and_are_never_different(entries):
    one = entries["e1"]
    scaled = evaluate(
        dict(zip(one.names, one.predictions * 3 + 7, strict=True)),
        dict(zip(one.names, one.mos, strict=True)),
        bootstrap=0,
    )
    for metric in ("main", "srocc"):
        found = compare({"a": one, "b": scaled, "c": entries["e3"]}, resamples=B, metric=metric)
        assert [row["rank"] for row in found.table] == [1, 1, 2]
        assert [row["name"] for row in found.table] == ["a", "b", "c"]
        pair = pair_of(found, "a", "b")
        assert (pair["p"], pair["p_holm"], pair["ahead"], pair["different"]) == (1.0, 1.0, 0.5, False)
        assert [row["first"] for row in found.table[:2]] == pytest.approx([0.5, 0.5], abs=0.01)
        assert [row["rank_interval"] for row in found.table] == [[1, 1], [1, 1], [2, 2]]


def test_undefined_entries_have_no_rank_and_no_p_values(entries):
    spike = {name: float(i == 3) for i, name in enumerate(entries["e0"].names)}
    key = dict(zip(entries["e0"].names, entries["e0"].mos, strict=True))
    found = compare(
        {**entries, "constant": constant(entries["e0"]), "spike": evaluate(spike, key, bootstrap=0)}, resamples=B
    )
    rows = {row["name"]: row for row in found.table}
    assert found.table[-1]["name"] == "constant"
    nothing = dict.fromkeys(("value", "rank", "interval", "rank_interval", "first", "group"))
    assert rows["constant"] == {"name": "constant", **nothing, "reason": entries_reason(entries)}
    # Defined on the whole, but a third of the resamples lack the only row that differs.
    assert rows["spike"]["rank"] == 6
    assert rows["spike"]["interval"] is None
    assert "resamples" in rows["spike"]["reason"]
    assert {pair[side] for pair in found.pairs for side in ("above", "below")} == set(entries)
    assert [row for row in found.table if row["name"] in entries] == compare(entries, resamples=B).table
    json.dumps(found.to_dict(), allow_nan=False)


def entries_reason(entries):
    return constant(entries["e0"]).reasons["main"]


def test_few_entries(entries):
    assert compare({}).to_dict()["table"] == []
    alone = compare({"a": entries["e0"]}, resamples=B)
    assert (alone.table[0]["rank_interval"], alone.table[0]["first"], alone.table[0]["group"]) == ([1, 1], 1.0, 1)
    assert alone.pairs == []
    nobody = compare([constant(entries["e0"])] * 2, resamples=B)
    assert [row["rank"] for row in nobody.table] == [None, None]
    assert nobody.pairs == []


def test_other_rows_and_formulas_are_refused_by_name(entries):
    one = entries["e0"]
    rows = dict(zip(one.names, one.predictions, strict=True))
    key = dict(zip(one.names, one.mos, strict=True))
    other_mos = evaluate(rows, key | {one.names[5]: 0.123}, bootstrap=0)
    fewer = evaluate(dict(list(rows.items())[:200]), dict(list(key.items())[:200]), bootstrap=0)
    renamed = evaluate({f"x{k}": v for k, v in rows.items()}, {f"x{k}": v for k, v in key.items()}, bootstrap=0)
    for odd in (other_mos, fewer, renamed):
        with pytest.raises(ValueError, match=r"'a-odd'.* has other rows .* than 'e0'"):
            compare({"a-odd": odd, **entries}, resamples=B)
    formula = evaluate(rows, key, bootstrap=0, formula="srocc")
    with pytest.raises(ValueError, match=r"'odd'.* has another formula"):
        compare({**entries, "odd": formula}, resamples=B)
    assert len(compare({**entries, "odd": formula}, resamples=B, metric="srocc").table) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "n"}, "unknown metric"),
        ({"test": "t"}, "unknown test"),
        ({"test": "steiger"}, "not main"),
        ({"test": "williams", "metric": "krocc"}, "not krocc"),
        ({"level": 1.0}, "level"),
        ({"resamples": 1}, "resamples"),
    ],
)
def test_wrong_options_are_refused(entries, options, message):
    with pytest.raises(ValueError, match=message):
        compare(entries, **options)


@pytest.mark.parametrize("metric", ["pearson", "plcc", "srocc", "plcc_logistic4"])
def test_the_three_tests_agree(entries, metric):
    entries = {name: entries[name] for name in ("e0", "e1", "e2")}
    found = {test: compare(entries, resamples=1000, metric=metric, test=test) for test in scoring.comparison.TESTS}
    z = {test: np.array([scipy.stats.norm.isf(pair["p"] / 2) for pair in one.pairs]) for test, one in found.items()}
    assert z["steiger"] == pytest.approx(z["williams"], abs=0.15)
    # The bootstrap takes the marginals as they are; the other two take them as Gaussian.
    assert z["bootstrap"] == pytest.approx(z["steiger"], rel=0.25, abs=0.2)
    assert found["steiger"].table[0]["interval"] == found["bootstrap"].table[0]["interval"]


def test_steiger_on_plcc_uses_the_maps(entries):
    pair = pair_of(compare(entries, resamples=2, metric="plcc", test="steiger"), "e0", "e1")
    one, other = entries["e0"], entries["e1"]
    between = np.corrcoef(one.fit.predict(one.predictions), other.fit.predict(other.predictions))[0, 1]
    expected = scoring.analytic.steiger_test(one.plcc, other.plcc, between, one.n)
    assert pair["p"] == pytest.approx(expected.p, rel=1e-9)
    same = compare([one, one, other], resamples=2, metric="pearson", test="steiger")
    assert pair_of(same, "1", "2")["p"] == 1.0
    perfect = evaluate(dict(zip(one.names, one.mos, strict=True)), dict(zip(one.names, one.mos, strict=True)))
    undefined = compare([perfect, one], resamples=2, metric="srocc", test="steiger")
    assert (undefined.pairs[0]["p"], undefined.pairs[0]["p_holm"], undefined.pairs[0]["different"]) == (
        None,
        None,
        False,
    )


@pytest.mark.slow
def test_five_percent_of_equally_good_pairs_are_called_different():
    rng = np.random.default_rng(11)
    repetitions, n = 120, 150
    p = []
    for _ in range(repetitions):
        y = rng.normal(size=n)
        common = y + rng.normal(0, 0.5, n)
        two = [dict(enumerate(common + rng.normal(0, 0.5, n))) for _ in range(2)]
        both = [evaluate(one, dict(enumerate(y)), bootstrap=0, formula="srocc") for one in two]
        p.append(compare(both, resamples=100).pairs[0]["p"])
    # Standard error 0.02.
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.045)
    assert np.mean(np.array(p) < 0.5) == pytest.approx(0.5, abs=0.1)


def test_a_large_board_can_still_tell_entries_apart():
    """Holm over 1,225 pairs: counted p-values could not go below 2 / 201."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    found = compare(board(y, rng.normal(0, 0.5, 300) + y, np.linspace(0.2, 3, 50)), resamples=B)
    assert found.table[0]["group"] == 1
    assert found.table[-1]["group"] > 2
    assert not math.isnan(sum(pair["p"] for pair in found.pairs))


def test_draws_that_were_kept_give_the_same_comparison(entries):
    kept = {
        name: evaluate(
            dict(zip(one.names, one.predictions, strict=True)),
            dict(zip(one.names, one.mos, strict=True)),
            bootstrap=B,
            seed=3,
        )
        for name, one in entries.items()
    }
    kept["constant"] = constant(next(iter(entries.values())))
    values = {name: one.main for name, one in kept.items()}
    draws = {name: one.draws if one.draws.size else np.full(B, np.nan) for name, one in kept.items()}
    found = scoring.compare_draws(values, draws, n=300, seed=3).to_dict()
    expected = compare(entries | {"constant": kept["constant"]}, resamples=B, seed=3).to_dict()
    for row in expected["table"]:
        row["reason"] = ""  # the draws do not tell it
    assert found == expected
    with pytest.raises(ValueError, match="as many as every other"):
        scoring.compare_draws({"a": 1.0}, {"b": np.ones(3)}, n=3)


def test_the_order_of_entries_in_a_comparison_of_draws_does_not_matter(entries):
    rng = np.random.default_rng(0)
    draws = {name: rng.normal(index / 4, 1, B) for index, name in enumerate("abc")}
    values = {"a": 0.1, "b": 0.2, "c": 0.2}
    turned = scoring.compare_draws(dict(reversed(values.items())), dict(reversed(draws.items())), n=9)
    assert turned.to_dict() == scoring.compare_draws(values, draws, n=9).to_dict()
