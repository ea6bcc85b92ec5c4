"""Announcements: who writes, who reads, what Markdown may not do, what is told and what is taken back."""

from html.parser import HTMLParser

import pytest
from django.core import mail

from challenge.announcements.models import Announcement
from challenge.announcements.services import NotAnnounced, edit, publish, withdraw
from challenge.audit.models import AuditEntry
from challenge.notices.models import Notice, Notification
from tests.notices.workers import deliver_all, spread_all, tell_everybody

LIST = "/c/iqa/announcements/"
NEW = f"{LIST}new/"
NASTY = """# Head

<script>alert(1)</script> <img src=x onerror=alert(1)>

[a](javascript:alert(1)) [b](data:text/html,<script>) [c](https://example.org "t") ![i](x"onerror="alert(1))
"""


class Dangers(HTMLParser):
    """What of a page a browser would run that is not the site's own."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        addresses = [values.get("href", ""), values.get("src", "")]
        if (
            (tag == "script" and not values.get("src", "").startswith("/static/"))
            or any(name.startswith("on") for name in values)
            or any(address.lower().startswith(("javascript:", "data:")) for address in addresses)
        ):
            self.found.append((tag, values))


def make(world, **fields):
    values = {"challenge": world.challenge, "title": "News", "text": "**Bold**", "actor": world.organiser, **fields}
    return publish(**values)


def test_an_organiser_looks_at_it_then_publishes_and_participants_are_told(world, client):
    client.force_login(world.organiser)
    written = {"title": "New  server", "text": "It is **fast**.", "is_pinned": "on"}
    looked = client.post(NEW, {**written, "action": "preview"})
    assert "It is <strong>fast</strong>." in looked.content.decode()
    assert not Announcement.objects.exists()
    answer = client.post(NEW, {**written, "action": "publish"})
    made = Announcement.objects.get()
    assert (answer["Location"], made.title, made.author) == (made.get_absolute_url(), "New server", world.organiser)
    tell_everybody()
    assert sorted(message.to[0] for message in mail.outbox) == [f"{n}@example.org" for n in ("alice", "bob", "mallory")]
    assert "It is **fast**." in mail.outbox[0].body
    assert made.get_absolute_url() in mail.outbox[0].body
    client.logout()
    for page in (LIST, made.get_absolute_url(), "/c/iqa/"):
        assert "New server" in client.get(page).content.decode()
    assert [entry.act for entry in AuditEntry.objects.filter(actor=world.organiser)] == ["announcement_published"]


def test_markdown_of_organisers_runs_nothing(world, client):
    made = make(world, title="<script>alert(2)</script>", text=NASTY)
    client.force_login(world.organiser)
    preview = client.post(NEW, {"title": "t", "text": NASTY, "action": "preview"}).content.decode()
    pages = [client.get(page).content.decode() for page in (LIST, made.get_absolute_url(), "/c/iqa/")]
    spread_all()
    client.force_login(world.alice)
    pages.append(client.get("/notifications/").content.decode())
    for text in [preview, *pages]:
        reader = Dangers()
        reader.feed(text)
        assert reader.found == []
    assert 'rel="noopener noreferrer nofollow"' in pages[0]


def test_an_edit_is_marked_and_told_to_nobody_and_a_pin_is_no_edit(world, client):
    made = make(world)
    tell_everybody()
    mail.outbox.clear()
    assert edit(made, title="News", text="**Bold**", is_pinned=True, actor=world.organiser)
    made.refresh_from_db()
    assert (made.is_pinned, made.edited_at) == (True, None)
    assert not edit(made, title="News", text="**Bold**", is_pinned=True, actor=world.organiser)
    client.force_login(world.organiser)
    sent = {"title": "News", "text": "Other", "action": "publish"}
    assert client.post(f"{made.get_absolute_url()}edit/", sent).status_code == 302
    assert "edited" in client.get(made.get_absolute_url()).content.decode()
    tell_everybody()
    assert mail.outbox == []
    entry = AuditEntry.objects.filter(act="announcement_edited").latest("pk")
    assert (entry.before["text"], entry.after["text"]) == ("**Bold**", "Other")


def test_what_is_withdrawn_goes_from_pages_feed_and_inboxes(world, client):
    made = make(world)
    spread_all()
    assert Notification.objects.count() == 3
    client.force_login(world.organiser)
    client.post(f"{made.get_absolute_url()}withdraw/")
    assert not withdraw(made, actor=world.organiser)
    assert not Notification.objects.exists()
    with pytest.raises(NotAnnounced):
        edit(made, title="x", text="x", is_pinned=False, actor=world.organiser)
    assert "withdrawn" in client.get(LIST).content.decode()
    client.force_login(world.alice)
    assert client.get(made.get_absolute_url()).status_code == 404
    for page in (LIST, f"{LIST}feed.atom", "/c/iqa/", "/notifications/"):
        assert "Bold" not in client.get(page).content.decode()
        assert "News" not in client.get(page).content.decode()


def test_one_that_is_withdrawn_before_it_is_spread_is_told_to_nobody(world):
    from challenge.notices.spreading import spread

    made = make(world)
    waiting = Notice.objects.get()
    withdraw(made, actor=world.organiser)
    spread(waiting.pk)
    deliver_all()
    assert mail.outbox == []


def test_pinned_ones_stand_first_and_the_feed_is_by_date(world, client):
    make(world, title="Pinned one", is_pinned=True)
    make(world, title="Newer one")
    page = client.get(LIST).content.decode()
    assert page.index("Pinned one") < page.index("Newer one")
    feed = client.get(f"{LIST}feed.atom")
    assert feed["Content-Type"].startswith("application/atom+xml")
    text = feed.content.decode()
    assert text.index("Newer one") < text.index("Pinned one")
    assert "&lt;strong&gt;Bold" in text


@pytest.mark.parametrize(("title", "text"), [("", "x"), ("\u200b", "x"), ("x", " \u200b\n"), ("x" * 121, "x")])
def test_nothing_to_read_is_refused(world, title, text):
    with pytest.raises(NotAnnounced):
        make(world, title=title, text=text)


def test_the_api_publishes_and_lists(world, client):
    from challenge.accounts.services import create_token

    headers = {"authorization": f"Bearer {create_token(user=world.organiser, name='t', scopes=['organise'])[1]}"}
    address = "/api/v1/challenges/iqa/announcements"
    sent = {"title": "News", "text": "Text"}
    made = client.post(address, sent, content_type="application/json", headers=headers)
    assert made.status_code == 201
    blank = client.post(address, {"title": " ", "text": "x"}, content_type="application/json", headers=headers)
    assert (blank.status_code, blank.json()["code"]) == (409, "not_possible")
    assert [row["id"] for row in client.get(address).json()] == [made.json()["id"]]
    other = {"authorization": f"Bearer {create_token(user=world.alice, name='t', scopes=['organise'])[1]}"}
    assert client.post(address, sent, content_type="application/json", headers=other).status_code == 404
