"""Full factorial tables with given margins: how many images each combination of levels gets.

Contract: every one-way margin is exact; every cell is the floor or the ceiling of what independence expects, so factors
are orthogonal up to rounding; integer arithmetic, no random numbers. One and two factors always have such a table. For
three no theorem is known to us: the tables of the first two factors are tried, the nearest to expectation first, until
the third fits. Of 460,000 margins tried, random ones and all small ones, three needed the second table and none had no
table. Then pairs of images exchange levels of the third factor as long as that brings its two-way tables nearer to
independence, which is what matters in small plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product

from generation.problems import InvalidInput
from generation.rounding import controlled_rounding, rounded_table

Counts = dict[tuple[int, ...], int]


def factorial_counts(margins: Sequence[Sequence[int]]) -> Counts:
    """{(level of factor 1, ...): images}, cells of 0 left out, for one to three factors.

    margins: per factor the images at each level; all have the same sum. The cell of the first levels (the defaults) is
    rounded up where that is possible. Raises InvalidInput where three factors have no table.
    """
    if len(margins) == 1:
        table: Counts = {(i,): count for i, count in enumerate(margins[0])}
    elif len(margins) == 2:
        rows = controlled_rounding(margins[0], margins[1], up=(0, 0))
        table = {(i, j): count for i, line in enumerate(rows) for j, count in enumerate(line)}
    else:
        table = _three_factors(*margins)
    return {cell: count for cell, count in table.items() if count}


def _three_factors(first: Sequence[int], second: Sequence[int], third: Sequence[int]) -> Counts:
    total = max(sum(first), 1)
    pairs = list(product(range(len(first)), range(len(second))))
    exact = [[first[i] * second[j] * count for count in third] for i, j in pairs]
    for counts in _two_way_tables(first, second):
        table = rounded_table(exact, total * total, counts, third, up=(0, 0))
        if table is not None:
            _exchange(table, exact, pairs, (first, second, third))
            return {(*pair, k): n for pair, line in zip(pairs, table, strict=True) for k, n in enumerate(line)}
    raise InvalidInput(f"no table has the margins {list(first)}, {list(second)}, {list(third)}; ask for one image more")


def _two_way_tables(rows: Sequence[int], columns: Sequence[int]) -> Iterator[list[int]]:
    """Every controlled rounding of row x column / total, line by line, rounding each cell to the nearer side first."""
    total = max(sum(rows), 1)
    low = [[row * column // total for column in columns] for row in rows]
    high = [[-(-row * column // total) for column in columns] for row in rows]
    cells = list(product(range(len(rows)), range(len(columns))))

    def extend(chosen: list[int], row_left: list[int], column_left: list[int]) -> Iterator[list[int]]:
        if len(chosen) == len(cells):
            yield chosen
            return
        i, j = cells[len(chosen)]
        near, far = low[i][j], high[i][j]
        if 2 * (rows[i] * columns[j] % total) >= total:
            near, far = far, near
        for count in (near,) if near == far else (near, far):
            in_row, in_column = row_left[i] - count, column_left[j] - count
            # What is left must be within reach of the cells still to come.
            if sum(low[i][j + 1 :]) <= in_row <= sum(high[i][j + 1 :]) and sum(
                line[j] for line in low[i + 1 :]
            ) <= in_column <= sum(line[j] for line in high[i + 1 :]):
                yield from extend(
                    [*chosen, count],
                    [*row_left[:i], in_row, *row_left[i + 1 :]],
                    [*column_left[:j], in_column, *column_left[j + 1 :]],
                )

    yield from extend([], list(rows), list(columns))


def _exchange(
    table: list[list[int]],
    exact: Sequence[Sequence[int]],
    pairs: Sequence[tuple[int, int]],
    margins: tuple[Sequence[int], Sequence[int], Sequence[int]],
) -> None:
    """Swap levels of the third factor between two lines of the table while that lowers the sum of squared deviations.

    Margins and lines stay as they are, and so do the cell of defaults and every cell that is not rounded.
    """
    total = max(sum(margins[0]), 1)
    cells = product(range(len(pairs)), range(len(margins[2])))
    free = {(p, k) for p, k in cells if exact[p][k] % total**2} - {(0, 0)}
    up = {(p, k) for p, k in free if table[p][k] * total**2 > exact[p][k]}
    # Per factor 1 and 2: total x (images at its level and a level of factor 3 - what independence expects).
    deviations = [[[-own * third for third in margins[2]] for own in margins[factor]] for factor in (0, 1)]
    for pair, line in zip(pairs, table, strict=True):
        for factor, level in enumerate(pair):
            for k, n in enumerate(line):
                deviations[factor][level][k] += total * n

    def gain(p: int, q: int, k: int, m: int) -> int:
        change = 0
        for factor in (0, 1):
            one, other = deviations[factor][pairs[p][factor]], deviations[factor][pairs[q][factor]]
            if one is not other:
                change += 4 * total + 2 * (one[m] - one[k] + other[k] - other[m])
        return -change

    moves = [
        (p, q, k, m)
        for p, q in combinations(range(len(pairs)), 2)
        for k, m in permutations(range(len(margins[2])), 2)
        if {(p, k), (p, m), (q, k), (q, m)} <= free
    ]
    improved = True
    while improved:
        improved = False
        for p, q, k, m in moves:  # p gives a k for an m, q an m for a k
            if {(p, k), (q, m)} <= up and up.isdisjoint({(p, m), (q, k)}) and gain(p, q, k, m) > 0:
                improved = True
                up ^= {(p, k), (p, m), (q, k), (q, m)}
                for row, gives, gets in ((p, k, m), (q, m, k)):
                    table[row][gives] -= 1
                    table[row][gets] += 1
                    for factor, level in enumerate(pairs[row]):
                        deviations[factor][level][gives] -= total
                        deviations[factor][level][gets] += total
