"""C. Wrong boards: what has no score never ranks, the best is not the last, and the board follows every change."""

import pytest

from tests.complaints.conftest import Site
from tests.factories import IMAGES, prediction_csv

CONSTANT = "".join(f"{name},1\n" for name in IMAGES).encode()


@pytest.mark.parametrize("rule", ["best", "last", "chosen"])
def test_entries_without_a_score_rank_behind_all_others_under_every_rule(site: Site, rule):
    """Codabench #1640, #1284, #1275, #2018, #2470: n/a (failed) entries rank first; #1171, #1055, #873, #406."""
    site.world.development.board_rule = rule
    site.world.development.save()
    site.accepted("mallory", prediction_csv(noise=5.0))
    site.accepted("alice", CONSTANT)
    site.work()
    rows = site.board()
    assert [(name, row["rank"], row["main"] != "") for name, row in rows.items()] == [
        ("Rivals", "1", True),
        ("Aces", "", False),
    ]


def test_a_better_file_takes_the_place_of_a_bad_one_and_the_last_one_only_where_that_is_the_rule(site: Site):
    """Codabench #1640: the n/a stays when new files are scored; #2057: the board stopped following; #2507: 13 and 14
    better than those above; #1736: a new rule does not reach old rows. CodaLab #2488: the last instead of the best."""
    seen = []
    for noise in (None, 0.2, 2.0):
        site.accepted("alice", CONSTANT if noise is None else prediction_csv(noise))
        site.work()
        seen.append(site.board()["Aces"]["main"])
    undefined, good, still = seen
    assert undefined == ""
    assert good == still  # the worse file that came last does not count
    phase = site.world.development
    phase.board_rule = "last"
    phase.save()
    assert float(site.board()["Aces"]["main"]) < float(good)
    site.accepted("mallory", prediction_csv(0.5))
    site.work()
    mains = [float(row["main"]) for row in site.board().values()]
    assert mains == sorted(mains, reverse=True)


def test_a_team_that_took_a_bad_file_back_is_on_the_board_with_its_next_one(site: Site):
    """Codabench #2018: "after the deletion, I was completely removed from the leaderboard", for good."""
    page = site.accepted("alice", CONSTANT)
    site["alice"].browser.post(f"{page}withdraw/")
    site.work()
    assert site.board() == {}
    site.accepted("alice")
    site.work()
    assert site.board()["Aces"]["rank"] == "1"
