"""The simulation behind docs/overfitting.md: its claims hold on a small hidden set, its boards follow their rules."""

import numpy as np
import pytest

from benchmarks.attackers import Board
from benchmarks.leak import BUDGET, Settings, attacked, draw_world, new_boards, read_mos, shown_gains

SMALL = Settings(hidden=1_000, checkpoints=(300,), resamples=60, trials=30)
# One that knows nothing of the images, one that begins with a decent model; docs/overfitting.md has all four.
ATTACKS = ("boosting", "estimating")
BOARDS = ("full precision", "3 decimals (tied)", "Ladder", "Ladder, halves, budget")


@pytest.fixture(scope="module")
def mos():
    return np.random.default_rng(0).choice(read_mos(), 4_000, replace=False)


@pytest.mark.slow
def test_a_ladder_keeps_the_gap_near_the_standard_error_where_a_plain_board_is_overrun(mos):
    """300 files against one hidden set of 1,000 rows; gaps and standard errors of the main score."""
    gap: dict[tuple[str, str], float] = {}
    private, spent = [], []
    world, model = draw_world(mos, SMALL, 1)
    error = float(world.draws(model, world.hidden).std(ddof=1))
    for attack in ATTACKS:
        boards = new_boards(world, 1)
        for name in BOARDS:
            (end,) = attacked(attack, boards[name], model, 1, SMALL.checkpoints)
            gap[attack, name] = end.scored_gap
            if "halves" in name:
                private.append(end.deciding_gap)
                spent.append(end.bits)
    assert 0.010 < error < 0.018
    # Without knowledge of the images: the best of 300 random files is three standard errors (1 / sqrt(n)) up by luck.
    assert gap["boosting", "full precision"] > 0.35
    assert gap["boosting", "Ladder"] < 0.1
    # From a decent model.
    assert gap["estimating", "full precision"] > 2 * error
    assert gap["estimating", "Ladder"] < 1.5 * error
    # Fewer decimals alone do not help against those who add up.
    for attack in ATTACKS:
        assert gap[attack, "3 decimals (tied)"] > 0.95 * gap[attack, "full precision"]
    # The private half learned nothing: two gaps with standard errors of 0.02 to 0.07.
    assert abs(np.mean(private)) < 0.06
    assert max(spent) <= BUDGET


def test_as_many_exact_answers_as_images_give_the_order_of_all_mos(mos):
    settings = Settings(hidden=60, checkpoints=(20, 70), resamples=2)
    world, model = draw_world(mos, settings, 0)
    few, enough = attacked("equations", new_boards(world, 0)["full precision"], model, 0, settings.checkpoints)
    assert few.recovered < 0.9
    assert enough.recovered > 0.999


def test_a_plain_board_shows_every_score_and_a_ladder_only_what_moves(mos):
    world, model = draw_world(mos, SMALL, 0)
    rows = world.hidden
    noise = np.random.default_rng(1).normal(size=model.size)
    plain = Board(world, rows, rows, decimals=3)
    ladder = Board(world, rows, rows, decimals=3, ladder=True)
    files = [model, model + noise, model + 0.001 * noise, model + world.mos]
    scores = [round(world.score(file, rows), 3) for file in files]
    assert [plain.submit(file).shown for file in files] == scores
    assert [ladder.submit(file).shown for file in files] == [scores[0], scores[0], scores[0], scores[3]]
    assert (ladder.moves, plain.moves) == (2, 2 + (scores[2] > scores[0]))
    assert ladder.bits < plain.bits


def test_a_board_without_budget_for_a_move_tells_nothing(mos):
    world, model = draw_world(mos, SMALL, 0)
    board = Board(world, world.hidden, world.hidden, decimals=3, ladder=True, budget=20.0)
    first = board.submit(model)
    spent = board.bits
    assert 14 < spent < 20
    assert board.submit(model + world.mos) == (first.shown, False)
    assert board.bits == spent


@pytest.mark.slow
def test_a_clear_improvement_is_shown_and_none_rarely(mos):
    """At n = 1,000 and nearly equal models: 0 is shown to few, 0.02 to nearly all (30 trials each)."""
    shares = shown_gains(mos, 1_000, 0.95, SMALL)
    assert shares[0] < 0.35
    assert shares[-1] > 0.85
