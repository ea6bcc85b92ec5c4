"""D. Status that lies and silent failure: a state is what happened, and a failure has its reason."""

import pytest
from django.core import mail

from challenge.submissions import scoring_run
from tests.complaints.conftest import HOME, SUBMIT, Site, words, zipped
from tests.factories import prediction_csv

README = (
    "runtime per image [s] : 0.25\nCPU[1] / GPU[0] : 0\nExtra Data [1] / No Extra Data [0] : 1\n"
    "Other description : two models\n"
)


def test_a_scorer_that_ends_with_an_error_has_scored_nothing(site: Site, monkeypatch, settings):
    """Codabench #1641: the scoring program exits with 1, and the submission is "Finished" and counts."""
    monkeypatch.setattr(scoring_run, "compute", lambda *_: 1 / 0)
    page = site.accepted("alice")
    for _ in range(settings.SCORING_MAX_ATTEMPTS):
        assert "Scored" not in words(site["alice"].look(page))
        site.work()
        site.clock.forward(minutes=2)
    assert "Failed Something went wrong on our side" in words(site["alice"].look(page))
    assert site.board() == {}
    assert "5 left" in words(site["alice"].look(SUBMIT))


def test_state_and_scores_come_together_or_not_at_all(site: Site, monkeypatch):
    """Codabench #1342, CodaLab #2813: scored, on the board, and "Failed"."""

    def fall_over(*_args: object) -> None:
        raise RuntimeError("after the scores were written")

    page = site.accepted("alice")
    with monkeypatch.context() as broken:
        broken.setattr(scoring_run, "issue_scored", fall_over)
        site.work()
    assert site.board() == {}
    assert "waits for a worker" in words(site["alice"].look(page))
    site.clock.forward(minutes=2)
    site.work()
    assert site.board()["Aces"]["rank"] == "1"
    assert "Failed" not in words(site["alice"].look(page))


def test_the_zip_of_ntire_with_its_readme_is_scored_and_the_readme_fills_what_was_left_empty(site: Site):
    """Codabench #2145, #2282: a zip as NTIRE asks for it, and "Failed" without a reason."""
    answer = site.post("alice", file=zipped({"output.txt": prediction_csv(), "readme.txt": README}), runtime_s="0.5")
    assert answer.status_code == 302, words(answer)
    site.work()
    text = words(site["alice"].look(answer["Location"]))
    assert "Runtime per image 0.5 s" in text  # typed: the readme does not change it
    assert "Device GPU" in text
    assert "Extra training data yes" in text
    assert "two models" in text
    assert site.board()["Aces"]["rank"] == "1"


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"readme.txt": README}, "Put output.txt at the root of the zip."),
        ({"results/output.txt": prediction_csv()}, "zip -j submission.zip output.txt"),
        ({"output.txt": prediction_csv(img_003="nan"), "readme.txt": README}, "4 the score of 'img_003.png' is 'nan'"),
        ({"output.txt": prediction_csv(), "prediction.csv": prediction_csv()}, "Keep one of them."),
    ],
)
def test_a_wrong_zip_is_refused_with_the_reason_and_costs_nothing(site: Site, members, says):
    """Codabench #2282, #440: "Failed" is all that is said."""
    answer = site.post("alice", file=zipped(members))
    assert answer.status_code == 422
    text = words(answer)
    assert "Not accepted. Your quota is untouched." in text
    assert says in text.partition("How to fix it")[2]
    assert "5 left" in text


def test_what_waits_for_the_organisers_says_so(site: Site):
    """grand-challenge #937: "Succeeded", and nothing to be seen."""
    page = site.accepted("alice", phase="final")
    site.work()
    text = words(site["alice"].look(page))
    assert "The file was scored. The result stays hidden until the phase ends and the organisers open it." in text
    assert "hidden" in words(site["alice"].look(f"{HOME}final/leaderboard/"))


def test_files_with_errors_send_no_mail_to_organisers_and_many_failures_one(site: Site, monkeypatch, settings):
    """grand-challenge #543, #810: organisers are flooded with mails of format errors."""

    def mails() -> list[str]:
        return [message.subject for message in mail.outbox if site.world.organiser.email in message.to]

    for number in range(3):
        assert site.post("alice", b"img_%03d.png,1\n" % number).status_code == 422
    site.work()
    assert mails() == []
    monkeypatch.setattr(scoring_run, "compute", lambda *_: 1 / 0)
    for name in ("alice", "bob", "mallory"):
        site.accepted(name)
    for _ in range(settings.SCORING_MAX_ATTEMPTS + 1):
        site.work()
        site.clock.forward(minutes=2)
    assert "3 failed in all" in words(site["organiser"].look(f"{HOME}desk/"))  # for whoever looks
    assert len(mails()) == 1
