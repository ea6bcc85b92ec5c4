"""K. Exports and mail: complete, safe to open, and honest about what was not sent."""

import re

from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from tests.complaints.conftest import HOME, Site, words
from tests.factories import PASSWORD, prediction_csv

SIGN_UP = {"username": "zoe", "email": "zoe@example.org", "password1": PASSWORD, "password2": PASSWORD}


class DownBackend(BaseEmailBackend):
    """A mail server that takes nothing."""

    def send_messages(self, email_messages: object) -> int:
        """Refuse."""
        raise ConnectionRefusedError("no mail server")


def test_exports_have_the_scores_and_the_number_of_entries(site: Site):
    """Codabench #1820: no scores in the CSV; #1804, #1673: everybody has one entry; #477. CodaLab #2902, #1220, ramp
    #502, AIcrowd #1088, EvalAI #1109, #1140."""
    for seed in range(2):
        site.accepted("alice", prediction_csv(seed=seed))
    site.work()
    row = site.board()["Aces"]
    assert row["entries"] == "2"
    scored = site.world.team.submissions.all()
    metrics = ("main", "srocc", "krocc", "plcc", "rmse")
    stored = [
        {score.metric: score.value for score in submission.evaluations.get().scores.filter(metric__in=metrics)}
        for submission in scored
    ]
    best = max(stored, key=lambda one: one["main"])
    assert {metric: float(row[metric]) for metric in metrics} == best
    listed = site["organiser"].table(f"{HOME}desk/submissions.csv")
    assert sorted(float(line["plcc"]) for line in listed) == sorted(one["plcc"] for one in stored)


def test_organisers_export_a_board_that_is_hidden_and_nobody_else_does(site: Site):
    """CodaLab #1596: the CSV cannot be downloaded by organisers while the leaderboard is hidden."""
    site.accepted("alice", phase="final")
    site.work()
    page = f"{HOME}final/leaderboard.csv"
    [row] = site["organiser"].table(page)
    assert row["name"] == "Aces"
    assert float(row["main"]) > 0
    site["alice"].look(page, status=404)


def test_a_mail_that_could_not_be_sent_is_told_and_comes_with_the_next_try(db, client, settings):
    """Codabench #2263, #2405, #2464, #2205, #1618, #1601, #1450: the activation mail never comes and cannot be had
    again; #2406: an error 500, and the account is half made. CodaLab #2418, #2288."""
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.{DownBackend.__name__}"
    answer = client.post("/accounts/signup/", SIGN_UP)
    assert answer.status_code == 503
    assert "Our mail server does not take messages at the moment." in words(answer)
    assert client.post("/accounts/password/reset/", {"email": "zoe@example.org"}).status_code == 503
    assert client.post("/accounts/login/", {"login": "zoe", "password": PASSWORD}).status_code == 503
    settings.EMAIL_BACKEND = works
    answer = client.post("/accounts/login/", {"login": "zoe", "password": PASSWORD}, follow=True)
    assert "We have sent you a message." in words(answer)
    [message] = mail.outbox  # sent, as the page says
    link = re.search(r"http://[^/]+(/accounts/confirm-email/\S+)", str(message.body))
    assert link
    client.post(link[1])
    assert EmailAddress.objects.get(user__username="zoe").verified
