"""Questions and answers: who reads what in which state, who is told, what others never learn."""

import pytest
from django.core import mail

from challenge.accounts.erasure import erase_account
from challenge.accounts.export import describe
from challenge.accounts.services import create_token
from challenge.audit.models import AuditEntry
from challenge.core.rates import parse_rates
from challenge.notices.models import Notice
from challenge.questions.models import LONGEST_QUESTION, Question
from challenge.questions.services import QuestionRefused, answer, ask, settle, show
from tests.notices.workers import tell_everybody

LIST = "/c/iqa/questions/"
API = "/api/v1/challenges/iqa/questions"


def asked(world, user=None, **fields):
    values = {"text": "Is <b>Lanczos</b> allowed?\nReally?", **fields}
    return ask(challenge=world.challenge, user=user or world.alice, **values)


def seen(world, client, question) -> set[str]:
    """Who may read it, on its page, in the list and by the API alike."""
    found = set()
    for name in ("alice", "bob", "mallory", "outsider", "organiser", "other_organiser", "admin", ""):
        client.logout()
        headers = {}
        if name:
            client.force_login(getattr(world, name))
            token = create_token(user=getattr(world, name), name="t", scopes=["read"])[1]
            headers = {"authorization": f"Bearer {token}"}
        ways = [
            client.get(question.get_absolute_url()).status_code == 200,
            "Lanczos" in client.get(LIST).content.decode(),
            bool(client.get(API, headers=headers).json()),
        ]
        assert len(set(ways)) == 1, (name, ways)
        found |= {name} if ways[0] else set()
    return found


def test_who_reads_it_in_which_state(world, client):
    question = asked(world)
    insiders = {"alice", "organiser", "admin"}
    everybody = {*insiders, "bob", "mallory", "outsider", "other_organiser", ""}
    assert seen(world, client, question) == insiders
    answer(question, "No.", actor=world.organiser, publishes=False)
    assert seen(world, client, question) == insiders
    show(question, True, actor=world.organiser)
    assert seen(world, client, question) == everybody
    show(question, False, actor=world.organiser)
    assert seen(world, client, question) == insiders


def test_the_way_from_a_question_to_its_answer(world, client):
    client.force_login(world.alice)
    answered = client.post(f"{LIST}ask/", {"question": "Is <b>Lanczos</b> allowed?"})
    question = Question.objects.get()
    assert answered["Location"] == question.get_absolute_url()
    tell_everybody()
    assert [message.to for message in mail.outbox] == [["organiser@example.org"]]
    assert "Lanczos" not in mail.outbox[0].body
    mail.outbox.clear()
    client.force_login(world.organiser)
    assert "Is &lt;b&gt;Lanczos&lt;/b&gt; allowed?" in client.get(f"{LIST}?state=open").content.decode()
    page = question.get_absolute_url()
    nasty = "No. <script>alert(1)</script>"
    client.post(page, {"what": "answer", "answer": nasty, "publishes": "on"})
    client.post(page, {"what": "answer", "answer": "**Yes**, of course.", "publishes": "on"})
    tell_everybody()
    assert [message.to for message in mail.outbox] == [["alice@example.org"]]  # once
    client.logout()
    text = client.get(page).content.decode()
    assert "<strong>Yes</strong>" in text
    assert "edited" in text
    assert [e.act for e in AuditEntry.objects.filter(actor=world.organiser)] == ["question_answered"] * 2
    assert AuditEntry.objects.latest("pk").after == {"answer": "**Yes**, of course.", "published": True}


def test_an_answer_runs_nothing(world, client):
    question = asked(world)
    answer(question, "<script>alert(1)</script>[x](javascript:alert(1))", actor=world.organiser, publishes=True)
    for page in (LIST, question.get_absolute_url()):
        text = client.get(page).content.decode()
        assert "<script>alert" not in text
        assert 'href="javascript' not in text


@pytest.mark.parametrize("shows_team", [False, True])
def test_others_read_the_team_only_if_it_wishes_and_never_the_person(world, client, shows_team):
    question = asked(world, shows_team=shows_team)
    show(question, True, actor=world.organiser)
    for user in (None, world.mallory, world.bob):
        client.logout()
        if user:
            client.force_login(user)
        for page in (LIST, question.get_absolute_url()):
            main = client.get(page).content.decode().partition("<main")[2]
            assert ("Aces" in main) == shows_team
            assert "alice" not in main
    assert client.get(API).json()[0]["team"] == ("Aces" if shows_team else None)
    client.force_login(world.organiser)
    assert "alice" in client.get(LIST).content.decode()


def test_organisers_mark_as_answered_and_only_they_moderate(world, client):
    question = asked(world)
    page = question.get_absolute_url()
    for user, status in ((world.alice, 404), (world.mallory, 404), (world.other_organiser, 404)):
        client.force_login(user)
        for what in ("answer", "publish", "hide", "settle"):
            assert client.post(page, {"what": what, "answer": "x"}).status_code == status
    client.force_login(world.organiser)
    assert client.post(page, {"what": "settle"}).status_code == 302
    assert not settle(question, actor=world.organiser)
    question.refresh_from_db()
    assert (question.is_open, question.answer) == (False, "")
    assert "Answered elsewhere" in client.get(page).content.decode()
    assert client.post(page, {"what": "answer", "answer": " "}).status_code == 422
    assert client.post(page, {"what": "publish"}).status_code == 302
    assert {e.act for e in AuditEntry.objects.filter(actor=world.organiser)} == {
        "question_settled",
        "question_published",
    }


def test_only_those_who_take_part_ask_and_not_for_ever(world, client, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "ask": parse_rates("2/h/user")}
    with pytest.raises(QuestionRefused, match="Join"):
        asked(world, world.outsider)
    for text in (" \u200b", "x" * (LONGEST_QUESTION + 1)):
        with pytest.raises(QuestionRefused) as refused:
            asked(world, text=text)
        assert refused.value.field == "question"
    client.force_login(world.alice)
    statuses = [client.post(f"{LIST}ask/", {"question": "?"}).status_code for _ in range(3)]
    assert statuses == [302, 302, 429]
    token = create_token(user=world.mallory, name="t", scopes=["submit"])[1]
    options = {"content_type": "application/json", "headers": {"authorization": f"Bearer {token}"}}
    answers = [client.post(API, {"text": "?"}, **options) for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert answers[0].json()["is_mine"]
    token = create_token(user=world.outsider, name="t", scopes=["submit"])[1]
    options["headers"] = {"authorization": f"Bearer {token}"}
    assert client.post(API, {"text": "?"}, **options).json()["code"] == "not_registered"


def test_erasing_takes_what_is_not_published_and_the_name_from_the_rest(world):
    kept, gone = asked(world, shows_team=True), asked(world, text="zebra")
    answer(kept, "No.", actor=world.organiser, publishes=True)
    tell_everybody()
    held = describe(world.alice, [])
    assert [row["text"] for row in held["questions"]] == ["zebra", kept.text]
    assert "Your question was answered" in str(held["notifications"])
    erase_account(world.alice)
    kept.refresh_from_db()
    assert (kept.asker, kept.team, kept.shows_team, kept.answer) == (None, None, False, "No.")
    assert not Question.objects.filter(pk=gone.pk).exists()
    assert not Notice.objects.filter(user=world.alice).exists()
    assert not world.alice.notifications.exists()
