"""What people are told in a season, what they ask, and what they do not want to hear.

Steps of `test_season`. Mail is read where it arrives, everything else on pages and by the API.
"""

import re

from django.core import mail

from challenge.notices.models import Notice
from tests.season.files import TEAMS, predictions
from tests.season.state import HOME, Season
from tests.season.visitors import Visitor

SETTINGS = "/notifications/settings/"
QUIET, GATHERING = TEAMS[12], TEAMS[13]  # one wants hardly any mail and no announcements, one has these in the digest


def mails(about: str) -> list[str]:
    """Who got a mail whose subject has these words, a name for each mail."""
    return sorted(one.to[0].partition("@")[0] for one in mail.outbox if about in one.subject)


def told(viewer: Visitor, kind: str) -> list[str]:
    """The titles of what the API says somebody was told of a kind, newest first."""
    return [row["title"] for row in viewer.ask("notifications?limit=500") if row["kind"] == kind]


def an_announcement_reaches_those_who_want_it(season: Season) -> None:
    """Looked at, then published. One team wants none, one the digest; a link in a mail ends a kind."""
    kinds = ("scored", "failed", "deadline_near", "overtaken", "announcement", "answer", "membership")
    never = {f"{kind}-mail": "off" for kind in kinds}
    season.leaders[QUIET].fill(SETTINGS, **never, **{"announcement-site": None})
    season.leaders[GATHERING].fill(SETTINGS, **{"announcement-mail": "digest"})
    mail.outbox.clear()
    page = f"{HOME}announcements/new/"
    looked = season.organiser.fill(page, title="A mirror", text="The data are **also** there.")
    assert "<strong>also</strong>" in looked.content.decode()
    assert "A mirror" not in season.visitor.look(HOME)
    season.organiser.confirm(looked, action="publish")
    season.workers.tend(deliveries=2)
    assert "A mirror" in season.visitor.look(HOME)
    assert "A mirror" in season.visitor.look(f"{HOME}announcements/feed.atom")
    reached = mails("A mirror")
    assert len(reached) == len(set(reached)) == len(TEAMS) + 3 - 2  # three have a mate
    for team, on_the_site in ((QUIET, []), (GATHERING, ["A mirror"]), (TEAMS[0], ["A mirror"])):
        assert told(season.leaders[team], "announcement") == on_the_site
        assert ("A mirror" in season.leaders[team].look("/notifications/")) == bool(on_the_site)
    first = season.leaders[TEAMS[0]].user
    [message] = [one for one in mail.outbox if "A mirror" in one.subject and first and one.to == [first.email]]
    link = re.search(r"/notifications/unsubscribe/\S+", str(message.body))
    assert link
    assert "Done" in season.visitor.fill(link[0]).content.decode()


def a_question_is_asked_answered_and_published(season: Season) -> None:
    """Only its asker and the organisers see it until it is published; then everybody, without a name."""
    asker, other = season.leaders[TEAMS[2]], season.leaders[TEAMS[5]]
    mail.outbox.clear()
    asker.fill(f"{HOME}questions/ask/", question="May we use KonIQ-10k?")
    season.workers.tend()
    assert mails("A new question") == ["organiser"]
    assert "KonIQ" not in other.look(f"{HOME}questions/")
    [row] = asker.ask("challenges/season/questions")
    page = f"{HOME}questions/{row['id']}/"
    other.look(page, status=404)
    season.organiser.fill(page, what="answer", answer="Yes, and *say so*.", publishes="on")
    season.workers.tend()
    assert mails("was answered") == [asker.user.username if asker.user else ""]
    text = season.visitor.look(page)
    assert "KonIQ" in text
    assert "<em>say so</em>" in text
    assert TEAMS[2] not in text.partition("<main")[2]
    acts = {entry["act"] for entry in season.organiser.table(f"{HOME}desk/log.csv")}
    assert {"announcement_published", "question_answered"} <= acts


def who_is_overtaken_is_told(season: Season) -> None:
    """The scheduler looks at the board, a better file comes, it looks again: those below are told, once that day."""
    season.workers.tend()
    before = {
        row["name"]: row["rank"] for row in season.visitor.ask(f"phases/{season.id_of('development')}/leaderboard")
    }
    climber = TEAMS[15]
    for attempt in (1, 2):
        season.send(climber, "development", predictions(climber, "development", attempt, better=0.3))
        season.workers.work()
        season.clock.forward(minutes=2)
        season.workers.tend()
    after = {
        row["name"]: row["rank"] for row in season.visitor.ask(f"phases/{season.id_of('development')}/leaderboard")
    }
    passed = {
        team
        for team, rank in after.items()
        if team != climber
        and rank
        and rank > before[team]
        and before[team] <= before[climber]
        and rank > after[climber]
    }
    assert passed
    found = {team for team in after if told(season.leaders[team], "overtaken")}
    assert found == passed
    assert all(len(told(season.leaders[team], "overtaken")) == 1 for team in found)
    assert mails("Overtaken") == []  # that is for the digest


def the_digest_gathers_it_once_a_day(season: Season) -> None:
    """The next morning each of them has one mail; who wants no mail has none."""
    mail.outbox.clear()
    for _ in range(2):
        season.workers.tend(deliveries=2)
    digests = [one for one in mail.outbox if "since your last digest" in one.subject]
    people = [one.to[0] for one in digests]
    assert len(people) == len(set(people)) > 0
    lines = {one.to[0]: str(one.body) for one in digests}
    gathering = season.leaders[GATHERING].user
    assert gathering
    assert "A mirror" in lines[gathering.email]
    quiet = season.leaders[QUIET].user
    assert quiet
    assert quiet.email not in lines
    mail.outbox.clear()


def the_deadline_is_near(season: Season) -> None:
    """Each participant gets one mail, however often the scheduler looks; not who wants none."""
    mail.outbox.clear()
    for _ in range(2):
        season.workers.tend(deliveries=2)
    reached = mails("closes at")
    assert len(reached) == len(set(reached)) == len(TEAMS) + 3 - 1
    assert len(told(season.leaders[QUIET], "deadline_near")) == 1
    season.leaders[QUIET].fill("/notifications/", to="/notifications/read/")
    assert season.leaders[QUIET].ask("notifications?unread=true") == []
    assert Notice.objects.filter(kind="deadline_near").count() == 1
