"""The bell, the inbox, the settings, and links in mails that end a kind of mail."""

import datetime
import re

import pytest
from django.core import mail, signing
from django.test import Client
from django.utils import timezone

from challenge.notices import unsubscribing
from challenge.notices.kinds import Kind, Mail
from challenge.notices.models import Notice, Notification, Wish
from challenge.notices.services import tell, wish, wishes_of
from challenge.notices.spreading import spread
from challenge.notices.views import ROWS_PER_PAGE
from tests.notices.workers import a_day_later, deliver_all, spread_all, tell_everybody

SETTINGS = "/notifications/settings/"


def announce(world, number=0):
    tell(
        Kind.ANNOUNCEMENT,
        f"{number}",
        challenge=world.challenge,
        title=f"News <b>{number}</b>",
        text="**bold** & `<i>`",
        path="/c/iqa/",
    )


def bell(client) -> str:
    text = client.get("/").content.decode()
    return "".join(re.findall(r'class="count">(\d+)', text))


def test_the_bell_counts_what_is_unread_and_opening_it_reads_it(world, client):
    client.force_login(world.alice)
    assert bell(client) == ""
    assert "Nothing yet" in client.get("/notifications/").content.decode()
    for number in range(3):
        announce(world, number)
    spread_all()
    assert bell(client) == "3"
    page = client.get("/notifications/").content.decode()
    assert "News &lt;b&gt;2&lt;/b&gt;" in page
    assert "bold &amp; &lt;i&gt;" in page
    assert "**" not in page
    row = Notification.objects.filter(user=world.alice).first()
    opened = client.post(f"/notifications/{row.pk}/read/", {"open": "1"})
    assert (opened.status_code, opened["Location"], bell(client)) == (302, "/c/iqa/", "2")
    client.post("/notifications/read/")
    assert bell(client) == ""
    assert Notification.objects.filter(read_at=None).count() == 6  # those of others


def test_nobody_reads_for_others(world, client):
    announce(world)
    spread_all()
    row = Notification.objects.get(user=world.alice)
    client.force_login(world.mallory)
    assert client.post(f"/notifications/{row.pk}/read/").status_code == 404
    row.refresh_from_db()
    assert row.read_at is None


def test_a_long_inbox_comes_in_pages_and_stays_there(world, client):
    for number in range(ROWS_PER_PAGE + 1):
        announce(world, number)
    spread_all()
    client.force_login(world.bob)
    assert "Next page" in client.get("/notifications/").content.decode()
    oldest = Notification.objects.filter(user=world.bob).last()
    assert client.get("/notifications/?page=2").content.decode().count("Mark as read: ") == 1
    assert client.post(f"/notifications/{oldest.pk}/read/", {"page": "2"})["Location"] == "/notifications/?page=2"


def test_settings_are_kept_and_those_of_organisers_are_for_organisers(world, client):
    client.force_login(world.alice)
    page = client.get(SETTINGS)
    assert b"Somebody asked a question" not in page.content
    sent = {f"{kind}-mail": "off" for kind in Kind} | {"scored-site": "on", "scored-mail": "digest"}
    assert client.post(SETTINGS, sent).status_code == 302
    wishes = wishes_of(world.alice)
    assert (wishes[Kind.SCORED].in_site, wishes[Kind.SCORED].mail) == (True, Mail.DIGEST)
    assert (wishes[Kind.FAILED].in_site, wishes[Kind.FAILED].mail) == (False, Mail.OFF)
    assert not Wish.objects.filter(kind=Kind.QUESTION).exists()
    assert client.post(SETTINGS, {**sent, "scored-mail": "hourly"}).status_code == 422
    client.force_login(world.organiser)
    assert b"Somebody asked a question" in client.get(SETTINGS).content


def test_every_mail_has_a_link_that_a_mail_program_can_use_without_a_login(world):
    announce(world)
    tell_everybody()
    message = next(one for one in mail.outbox if one.to == [world.alice.email])
    link = message.extra_headers["List-Unsubscribe"]
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.strip("<>") in message.body
    path = link.strip("<>").removeprefix("http://testserver").removeprefix("http://127.0.0.1:8000")
    visitor = Client(enforce_csrf_checks=True)
    assert "No more mail?" in visitor.get(path).content.decode()
    assert wishes_of(world.alice)[Kind.ANNOUNCEMENT].mail == Mail.NOW  # a scanner that follows links ends nothing
    answer = visitor.post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    wishes = wishes_of(world.alice)
    assert (wishes[Kind.ANNOUNCEMENT].in_site, wishes[Kind.ANNOUNCEMENT].mail) == (True, Mail.OFF)
    assert wishes[Kind.FAILED].mail == Mail.NOW
    assert wishes_of(world.bob)[Kind.ANNOUNCEMENT].mail == Mail.NOW


def test_a_link_is_that_of_its_owner_whoever_is_signed_in(world, client):
    client.force_login(world.mallory)
    client.post(unsubscribing.address(world.alice, Kind.FAILED))
    assert wishes_of(world.alice)[Kind.FAILED].mail == Mail.OFF
    assert wishes_of(world.mallory)[Kind.FAILED].mail == Mail.NOW


@pytest.mark.parametrize("what", ["forged", "of another salt", "cut", "old", "of somebody who has gone"])
def test_a_link_that_is_not_good_ends_nothing(world, client, monkeypatch, what):
    path = unsubscribing.address(world.alice, Kind.FAILED)
    if what == "forged":
        body, _, rest = path.removeprefix("/notifications/unsubscribe/").partition(":")
        other = unsubscribing.address(world.bob, Kind.FAILED).removeprefix("/notifications/unsubscribe/")
        path = f"/notifications/unsubscribe/{other.partition(':')[0]}:{rest}"
        assert body != other.partition(":")[0]
    elif what == "of another salt":
        path = f"/notifications/unsubscribe/{signing.dumps([world.alice.pk, 'failed'], salt='other')}/"
    elif what == "cut":
        path = f"{path[:-4]}/"
    elif what == "old":
        monkeypatch.setattr(unsubscribing, "GOOD_FOR", datetime.timedelta(seconds=-1))
    else:
        type(world.alice).objects.filter(pk=world.alice.pk).update(is_active=False)
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 404
        assert "does not work" in answer.content.decode()
    assert not Wish.objects.exists()


# --- digests ----------------------------------------------------------------------------------------------------------
def test_a_digest_is_one_mail_of_so_many_lines_and_none_without_lines(world, settings):
    settings.DIGEST_LINES = 3
    wish(world.alice, {Kind.ANNOUNCEMENT: (True, Mail.DIGEST)})
    assert a_day_later() == 0
    for number in range(5):
        announce(world, number)
    tell_everybody()
    mail.outbox.clear()
    assert a_day_later() == 1
    assert a_day_later() == 0
    (digest,) = mail.outbox
    assert digest.to == [world.alice.email]
    assert digest.body.count("News") == 3
    assert "and 2 more" in digest.body
    link = digest.extra_headers["List-Unsubscribe"].strip("<>")
    Client().post(link[link.index("/notifications/") :])
    wishes = wishes_of(world.alice)
    assert {wishes[kind].mail for kind in (Kind.ANNOUNCEMENT, Kind.OVERTAKEN)} == {Mail.OFF}
    assert wishes[Kind.FAILED].mail == Mail.NOW


def test_what_was_read_or_is_not_wanted_any_more_is_in_no_digest(world):
    wish(world.alice, {Kind.ANNOUNCEMENT: (True, Mail.DIGEST)})
    wish(world.bob, {Kind.ANNOUNCEMENT: (True, Mail.DIGEST)})
    announce(world)
    spread_all()
    Notification.objects.filter(user=world.alice).update(read_at=timezone.now())
    wish(world.bob, {Kind.ANNOUNCEMENT: (True, Mail.OFF)})
    assert a_day_later() == 0


def test_there_is_one_digest_a_day_at_its_hour(world, settings, monkeypatch):
    from challenge.notices import digests

    settings.DIGEST_HOUR_UTC = 6
    moment = datetime.datetime(2031, 5, 2, 6, tzinfo=datetime.UTC)
    wish(world.alice, {Kind.ANNOUNCEMENT: (True, Mail.DIGEST)})
    sent = []
    for number, hours in enumerate((-3, -1, 1, 5, 23, 24.5)):
        announce(world, number)
        now = moment + datetime.timedelta(hours=hours)
        monkeypatch.setattr("django.utils.timezone.now", lambda now=now: now)
        spread(Notice.objects.get(key=f"{number}").pk)
        sent.append(digests.send_digests())
    # At 7 o'clock those of before 6; at 6:30 of the next day the three of the day between.
    assert sent == [0, 0, 1, 0, 0, 1]
    deliver_all()
    bodies = [one.body.count("News") for one in mail.outbox if "digest" in one.subject]
    assert sorted(bodies) == [2, 3]
