"""The parties of benchmarks/leak.py: the hidden world, a board before one team, and the attackers.

Attackers know the rules of the board and everything about the images but their MOS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring import Formula, fit_logistic, srocc
from scoring.formula import DEFAULT_FORMULA
from scoring.intervals import DrawKernel, multiplicities
from scoring.ladder import Released, release
from scoring.leak_budget import cost_of_numbers, cost_of_score, remaining
from scoring.logistic import finite_or_none

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

FORMULA = Formula(DEFAULT_FORMULA)
CLIMB = 0.03  # size of the climber's steps, in standard deviations of its file; 0.01 and 0.1 gained less
PROBE = 0.1  # size of the estimator's noise, likewise


class World:
    """All MOS, the hidden rows first, and scores of files on any rows, kept because attacks repeat files."""

    def __init__(self, mos: Floats, hidden: int, resamples: int) -> None:
        self.mos = mos
        self.hidden, self.fresh = np.arange(hidden), np.arange(hidden, mos.size)
        self.resamples = resamples
        self._scores: dict[bytes, float] = {}
        self._draws: dict[bytes, Floats] = {}

    def score(self, file: Floats, rows: Rows) -> float:
        """The default main score as `scoring.evaluate` has it (which also works out what is not needed here)."""
        key = _digest(file, rows)
        if key not in self._scores:
            x, y = file[rows], self.mos[rows]
            main = FORMULA.evaluate(
                {"srocc": finite_or_none(srocc(x, y)), "plcc": finite_or_none(fit_logistic(x, y).plcc)}
            )
            self._scores[key] = 0.0 if main is None else main  # of constant files: what the attackers guess then
        return self._scores[key]

    def draws(self, file: Floats, rows: Rows) -> Floats:
        """Main on each resample, shape (resamples,)."""
        key = _digest(file, rows)
        if key not in self._draws:
            self._draws[key] = main_draws(file[rows], self.mos[rows], self.resamples)
        return self._draws[key]


def _digest(file: Floats, rows: Rows) -> bytes:
    return blake2b(file[rows].tobytes()).digest()


def main_draws(x: Floats, y: Floats, resamples: int) -> Floats:
    """Main on each resample of the rows of x and y, shape (resamples,)."""
    kernel = DrawKernel(x, y, fit_logistic(x, y), None, FORMULA, wanted={"main"})
    return kernel.join([kernel(weights) for weights in multiplicities(x.size, resamples, 0)])["main"]


class Answer(NamedTuple):
    """What the team is told: the score shown, and whether this file moved it."""

    shown: float
    moved: bool


class Board:
    """One team before one board: `decimals` of the score of every file on `rows`, or the releases of a Ladder.

    deciding: the rows that decide in the end. `bits`, `moves`: what the team has been told so far.
    """

    def __init__(
        self,
        world: World,
        rows: Rows,
        deciding: Rows,
        *,
        decimals: int,
        ladder: bool = False,
        standard_errors: float = 1.0,
        budget: float = math.inf,
    ) -> None:
        self.world, self.rows, self.deciding = world, rows, deciding
        self.decimals, self.ladder = decimals, ladder
        self.standard_errors, self.budget = standard_errors, budget
        self.bits, self.moves = 0.0, 0
        self._best = -math.inf
        self._last: Released | None = None

    def submit(self, file: Floats) -> Answer:
        """One more file. Without budget for a score that moves, nothing is told any more."""
        score = self.world.score(file, self.rows)
        if not self.ladder:
            shown = round(score, self.decimals)
            answer = Answer(shown, shown > self._best)
            self._best = max(self._best, shown)
            self.bits += cost_of_numbers(1, decimals=self.decimals)
        elif remaining(self.budget, [self.bits]) < cost_of_score(True, decimals=self.decimals):
            return Answer(self._last.shown or 0.0 if self._last else 0.0, False)
        else:
            answer = self._climb(file, score)
            self.bits += cost_of_score(answer.moved, decimals=self.decimals)
        self.moves += answer.moved
        return answer

    def _climb(self, file: Floats, score: float) -> Answer:
        last = self._last
        if last is None or last.value is None or score - last.value > 10.0**-self.decimals:
            draws = self.world.draws(file, self.rows)
            last = release(last, score, draws, decimals=self.decimals, standard_errors=self.standard_errors)
            self._last = last
            return Answer(last.shown or 0.0, last.moved)
        return Answer(last.shown or 0.0, False)  # as `release` would say; the draws cost ten times the score

    def response(self, answer: Answer) -> float:
        """What an answer says about its file: the score or, before a Ladder, whether it was better."""
        return float(answer.moved) if self.ladder else answer.shown


class WeightedSum:
    """Files summed with the responses to them, less their mean, as weights."""

    def __init__(self, rows: int) -> None:
        self.files, self.weighted = np.zeros(rows), np.zeros(rows)
        self.count, self.responses = 0, 0.0

    def add(self, file: Floats, response: float) -> None:
        self.files += file
        self.weighted += response * file
        self.count += 1
        self.responses += response

    def direction(self) -> Floats:
        """The sum, scaled to standard deviation 1 where it has any."""
        found = self.weighted - self.responses / self.count * self.files
        return np.asarray(found / (found.std() or 1.0))


Guess = Callable[[], Floats]
Attack = Iterator[Guess]  # after each submission, how to make the attacker's best file


def boosting(board: Board, model: Floats, rng: np.random.Generator) -> Attack:
    """Random files, summed by what the board said of each: the attack of Blum and Hardt (2015) for correlations."""
    found = WeightedSum(model.size)
    while True:
        file = rng.normal(size=model.size)
        found.add(file, board.response(board.submit(file)))
        yield found.direction


def equations(board: Board, model: Floats, rng: np.random.Generator) -> Attack:
    """Files of zeros and ones. Their score is linear in MOS and ranks, as no map can bend two values: solve for them.

    The least-norm solution of as many equations as there were submissions; as many as images would give every MOS.
    """
    hidden = board.world.hidden.size
    asked: list[Floats] = []
    told: list[float] = []

    def solve() -> Floats:
        rows, answers = np.stack(asked), np.array(told)
        if board.ladder:  # yes and no instead of scores: only their differences say something
            answers -= answers.mean()
        solution = np.zeros(model.size)
        solution[:hidden] = np.linalg.lstsq(rows @ rows.T, answers)[0] @ rows
        return solution

    while True:
        file = np.zeros(model.size)
        file[rng.permutation(hidden)[: hidden // 2]] = 1.0
        told.append(board.response(board.submit(file)))
        row = file[:hidden] - file[:hidden].mean()
        asked.append(row / np.linalg.norm(row))
        yield solve


def climbing(board: Board, model: Floats, rng: np.random.Generator) -> Attack:
    """From a model: add noise, keep what moves the score."""
    best = [model]
    board.submit(model)
    while True:
        file = best[0] + CLIMB * rng.normal(size=model.size)
        if board.submit(file).moved:
            best[0] = file / file.std()
        yield lambda: best[0]


def estimating(board: Board, model: Floats, rng: np.random.Generator) -> Attack:
    """From a model: noise in many directions, then one step along the sum of those that helped.

    Before a Ladder it holds quality back: the model starts under a cover of noise and comes out a little more after
    each file that was not better, so that every answer hangs in the balance and tells of the noise. The last step
    has the length that is best on the rows scored: a favour to the attacker, who would have to look for it.
    """
    found = WeightedSum(model.size)
    cover = rng.normal(size=model.size)
    share = 0.05 if board.ladder else 1.0

    def base() -> Floats:
        return share * model + math.sqrt(1 - share * share) * cover

    def step() -> Floats:
        files = [model + length * found.direction() for length in (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)]
        return max(files, key=lambda file: board.world.score(file, board.rows))

    board.submit(base())
    while True:
        direction = rng.normal(size=model.size)
        answer = board.submit(base() + PROBE * direction)
        found.add(direction, board.response(answer))
        if not answer.moved:
            share = min(1.0, share + 0.001)
        yield step


# Attacks, and whether they start from the model: then only what they add to it counts.
ATTACKS: dict[str, tuple[Callable[[Board, Floats, np.random.Generator], Attack], bool]] = {
    "boosting": (boosting, False),
    "equations": (equations, False),
    "climbing": (climbing, True),
    "estimating": (estimating, True),
}
