"""A notice reaches each of its readers once, by the ways they wish, whatever dies in between."""

import datetime

import pytest
from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from challenge.contests.deadlines import change_deadline
from challenge.core import work
from challenge.core.work import State
from challenge.mail.models import Message
from challenge.mail.services import send_later
from challenge.notices import spreading
from challenge.notices.kinds import RULES, Audience, Kind, Mail
from challenge.notices.models import Notice, Notification
from challenge.notices.services import reconcile, tell, wish
from challenge.submissions.scoring_run import score
from challenge.submissions.services import fail
from tests.factories import make_pending
from tests.notices.workers import a_day_later, deliver_all, spread_all, tell_everybody

DAY = datetime.timedelta(days=1)


def announce(world, key="one", **fields):
    values = {"challenge": world.challenge, "title": "Server moved", "text": "It has.", "path": "/c/iqa/", **fields}
    tell(Kind.ANNOUNCEMENT, key, **values)
    return Notice.objects.get(kind=Kind.ANNOUNCEMENT, key=key)


def mailed() -> list[str]:
    return sorted(address for message in mail.outbox for address in message.to)


PARTICIPANTS = [f"{name}@example.org" for name in ("alice", "bob", "mallory")]


def test_everybody_who_takes_part_gets_it_on_the_site_and_by_mail_once(world):
    notice = announce(world)
    assert tell(Kind.ANNOUNCEMENT, "one", challenge=world.challenge, title="Again", path="/") is False
    assert mail.outbox == []  # never in the request
    for _ in range(3):
        spreading.spread(notice.pk)
        deliver_all(times=3)
    assert mailed() == PARTICIPANTS
    assert [message.subject for message in mail.outbox[:1]] == ["[IQA Challenge] IQA challenge: Server moved"]
    assert Notification.objects.count() == 3
    notice.refresh_from_db()
    assert notice.state == State.DONE


@pytest.mark.parametrize("status", ["pending", "rejected"])
def test_who_waits_or_was_rejected_is_not_told(world, status):
    """Codabench #2109: mass mail goes to everybody, whatever the status."""
    world.alice.registrations.update(status=status)
    announce(world)
    tell_everybody()
    assert mailed() == PARTICIPANTS[1:]


def test_people_without_an_address_read_it_on_the_site_and_those_without_an_account_nowhere(world):
    people = type(world.bob).objects
    people.filter(pk=world.bob.pk).update(email="")
    people.filter(pk=world.mallory.pk).update(is_active=False)
    announce(world)
    tell_everybody()
    assert mailed() == PARTICIPANTS[:1]
    assert set(Notification.objects.values_list("user__username", flat=True)) == {"alice", "bob"}


def test_a_worker_that_dies_half_way_leaves_the_rest_to_the_next_and_nothing_twice(world, monkeypatch):
    left: list[Exception | None] = [None, MemoryError()]

    def dying(*arguments, **options):
        if error := left.pop(0) if left else None:
            raise error
        send_later(*arguments, **options)

    monkeypatch.setattr(spreading, "BATCH", 1)
    monkeypatch.setattr(spreading, "send_later", dying)
    notice = announce(world)
    with pytest.raises(MemoryError):
        spreading._give(notice, [world.alice, world.bob])  # the first mail was written, the second one was not
    assert not Notification.objects.exists()
    assert not Message.objects.exists()
    left[:] = [None, OSError("the second batch")]
    spreading.spread(notice.pk)
    assert Notification.objects.count() == Message.objects.count() == 1
    spreading.spread(notice.pk)
    deliver_all()
    assert mailed() == PARTICIPANTS


def test_a_forgotten_notice_is_rung_again(world, monkeypatch):
    rung = []

    def ring_bell(task, pk):
        rung.append((task.name, pk))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    notice = announce(world)
    assert reconcile() == 1
    assert rung == [("notices.spread", notice.pk)]


def test_what_is_rolled_back_is_never_told(world):
    with transaction.atomic():
        announce(world)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


@pytest.mark.parametrize(("kind", "who"), [(Kind.SCORED, {}), (Kind.ANSWER, {}), (Kind.QUESTION, {"team": True})])
def test_a_notice_for_the_wrong_people_is_refused(world, kind, who):
    who = {"team": world.team} if who else {}
    with pytest.raises(ValueError, match="is for"):
        tell(kind, "x", challenge=world.challenge, title="T", path="/", **who)


# --- what happens elsewhere ------------------------------------------------------------------------------------------
def test_a_moved_deadline_is_told_with_its_reason(world):
    phase = world.development
    event = change_deadline(
        phase=phase, closes_at=phase.closes_at + DAY, reason="The server was down.", actor=world.organiser
    )
    tell_everybody()
    assert mailed() == PARTICIPANTS
    assert "Deadline extended: Development" in mail.outbox[0].subject
    assert "The server was down." in mail.outbox[0].body
    assert f"{event.after:%Y-%m-%d %H:%M} UTC" in mail.outbox[0].body


def test_a_scored_file_is_told_to_its_team_on_the_site(world):
    """CodaLab #1233: tell me when my file is scored."""
    submission = world.scored()
    tell_everybody()
    assert mail.outbox == []
    rows = Notification.objects.filter(notice__kind=Kind.SCORED)
    assert {row.user for row in rows} == {world.alice, world.bob}
    assert rows[0].notice.path == f"/submissions/{submission.pk}/"


def test_scoring_calls_no_worker_for_it(world, rung, monkeypatch, django_capture_on_commit_callbacks):
    called = []

    def ring_bell(task, *_pk):
        called.append(task.name)
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    submission = world.submit()
    with django_capture_on_commit_callbacks(execute=True):
        score(submission.pk)
    assert Notice.objects.filter(kind=Kind.SCORED).count() == 1
    assert "notices.spread" not in called


def test_a_failed_file_is_told_to_its_team_and_to_the_organisers_once_an_hour(world):
    for submission in (world.submit(), world.submit(world.mallory)):
        assert fail(type(submission).objects.filter(pk=submission.pk), "Something went wrong on our side.")
        assert not fail(type(submission).objects.filter(pk=submission.pk), "twice")
    tell_everybody()
    assert mailed() == [*PARTICIPANTS, "organiser@example.org"]


def test_a_decision_is_told_to_its_person_only(world):
    from challenge.contests.registrations import decide

    pending = make_pending(world)
    decide(pending.registrations.get(), accept=False, actor=world.organiser, reason="Two accounts")
    tell_everybody()
    assert mailed() == ["pending@example.org"]
    assert "Two accounts" in mail.outbox[0].body


# --- whatever people wish ---------------------------------------------------------------------------------------------
KINDS = [kind for kind, rule in RULES.items() if rule.audience in (Audience.PARTICIPANTS, Audience.TEAM)]
WISH = st.tuples(st.booleans(), st.sampled_from(list(Mail)))
WISHES = st.dictionaries(st.tuples(st.sampled_from(["alice", "bob", "mallory"]), st.sampled_from(KINDS)), WISH)
EVENTS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2)), max_size=6)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=WISHES, events=EVENTS, deliveries=st.integers(1, 2))
def test_exactly_those_who_want_it_get_each_message_once(world, wishes, events, deliveries):
    people = {user.username: user for user in (world.alice, world.bob, world.mallory)}
    with transaction.atomic():
        mail.outbox.clear()
        for (name, kind), wanted in wishes.items():
            wish(people[name], {kind: wanted})
        for kind, number in events:
            team = {"team": world.team} if RULES[kind].audience == Audience.TEAM else {}
            tell(kind, str(number), challenge=world.challenge, title=f"T-{kind}-{number}-", path="/c/iqa/", **team)
        spread_all(deliveries)
        deliver_all(deliveries)
        a_day_later()
        for name, user in people.items():
            got = [message.subject + message.body for message in mail.outbox if message.to == [user.email]]
            for kind, number in set(events):
                told = RULES[kind].audience == Audience.PARTICIPANTS or user in (world.alice, world.bob)
                in_site, how = wishes.get((name, kind), (True, RULES[kind].mail))
                mark = f"T-{kind}-{number}-"
                rows = Notification.objects.filter(user=user, notice__title=mark, in_site=True).count()
                assert rows == (told and in_site)
                assert sum(text.count(mark) for text in got) == (told and how != Mail.OFF)
        transaction.set_rollback(True)
