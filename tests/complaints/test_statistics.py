"""L. Statistics: ranks say what they are worth; exact ties are ties."""

from tests.complaints.conftest import BOARD, Site, words
from tests.factories import prediction_csv


def test_ranks_come_with_their_intervals_and_groups_and_ties_share_one(site: Site):
    """mteb #5208: 176 of 180 neighbours cannot be told apart; SWE-bench #621, LiveCodeBench #147; opencompass #2574
    "exact ties broken by display order"; ComparIA #483: tiers."""
    same = prediction_csv(0.3, seed=4)
    for name in ("mallory", "alice"):
        site.accepted(name, same)
    site.workers.analyses = True
    for _ in range(3):  # scores, then intervals, then the board is compared
        site.work()
        site.clock.forward(minutes=2)
    rows = site.board()
    assert [row["rank"] for row in rows.values()] == ["1", "1"]
    assert [row["group"] for row in rows.values()] == ["1", "1"]
    for row in rows.values():
        assert float(row["main_low"]) < float(row["main"]) < float(row["main_high"])
        assert (row["rank_low"], row["rank_high"]) == ("1", "1")  # equal files are equal in every resample
    text = words(site["alice"].look(BOARD))
    assert text.count("group 1") == 2
    assert "A group holds the teams whose main scores do not differ significantly" in text
