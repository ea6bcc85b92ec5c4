"""Whole numbers in given proportions, with every margin exact: apportionment and controlled rounding.

Contract: integer arithmetic only, no random numbers and no solver, so the same input gives the same table everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

Cell = tuple[int, int]


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in proportion to `weights` (not all 0) by largest remainder (Hamilton's method); ties go to the earlier.

    Each part is the floor or the ceiling of its exact share. Raises ValueError when all weights are 0.
    """
    whole = sum(weights)
    if whole == 0:
        raise ValueError("the weights are all 0")
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def apportion_at_least_one(total: int, weights: Sequence[int]) -> list[int]:
    """As `apportion` for positive weights, but nobody gets less than 1. Needs total >= len(weights)."""
    parts = [1] * len(weights)
    rest = set(range(len(weights)))
    while rest:
        left = total - (len(weights) - len(rest))
        order = sorted(rest)
        whole = sum(weights[i] for i in order)
        below = {i for i in order if left * weights[i] < whole}
        if not below:
            for i, part in zip(order, apportion(left, [weights[i] for i in order]), strict=True):
                parts[i] = part
            break
        rest -= below
    return parts


def controlled_rounding(rows: Sequence[int], columns: Sequence[int], up: Cell | None = None) -> list[list[int]]:
    """The integer table with these margins whose cells are the floor or ceiling of row x column / total.

    One always exists: the exact table satisfies all constraints, and those of a two-way table are a network, whose
    corners are whole (Bacharach 1966; Cox and Ernst 1982). By the same argument any one cell can be asked to be rounded
    up: `up`. Raises ValueError when the margins do not have the same sum.
    """
    total = sum(rows)
    if total != sum(columns):
        raise ValueError(f"the rows add up to {total}, the columns to {sum(columns)}")
    exact = [[row * column for column in columns] for row in rows]
    table = rounded_table(exact, max(total, 1), rows, columns, up)
    assert table is not None  # noqa: S101 (see above: it exists)
    return table


def rounded_table(
    exact: Sequence[Sequence[int]], divisor: int, rows: Sequence[int], columns: Sequence[int], up: Cell | None = None
) -> list[list[int]] | None:
    """The table with these margins whose cells are the floor or ceiling of exact / divisor; None when there is none.

    `up`: a cell to round up, where that is possible.
    """
    table = [[value // divisor for value in line] for line in exact]
    remainders = {(i, j): value % divisor for i, line in enumerate(exact) for j, value in enumerate(line)}
    open_cells = sorted((cell for cell, rest in remainders.items() if rest), key=lambda cell: (-remainders[cell], cell))
    row_need = [row - sum(line) for row, line in zip(rows, table, strict=True)]
    column_need = [column - sum(line[j] for line in table) for j, column in enumerate(columns)]
    chosen: Collection[Cell] | None = None
    if up is not None and remainders.get(up):
        others = [cell for cell in open_cells if cell != up]
        chosen = _choose(others, _less_one(row_need, up[0]), _less_one(column_need, up[1]))
        chosen = None if chosen is None else {*chosen, up}
    if chosen is None:
        chosen = _choose(open_cells, row_need, column_need)
    if chosen is None:
        return None
    for i, j in chosen:
        table[i][j] += 1
    return table


def _less_one(needs: Sequence[int], place: int) -> list[int]:
    return [need - (i == place) for i, need in enumerate(needs)]


def _choose(open_cells: Sequence[Cell], row_need: Sequence[int], column_need: Sequence[int]) -> set[Cell] | None:
    """As many of the cells in each row and column as it needs, the earlier first; None when that cannot be.

    A maximum flow of unit capacities by augmenting paths: each step adds one cell to a row, perhaps by moving others.
    """
    if sum(row_need) != sum(column_need) or min(*row_need, *column_need, 0) < 0:
        return None
    columns_of: dict[int, list[int]] = {i: [] for i in range(len(row_need))}
    for i, j in open_cells:
        columns_of[i].append(j)
    left = list(column_need)
    taken_by: dict[int, list[int]] = {j: [] for j in range(len(column_need))}
    for row, need in enumerate(row_need):
        for _ in range(need):
            path = _augmenting_path(row, columns_of, taken_by, left)
            if path is None:
                return None
            for step, (i, j) in enumerate(path):
                taken_by[j].append(i)
                if step:
                    taken_by[path[step - 1][1]].remove(i)
            left[path[-1][1]] -= 1
    return {(i, j) for j, takers in taken_by.items() for i in takers}


def _augmenting_path(
    start: int, columns_of: dict[int, list[int]], taken_by: dict[int, list[int]], left: Sequence[int]
) -> list[Cell] | None:
    """Cells to take so that `start` has one more: each row on the way gives its cell in the column before to the last.

    Breadth first, so the shortest such path.
    """
    reached: dict[int, Cell | None] = {start: None}  # row -> the cell it was asked to leave
    came: dict[int, int] = {}  # column -> the row that wants it
    queue = [start]
    for row in queue:
        for column in columns_of[row]:
            if column in came or row in taken_by[column]:
                continue
            came[column] = row
            if left[column]:
                path = [(row, column)]
                while (leaving := reached[path[-1][0]]) is not None:
                    path.append((came[leaving[1]], leaving[1]))
                return path[::-1]
            for holder in taken_by[column]:
                if holder not in reached:
                    reached[holder] = (holder, column)
                    queue.append(holder)
    return None
