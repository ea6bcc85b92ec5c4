"""A. Submissions that are stuck or lost: a final state, a reason and the quota come without anybody's help."""

from challenge.submissions import scoring_run
from tests.complaints.conftest import HOME, SUBMIT, Site, words
from tests.factories import prediction_csv


def test_a_file_that_ends_its_worker_each_time_fails_with_a_reason_and_gives_its_quota_back(
    site: Site, monkeypatch, settings
):
    """Codabench #572 "running or submitted forever", #635, #650, #1212, #1244, #1546, #1632, #1721, #1794, #2258;
    CodaLab #2179, #1598, #2901, #3234; EvalAI #4941."""

    def exit_at_once(*_args: object) -> None:
        raise SystemExit(1)  # nothing catches it: the claim stays, as when the process is killed

    page = site.accepted("alice")
    assert "4 left" in words(site["alice"].look(SUBMIT))
    monkeypatch.setattr(scoring_run, "compute", exit_at_once)
    for _ in range(settings.SCORING_MAX_ATTEMPTS):
        try:
            site.work()
        except SystemExit:
            site.workers.lose_everything()
        site.clock.forward(seconds=settings.SCORING_LEASE_SECONDS + 60)
    site.work()
    text = words(site["alice"].look(page))
    assert "Failed Something went wrong on our side" in text
    assert "Your quota was given back." in text
    assert "withdraw" not in text.lower()  # it is over: there is nothing to stop or to delete
    assert "5 left" in words(site["alice"].look(SUBMIT))


def test_a_broker_that_forgets_everything_loses_no_file(site: Site):
    """Codabench #2148 "all the submissions that were sent during this period were lost", #2130, #2133, #2134, #2244;
    tg2019task #4; EvalAI #4132, #4390 "waited for 1 week, and suddenly it executed"."""
    for seed in range(3):
        site.accepted("alice", prediction_csv(seed=seed))
    site.workers.lose_everything()
    site.work()
    assert site.board() == {}  # rung for already, and not yet due again
    site.clock.forward(seconds=60)
    site.work()
    assert site.board()["Aces"]["entries"] == "3"
    assert "Every accepted file is scored so far." in words(site["organiser"].look(f"{HOME}desk/"))


def test_a_file_that_waits_says_how_many_come_first_and_its_team_can_take_it_back(site: Site):
    """Codabench #2341 ">15 min to a score", #2476 everything "Submitted" for 11 h; #2148, #1507: deleting what is
    stuck gives no quota back to participants."""
    site.accepted("mallory")
    page = site.accepted("alice")
    text = words(site["alice"].look(page))
    assert "waits for a worker since" in text
    assert "1 file came before it and is not scored yet. You need not send it again." in text
    answer = site["alice"].browser.post(f"{page}withdraw/", follow=True)
    assert "Withdrawn. Your quota was given back." in words(answer)
    assert "5 left" in words(site["alice"].look(SUBMIT))
    site.work()
    assert list(site.board()) == ["Rivals"]
