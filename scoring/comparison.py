"""Which differences on a board are real: paired bootstrap, p-values, rank intervals and groups of tied entries.

Every entry meets the same resamples of the rows (see scoring.intervals), so a difference is taken within each
resample and what two entries have in common cancels. Definitions, for entries a above b and B resamples:

- values and draws are compared as on the board: to six decimals, equal ones share a rank, ranks are dense (1, 1, 2);
- p = 2 Phi(-|lead| / sd of the lead over the resamples), and 1 where the lead is below 1e-6 (a bootstrap Wald test).
  Counting draws on either side of 0 cannot give less than 2 / (B + 1): after Holm's correction nothing would be
  significant on a board of eight or more entries with B = 1,000. The counts are told as `ahead` instead;
- p_holm: Holm's step-down correction over all pairs of entries that can be compared;
- groups: the best entry leads group 1; entries follow in board order as long as they are not significantly different
  from the group's leader (p_holm > 1 - level); the first that is leads the next group. Every entry is in one group.

Contract: nothing depends on the order of rows or entries; the same seed gives the same bits. An entry whose metric is
undefined, or undefined on more than 5 % of the resamples, has no interval and no p-values, with a reason. Memory:
a slab of resamples and the draws, 8 bytes per entry and resample.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.analytic import DependentTest, normal_p, steiger_test, williams_test
from scoring.correlations import centred, dense_codes, twice_mid_ranks
from scoring.evaluation import Evaluation
from scoring.formula import METRICS, RANK_DECIMALS, Formula
from scoring.intervals import MOSTLY, DrawKernel, multiplicities
from scoring.logistic import fit_logistic
from scoring.scratch import Scratch

Floats = NDArray[np.float64]

TESTS = ("bootstrap", "steiger", "williams")
RESOLUTION = 10.0**-RANK_DECIMALS
_CORRELATIONS = ("srocc", "pearson", "plcc", "plcc_logistic4")  # metrics that are a Pearson correlation of something
_BATCH = 16  # entries driven through each slab of resamples together


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found.

    `table`: one dictionary per entry in board order (equal ranks by name): name, value, rank, interval, rank_interval,
    first (probability of being first; the probabilities add up to 1), group, reason (why something is None, else "").
    `pairs`: one dictionary per pair of entries that can be compared: above, below, lead (larger: `above` is better),
    interval (of the lead), ahead (share of resamples with `above` better, ties half), p, p_holm, different.
    """

    metric: str
    n: int
    resamples: int
    seed: int
    level: float
    test: str
    table: list[dict[str, Any]]
    pairs: list[dict[str, Any]] = field(repr=False)

    def pair(self, one: str, other: str) -> dict[str, Any] | None:
        """The entry of `pairs` for two names in either order; None where they cannot be compared."""
        return next((pair for pair in self.pairs if {pair["above"], pair["below"]} == {one, other}), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form: None where undefined, never nan."""
        return {
            "metric": self.metric,
            "n": self.n,
            "resamples": self.resamples,
            "seed": self.seed,
            "level": self.level,
            "test": self.test,
            "table": [dict(row) for row in self.table],
            "pairs": [dict(pair) for pair in self.pairs],
        }


def compare(
    evaluations: Mapping[str, Evaluation] | Sequence[Evaluation],
    *,
    resamples: int = 1000,
    seed: int = 0,
    metric: str = "main",
    level: float = 0.95,
    test: str = "bootstrap",
) -> Comparison:
    """Compare evaluations of one answer key; a list gets the names "1", "2", ... in its order.

    test: where the p-values come from. "steiger" and "williams" are for pearson, plcc, plcc_logistic4 (the fitted maps
    taken as given) and, as an approximation, srocc (on mid-ranks); all else stays with the bootstrap.
    Raises ValueError when an entry has other rows or another formula (naming it), for a main score that uses one of
    scoring.formula.CRITERIA, and for an unknown option.
    """
    named = _named(evaluations)
    _check_options(resamples, metric, level, test)
    _check_same(named, {name: _fingerprint(one) for name, one in named.items()}, "has other rows (names or MOS)")
    if metric == "main":
        _check_same(named, {name: one.formula for name, one in named.items()}, "has another formula")
        _check_resampled(next((one.formula for one in named.values()), None))
    # Larger is better from here on.
    sign = -1.0 if metric == "rmse" else 1.0
    values = {name: None if (v := getattr(one, metric)) is None else sign * float(v) for name, one in named.items()}
    draws = dict(zip(named, _draws(list(named.values()), metric, sign, resamples, seed), strict=True))

    def replace_p(pairs: list[dict[str, Any]], names: Sequence[str]) -> None:
        if test != "bootstrap":
            _replace_p(pairs, names, [named[name] for name in names], metric, test)

    table, pairs = _compared(values, draws, level, replace_p)
    for row in table:
        if row["value"] is None:
            row["reason"] = named[row["name"]].reasons.get(metric, "") or f"{metric} is undefined"
        elif row["interval"] is None:
            row["reason"] = f"{metric} is undefined on more than {1 - MOSTLY:.0%} of the resamples"
        if sign < 0:
            _turn_round(row)
    n = next((one.n for one in named.values()), 0)
    return Comparison(metric, n, resamples, seed, level, test, table, pairs)


def compare_draws(
    values: Mapping[str, float | None], draws: Mapping[str, Floats], *, n: int, seed: int = 0, level: float = 0.95
) -> Comparison:
    """As `compare`, from main scores and their draws (`Evaluation.draws`) that were worked out before.

    All draws must come from the same rows, seed and number of resamples. Raises ValueError when their number differs.
    """
    sizes = {one.size for one in draws.values()}
    if len(sizes) > 1 or values.keys() != draws.keys():
        raise ValueError("every entry needs a value and draws, as many as every other entry has")
    names = sorted(values)
    table, pairs = _compared(
        {name: values[name] for name in names},
        {name: draws[name] for name in names},
        level,
        lambda _pairs, _names: None,
    )
    return Comparison("main", n, max(sizes, default=0), seed, level, "bootstrap", table, pairs)


def _compared(
    values: Mapping[str, float | None],
    draws: Mapping[str, Floats],
    level: float,
    replace_p: Callable[[list[dict[str, Any]], Sequence[str]], None],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Table and pairs of entries in ascending order of name, larger values being better."""
    board = sorted(values, key=lambda name: (math.inf if (v := values[name]) is None else -_code(v), name))
    kept = [
        name
        for name in board
        if values[name] is not None and np.count_nonzero(np.isfinite(draws[name])) >= MOSTLY * draws[name].size
    ]
    rows = np.array([draws[name] for name in kept]) if kept else np.empty((0, 0))
    pairs = _pairs(kept, [values[name] or 0.0 for name in kept], rows, level)
    replace_p(pairs, kept)
    _correct(pairs, level)
    return _table(board, values, kept=kept, draws=rows, groups=_groups(kept, pairs), level=level), pairs


def _turn_round(row: dict[str, Any]) -> None:
    """Back from larger is better to the metric itself."""
    row["value"] = None if row["value"] is None else -row["value"]
    if row["interval"] is not None:
        row["interval"] = [-row["interval"][1], -row["interval"][0]]


def _named(evaluations: Mapping[str, Evaluation] | Sequence[Evaluation]) -> dict[str, Evaluation]:
    """In ascending order of name, so that the order given cannot matter."""
    if isinstance(evaluations, Mapping):
        return {str(name): evaluations[name] for name in sorted(evaluations)}
    return {str(i): one for i, one in enumerate(evaluations, start=1)}


def _check_options(resamples: int, metric: str, level: float, test: str) -> None:
    if metric not in ("main", *METRICS):
        raise ValueError(f"unknown metric {metric!r}; known are main, {', '.join(METRICS)}")
    if test not in TESTS:
        raise ValueError(f"unknown test {test!r}; known are {', '.join(TESTS)}")
    if test != "bootstrap" and metric not in _CORRELATIONS:
        raise ValueError(f"the {test} test is for {', '.join(_CORRELATIONS)}, not {metric}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    if resamples < 2:
        raise ValueError(f"at least 2 resamples are needed, not {resamples}")


def _fingerprint(evaluation: Evaluation) -> str:
    digest = sha256(np.ascontiguousarray(evaluation.mos, dtype=np.float64).tobytes())
    digest.update("\0".join((str(evaluation.n), *evaluation.names)).encode())
    return digest.hexdigest()


def _check_same(named: Mapping[str, Evaluation], marks: Mapping[str, str], fault: str) -> None:
    """Raises ValueError naming the entries that differ from what most have (the first name decides between equals)."""
    if len(set(marks.values())) <= 1:
        return
    usual = Counter(marks.values()).most_common(1)[0][0]
    like = next(name for name in marks if marks[name] == usual)
    odd = [f"{name!r} (n = {named[name].n})" for name in marks if marks[name] != usual]
    shown = ", ".join(odd[:5]) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
    raise ValueError(f"{shown} {fault} than {like!r} (n = {named[like].n}): only scores on one key can be compared")


def _check_resampled(formula: str | None) -> None:
    """Raises ValueError when the main score uses a criterion that is not computed on resamples."""
    used = Formula(formula).criteria if formula is not None else ()
    if used:
        raise ValueError(f"main uses {', '.join(used)}, not computed on resamples: compare {', '.join(METRICS)}")


def _code(value: float) -> float:
    """What the board compares."""
    return round(value, RANK_DECIMALS)


def _draws(entries: Sequence[Evaluation], metric: str, sign: float, resamples: int, seed: int) -> Floats:
    """The metric on each resample, shape (entries, resamples), nan where undefined."""
    found = np.full((len(entries), resamples), np.nan)
    scratch = Scratch()
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        kernels = [_kernel(one, metric, scratch) for one in batch]
        slabs: list[list[dict[str, Floats]]] = [[] for _ in batch]
        for weights in multiplicities(batch[0].n, resamples, seed):
            for kernel, own in zip(kernels, slabs, strict=True):
                own.append(kernel(weights))
        for i, (kernel, own) in enumerate(zip(kernels, slabs, strict=True), start=start):
            values = kernel.join(own).get(metric)
            if values is not None:
                found[i] = sign * values
    return found


def _kernel(one: Evaluation, metric: str, scratch: Scratch) -> DrawKernel:
    formula = Formula(one.formula)
    with_fit4 = metric == "plcc_logistic4" or (metric == "main" and "plcc_logistic4" in formula.metrics)
    fit4 = fit_logistic(one.predictions, one.mos, form="logistic4") if with_fit4 else None
    return DrawKernel(one.predictions, one.mos, one.fit, fit4, formula, wanted={metric}, scratch=scratch)


def _pairs(names: Sequence[str], values: Sequence[float], draws: Floats, level: float) -> list[dict[str, Any]]:
    """All pairs in board order, with the bootstrap's p; p_holm and different are still to come."""
    pairs: list[dict[str, Any]] = []
    tails = [(1 - level) / 2, (1 + level) / 2]
    for i, above in enumerate(names[:-1]):
        leads = draws[i] - draws[i + 1 :]
        defined = np.isfinite(leads)
        for j, below in enumerate(names[i + 1 :]):
            drawn = leads[j] if defined[j].all() else leads[j][defined[j]]
            lead = values[i] - values[i + 1 + j]
            low, high = np.quantile(drawn, tails).tolist()
            wins = np.count_nonzero(drawn >= RESOLUTION / 2) - np.count_nonzero(drawn <= -RESOLUTION / 2)
            pairs.append(
                {
                    "above": above,
                    "below": below,
                    "lead": lead,
                    "interval": [low, high],
                    "ahead": float(0.5 + 0.5 * wins / drawn.size),
                    "p": _wald(lead, float(drawn.std(ddof=1))),
                }
            )
    return pairs


def _wald(lead: float, deviation: float) -> float:
    if abs(lead) < RESOLUTION:
        return 1.0
    return normal_p(lead / deviation) if deviation > 0 else 0.0


def _replace_p(
    pairs: list[dict[str, Any]], names: Sequence[str], entries: Sequence[Evaluation], metric: str, test: str
) -> None:
    """Steiger's or Williams' p-values in place of the bootstrap's; None where the test is undefined."""
    rule = steiger_test if test == "steiger" else williams_test
    columns = np.stack([_unit(_correlated(one, metric)) for one in entries]) if entries else np.empty((0, 0))
    between = columns @ columns.T
    place = {name: i for i, name in enumerate(names)}
    for pair in pairs:
        i, j = place[pair["above"]], place[pair["below"]]
        one, other = getattr(entries[i], metric), getattr(entries[j], metric)
        result: DependentTest | None = rule(one, other, float(np.clip(between[i, j], -1, 1)), entries[i].n)
        if abs(pair["lead"]) < RESOLUTION:
            pair["p"] = 1.0
        else:
            pair["p"] = None if result is None else result.p


def _correlated(one: Evaluation, metric: str) -> Floats:
    """The values whose Pearson correlation with the MOS (srocc: with its ranks) is the metric."""
    if metric == "pearson":
        return one.predictions
    if metric == "srocc":
        return twice_mid_ranks(dense_codes(one.predictions)).astype(np.float64)
    fit = one.fit if metric == "plcc" else fit_logistic(one.predictions, one.mos, form="logistic4")
    return fit.direction * fit.predict(one.predictions)


def _unit(values: Floats) -> Floats:
    deviation = centred(values)
    return np.asarray(deviation / math.sqrt(float(deviation @ deviation)))


def _correct(pairs: list[dict[str, Any]], level: float) -> None:
    """Holm (1979): the k-th smallest of m p-values times m - k + 1, never below the one before, at most 1."""
    order = sorted((i for i, pair in enumerate(pairs) if pair["p"] is not None), key=lambda i: pairs[i]["p"])
    reached = 0.0
    for step, i in enumerate(order):
        reached = max(reached, min(1.0, pairs[i]["p"] * (len(order) - step)))
        pairs[i]["p_holm"] = reached
    for pair in pairs:
        pair.setdefault("p_holm", None)
        pair["different"] = pair["p_holm"] is not None and pair["p_holm"] <= 1 - level


def _groups(names: Sequence[str], pairs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The number of each entry's group; the groups are runs in board order."""
    different = {(pair["above"], pair["below"]) for pair in pairs if pair["different"]}
    groups: dict[str, int] = {}
    leader, number = "", 0
    for name in names:
        if number == 0 or (leader, name) in different:
            leader, number = name, number + 1
        groups[name] = number
    return groups


def _table(
    board: Sequence[str],
    values: Mapping[str, float | None],
    *,
    kept: Sequence[str],
    draws: Floats,
    groups: Mapping[str, int],
    level: float,
) -> list[dict[str, Any]]:
    """One row per entry in board order; reasons are still to come."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    ranks, first = _drawn_ranks(draws)
    place = {name: i for i, name in enumerate(kept)}
    table = []
    for name, rank in zip(board, _board_ranks(board, values), strict=True):
        value = values[name]
        row: dict[str, Any] = {
            "name": name,
            "value": value,
            "rank": rank,
            "interval": None,
            "rank_interval": None,
            "first": None,
            "group": groups.get(name),
            "reason": "",
        }
        if name in place:
            own = draws[place[name]]
            row["interval"] = np.quantile(own[np.isfinite(own)], tails).tolist()
            row["rank_interval"] = [
                int(v) for v in np.quantile(ranks[place[name]], tails, method="inverted_cdf").tolist()
            ]
            row["first"] = float(first[place[name]])
        table.append(row)
    return table


def _board_ranks(board: Sequence[str], values: Mapping[str, float | None]) -> Iterator[int | None]:
    """Dense ranks of entries in board order."""
    rank, last = 0, math.nan
    for name in board:
        value = values[name]
        if value is None:
            yield None
            continue
        if _code(value) != last:
            rank, last = rank + 1, _code(value)
        yield rank


def _drawn_ranks(draws: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Dense ranks on each resample, shape of the draws, and the share of resamples each entry leads (ties split).

    An entry that is undefined on a resample comes last on it.
    """
    ranks = np.empty(draws.shape, dtype=np.int64)
    first = np.zeros(draws.shape[0])
    codes = np.where(np.isfinite(draws), np.rint(draws / RESOLUTION), -np.inf)
    for b in range(draws.shape[1] if draws.shape[0] else 0):
        # dense_codes counts upwards from the smallest: turned round, the best comes first.
        ranks[:, b] = dense_codes(-codes[:, b]) + 1
        leads = ranks[:, b] == 1
        first += leads / np.count_nonzero(leads)
    return ranks, first / draws.shape[1]
