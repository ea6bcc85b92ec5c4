"""Attackers against boards: how much of a hidden set leaks through shown scores, as Markdown tables.

    OMP_NUM_THREADS=1 python -m benchmarks leak

The hidden set is 4,000 of the 14,000 released MOS of AIGIQA-20K (the paper's test split has as many), another draw in
each repetition; the other 10,000 are fresh rows that answered nothing. An attacker sends files for all rows and is told
what the board shows. Its gap is what its file gained on the rows in question, less what it gained on the fresh ones:
the part of the score that is not real. docs/overfitting.md has the tables.
"""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.attackers import ATTACKS, Board, Floats, World
from benchmarks.scoring import table
from scoring import AnswerKey, srocc
from scoring.halves import split_halves
from scoring.ladder import board_decimals

SOURCE = Path(__file__).resolve().parents[1] / "challenge" / "demo" / "data" / "aigiqa20k_mos.csv.gz"
MODEL = 0.75  # SRoCC of the model some attackers start from
FULL = 15  # decimals of a float
NEXT_TO_NOTHING = 6  # decimals at which the Ladder's least step is that
BUDGET = 500.0  # bits
SMALL_SET = 1_000
GAINS = (0.0, 0.002, 0.005, 0.01, 0.02)  # of honest teams


@dataclass(frozen=True)
class Settings:
    """Sizes of one run; the defaults are those of docs/overfitting.md."""

    hidden: int = 4_000
    checkpoints: tuple[int, ...] = (10, 50, 200, 1_000)
    repetitions: int = 2
    resamples: int = 200
    trials: int = 100


@dataclass(frozen=True)
class Outcome:
    """After so many submissions: the gap on the rows scored and on those that decide, the SRoCC of what was gained
    with the MOS of the rows scored, bits told and moves."""

    scored_gap: float
    deciding_gap: float
    recovered: float
    bits: float
    moves: int


def attacked(name: str, board: Board, model: Floats, seed: int, checkpoints: tuple[int, ...]) -> list[Outcome]:
    """The outcome at each number of submissions. The file an attack starts from is not counted."""
    attack, from_model = ATTACKS[name]
    start = model if from_model else np.zeros(model.size)
    guesses = zip(range(1, max(checkpoints) + 1), attack(board, model, np.random.default_rng(seed)), strict=False)
    return [outcome(board, start, guess()) for count, guess in guesses if count in checkpoints]


def outcome(board: Board, start: Floats, file: Floats) -> Outcome:
    """What the file gained over the start."""
    world = board.world

    def gain(rows: NDArray[np.intp]) -> float:
        return world.score(file, rows) - world.score(start, rows)

    real = gain(world.fresh)
    recovered = srocc((file - start)[board.rows], world.mos[board.rows])
    return Outcome(
        scored_gap=gain(board.rows) - real,
        deciding_gap=gain(board.deciding) - real,
        recovered=0.0 if math.isnan(recovered) else recovered,
        bits=board.bits,
        moves=board.moves,
    )


def new_boards(world: World, seed: int) -> dict[str, Board]:
    """The boards by name."""
    whole = world.hidden
    key = AnswerKey(tuple(f"{row:05d}" for row in whole.tolist()), world.mos[whole])
    halves = split_halves(key, seed.to_bytes(16, "big"))
    public, private = (np.array([int(name) for name in half], dtype=np.intp) for half in halves)
    tied, tied_half = board_decimals(whole.size), board_decimals(public.size)
    return {
        "full precision": Board(world, whole, whole, decimals=FULL),
        "4 decimals": Board(world, whole, whole, decimals=4),
        f"{tied} decimals (tied)": Board(world, whole, whole, decimals=tied),
        "Ladder, no least step": Board(world, whole, whole, decimals=NEXT_TO_NOTHING, ladder=True),
        "Ladder": Board(world, whole, whole, decimals=tied, ladder=True),
        "Ladder, halves": Board(world, public, private, decimals=tied_half, ladder=True),
        "Ladder, halves, budget": Board(world, public, private, decimals=tied_half, ladder=True, budget=BUDGET),
    }


def draw_world(mos: Floats, settings: Settings, seed: int) -> tuple[World, Floats]:
    """Hidden and fresh rows, and the file of a model on all of them."""
    rng = np.random.default_rng(seed)
    world = World(rng.permutation(mos), settings.hidden, settings.resamples)
    return world, copula_file(normal_scores(world.mos), MODEL, rng.normal(size=mos.size))


def normal_scores(mos: Floats) -> Floats:
    """The normal quantiles of the ranks."""
    ranks = np.argsort(np.argsort(mos, kind="stable"), kind="stable")
    quantile = NormalDist().inv_cdf
    return np.array([quantile((rank + 0.5) / mos.size) for rank in ranks.tolist()])


def copula_file(quality: Floats, target: float, noise: Floats) -> Floats:
    """Predictions with this SRoCC in the long run: a Gaussian copula with Pearson 2 sin(pi rho / 6)."""
    r = 2 * math.sin(math.pi * target / 6)
    return r * quality + math.sqrt(1 - r * r) * noise


def read_mos() -> Floats:
    """The 14,000 released MOS."""
    with gzip.open(SOURCE, "rt", encoding="utf-8") as stream:
        return np.array([float(row["mos"]) for row in csv.DictReader(stream)])


def attack_tables(mos: Floats, settings: Settings) -> None:
    """Gaps, what was recovered, and what was told, averaged over the repetitions."""
    found: dict[tuple[str, str], list[list[Outcome]]] = {}
    for seed in range(settings.repetitions):
        world, model = draw_world(mos, settings, seed)
        for attack in ATTACKS:
            for name, board in new_boards(world, seed).items():
                run = attacked(attack, board, model, seed, settings.checkpoints)
                found.setdefault((attack, name), []).append(run)
    gaps, recovered, told = [], [], []
    for (attack, name), runs in found.items():
        stages = list(zip(*runs, strict=True))
        label = f"{name}: public" if "halves" in name else name
        gaps.append([attack, label, *(f"{fmean(one.scored_gap for one in stage):+.3f}" for stage in stages)])
        if "halves" in name:
            deciding = [f"{fmean(one.deciding_gap for one in stage):+.3f}" for stage in stages]
            gaps.append([attack, f"{name}: private", *deciding])
        recovered.append([attack, name, *(f"{fmean(one.recovered for one in stage):.2f}" for stage in stages)])
        bits, moves = (fmean(getattr(one, what) for one in stages[-1]) for what in ("bits", "moves"))
        told.append([attack, name, f"{bits:,.0f}", f"{moves:,.0f}"])
    header = ["attack", "board", *(f"{count:,} files" for count in settings.checkpoints)]
    table("Gap: gain in main that is not real", header, gaps)
    table("SRoCC between what was gained and the hidden MOS scored", header, recovered)
    table(f"Told by {settings.checkpoints[-1]:,} files", ["attack", "board", "bits", "moves"], told)


def shown_gains(
    mos: Floats, hidden: int, between: float, settings: Settings, standard_errors: float = 1.0
) -> list[float]:
    """For each of GAINS, how often a Ladder shows a model that is truly better by that much, sent second.

    between: correlation of the two models' errors.
    """
    rng = np.random.default_rng(0)
    quality = normal_scores(mos)
    moved = np.zeros(len(GAINS))
    for _ in range(settings.trials):
        rows = rng.choice(mos.size, hidden, replace=False)
        noise, other = rng.normal(size=(2, hidden))
        world = World(mos[rows], hidden, settings.resamples)
        first = copula_file(quality[rows], MODEL, noise)
        for i, gain in enumerate(GAINS):
            errors = between * noise + math.sqrt(1 - between * between) * other
            board = whole_ladder(world, standard_errors)
            board.submit(first)
            moved[i] += board.submit(copula_file(quality[rows], MODEL + gain, errors)).moved
    return [float(share) for share in moved / settings.trials]


def whole_ladder(world: World, standard_errors: float) -> Board:
    """A Ladder over all hidden rows."""
    decimals = board_decimals(world.hidden.size)
    return Board(world, world.hidden, world.hidden, decimals=decimals, ladder=True, standard_errors=standard_errors)


def small_table(mos: Floats, settings: Settings) -> None:
    """A small hidden set, where one unit of the display is little: what a higher hurdle brings, and costs."""
    rows = []
    for standard_errors in (1.0, 2.0):
        gaps: dict[str, list[float]] = {"climbing": [], "estimating": []}
        for seed in range(settings.repetitions):
            world, model = draw_world(mos, settings, seed)
            for attack, found in gaps.items():
                board = whole_ladder(world, standard_errors)
                found += [end.scored_gap for end in attacked(attack, board, model, seed, settings.checkpoints)]
        shares = shown_gains(mos, settings.hidden, 0.95, settings, standard_errors)
        attacks = [f"{fmean(found):+.3f}" for found in gaps.values()]
        rows.append([f"{standard_errors:.0f}", *attacks, *(f"{share:.0%}" for share in shares)])
    header = ["standard errors", "gap: climbing", "estimating", *(f"shown: better by {gain}" for gain in GAINS)]
    table(f"{settings.hidden:,} rows, {settings.checkpoints[-1]} files", header, rows)


def honest_table(mos: Floats, settings: Settings) -> None:
    """What the Ladder costs those who do not attack."""
    rows = []
    for hidden in (settings.hidden, settings.hidden // 2):
        for between in (0.95, 0.5):
            shares = shown_gains(mos, hidden, between, settings)
            rows.append([f"{hidden:,}", str(between), *(f"{share:.0%}" for share in shares)])
    header = ["rows scored", "correlation of errors", *(f"better by {gain}" for gain in GAINS)]
    table("How often a Ladder shows a true improvement at once", header, rows)


def error_table(mos: Floats, settings: Settings) -> None:
    """The standard error of main, to read the gaps by."""
    world, model = draw_world(mos, settings, 0)
    noise = np.random.default_rng(0).normal(size=mos.size)
    rows = []
    for count in (settings.hidden, settings.hidden // 2):
        errors = [world.draws(file, world.hidden[:count]).std(ddof=1) for file in (model, noise)]
        rows.append([f"{count:,}", *(f"{error:.3f}" for error in errors)])
    table("Standard error of main", ["rows scored", f"model of SRoCC {MODEL}", "random file"], rows)


def main() -> None:
    """Print all tables; about six minutes on one core."""
    mos, settings = read_mos(), Settings()
    error_table(mos, settings)
    attack_tables(mos, settings)
    honest_table(mos, settings)
    small_table(mos, Settings(hidden=SMALL_SET, checkpoints=(300,), repetitions=4))
