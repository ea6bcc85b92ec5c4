"""G. Time zones and deadlines: the page and the server have one clock, and every time has its zone."""

import datetime
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Phase
from tests.complaints.conftest import BOARD, HOME, SUBMIT, Site, words
from tests.factories import prediction_csv


@pytest.fixture
def noon(site: Site) -> datetime.datetime:
    """A deadline at a whole second; the final phase begins there."""
    moment = (timezone.now() + datetime.timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    Phase.objects.filter(slug="development").update(closes_at=moment)
    Phase.objects.filter(slug="final").update(opens_at=moment)
    return moment


def turn_to(site: Site, moment: datetime.datetime) -> None:
    site.clock.forward(seconds=(moment - timezone.now()).total_seconds())


def test_page_and_server_agree_on_the_deadline(site: Site, noon):
    """habitat-challenge #178 to #180, VIPriors #40, visda21 #8: open on the page, closed at the server, or the other
    way round. Codabench #1400, #1155: no phase is active between two that follow each other; #774."""
    turn_to(site, noon - datetime.timedelta(seconds=30))
    assert 'type="file"' in site["alice"].look(SUBMIT)
    assert "Opens in" in words(site["alice"].look(HOME))
    site.accepted("alice")
    assert "This phase is not open yet." in words(site["alice"].look(f"{HOME}final/submit/"))
    turn_to(site, noon)
    page = site["alice"].look(SUBMIT)
    assert 'type="file"' not in page
    assert f"This phase closed {noon:%Y-%m-%d %H:%M} UTC" in words(page)
    refused = words(site.post("alice", prediction_csv(seed=2)))
    assert f"closed at {noon:%Y-%m-%d %H:%M:%S} UTC; your upload began at {noon:%Y-%m-%d} 12:00:0" in refused
    site.accepted("alice", phase="final")


def test_every_time_on_a_page_names_its_zone(site: Site):
    """Codabench #1359 (which zone is it?); grand-challenge pull request #2524 "hopefully no more excuses"."""
    own = site.accepted("alice")
    site.work()
    participant = ["/", HOME, f"{HOME}data/", SUBMIT, f"{HOME}submissions/", own, BOARD, f"{HOME}team/"]
    organiser = [f"{HOME}desk/", f"{HOME}desk/submissions/", f"{HOME}development/deadline/", f"{HOME}desk/log/"]
    found = 0
    for name, pages in (("alice", participant), ("organiser", organiser)):
        for page in pages:
            text = words(site[name].look(page))
            times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(.{4})", text)
            found += len(times)
            assert set(times) <= {" UTC"}, page
    assert found > 15


def test_the_form_of_a_phase_names_the_zone_and_keeps_the_moment(site: Site, noon):
    """Codabench #1796: times are shifted by the viewer's zone each time the form is saved; #1598, #1155, #1399: a
    phase ends at midnight only."""
    Phase.objects.filter(slug="final").update(closes_at=noon + datetime.timedelta(days=7, hours=3, seconds=5))
    phase = Phase.objects.get(slug="final")
    page = reverse("admin:contests_phase_change", args=[phase.pk])
    for label in ("Opens at", "Closes at", "Late until", "Choice until"):
        assert f"{label}, UTC" in words(site["organiser"].look(page))
    site["organiser"].fill(page, title="Final phase")
    saved = Phase.objects.get(slug="final")
    assert (saved.title, saved.opens_at, saved.closes_at) == ("Final phase", phase.opens_at, phase.closes_at)
    text = words(site["organiser"].look(f"{HOME}final/deadline/"))
    assert "Closes at, UTC" in text
