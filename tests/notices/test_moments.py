"""What the scheduler finds out: a deadline is near, a team was overtaken. Nothing of what a board hides."""

import datetime

import pytest
from django.utils import timezone

from challenge.analyses.analysis_run import analyse
from challenge.contests.deadlines import change_deadline, freeze_board
from challenge.contests.models import Phase
from challenge.notices.kinds import Kind
from challenge.notices.models import Notice, Notification, Standing
from challenge.notices.overtaking import look, look_at_boards, overtaken
from challenge.notices.reminders import remind
from tests.factories import hidden_mos
from tests.notices.workers import tell_everybody
from tests.test_blind import found_in, traces

HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _no_broker(rung, monkeypatch):
    """Every call is taken, and nobody comes."""
    monkeypatch.setattr("challenge.notices.overtaking.ring_bell", lambda *_: True)


def closes_in(phase, **parts):
    Phase.objects.filter(pk=phase.pk).update(closes_at=timezone.now() + datetime.timedelta(**parts))
    phase.refresh_from_db()


# --- deadlines --------------------------------------------------------------------------------------------------------
def test_a_near_deadline_is_told_once(world):
    closes_in(world.development, hours=25)
    assert remind() == 0
    closes_in(world.development, hours=23)
    assert [remind(), remind()] == [1, 0]
    tell_everybody()
    assert set(Notification.objects.values_list("user__username", flat=True)) == {"alice", "bob", "mallory"}


def test_a_moved_deadline_is_told_again_when_it_is_near_and_not_while_its_mail_is_new(world):
    phase = world.development
    closes_in(phase, hours=23)
    remind()
    change_deadline(phase=phase, closes_at=timezone.now() + 20 * HOUR, reason="r", actor=None, confirms_shortening=True)
    assert remind() == 0  # its mail has just gone out
    phase.events.update(at=timezone.now() - 30 * HOUR)
    assert [remind(), remind()] == [1, 0]


@pytest.mark.parametrize("why", ["closed", "upcoming", "unpublished"])
def test_of_others_nothing_is_told(world, why):
    closes_in(world.development, hours=5)
    if why == "closed":
        Phase.objects.filter(pk=world.development.pk).update(closes_at=timezone.now())
    elif why == "upcoming":
        Phase.objects.filter(pk=world.development.pk).update(opens_at=timezone.now() + HOUR)
    else:
        type(world.challenge).objects.update(is_published=False)
    assert remind() == 0


# --- boards -----------------------------------------------------------------------------------------------------------
def looked(world, phase=None) -> int:
    """Look at the board now; how many teams have been told since the beginning."""
    Standing.objects.update(next_look_at=timezone.now())
    look_at_boards()
    look((phase or world.development).pk)
    return Notice.objects.filter(kind=Kind.OVERTAKEN).count()


def test_a_team_that_is_passed_by_a_new_file_is_told_once_a_day(world):
    """CodaLab #1233: tell me when I am overtaken."""
    world.scored(noise=0.8)
    world.scored(world.mallory, noise=1.5, seed=2)
    assert looked(world) == 0
    world.scored(world.mallory, noise=0.4, seed=3)
    assert [looked(world), looked(world)] == [1, 1]
    tell_everybody()
    rows = Notification.objects.filter(notice__kind=Kind.OVERTAKEN)
    assert {row.user for row in rows} == {world.alice, world.bob}
    assert "«Rivals»" in rows[0].notice.title
    assert "rank 2" in rows[0].notice.text
    world.scored(noise=0.3, seed=4)
    assert looked(world) == 2  # now the rivals are passed
    world.scored(world.mallory, noise=0.1, seed=5)
    assert looked(world) == 2  # the team has been told today


def hidden(world, how):
    phase = world.development
    if how == "frozen":
        freeze_board(phase=phase, frozen_at=timezone.now(), actor=None)
    values = {
        "blind": {"is_blind": True},
        "groups": {"rank_display": "groups"},
        "private": {"public_share": 0.5, "split_secret": b"x", "shows_private": True},
        "frozen": {},
    }[how]
    Phase.objects.filter(pk=phase.pk).update(**values)


def shown_again(world, how):
    values = {"is_blind": False, "rank_display": "both", "shows_private": False, "board_frozen_at": None}
    Phase.objects.filter(pk=world.development.pk).update(**values)


@pytest.mark.parametrize("how", ["frozen", "blind", "groups", "private"])
def test_nothing_is_told_about_what_happened_while_a_board_was_hidden(world, how, monkeypatch):
    world.scored(noise=0.8)
    looked(world)
    hidden(world, how)
    monkeypatch.setattr("challenge.submissions.scoring_run.evaluate_private", lambda *_a, **_o: None)
    world.scored(world.mallory, noise=0.2, seed=3)
    assert looked(world) == 0
    shown_again(world, how)
    Phase.objects.filter(pk=world.development.pk).update(board_version=999)
    assert looked(world) == 0


def test_on_a_ladder_only_what_was_shown_counts(world):
    from challenge.analyses.release_run import release

    Phase.objects.filter(pk=world.development.pk).update(release_rule="ladder")
    world.development.refresh_from_db()

    def released(submission):
        analyse(submission.evaluations.get().pk)
        release(submission.evaluations.get().pk)

    released(world.scored(noise=0.8))
    assert looked(world) == 0
    better = world.scored(world.mallory, noise=0.2, seed=3)
    assert looked(world) == 0  # scored, not shown
    released(better)
    Phase.objects.filter(pk=world.development.pk).update(board_version=999)
    assert looked(world) == 1


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"a": (1, "f")}, {"b": (1, "g"), "a": (2, "f")}, {"a": ["b"]}),
        ({"a": (1, "f")}, {"b": (1, "g"), "a": (1, "f")}, {}),  # a tie
        ({"a": (1, "f")}, {"b": (1, "g"), "a": (2, "h")}, {}),  # its own new file
        ({"a": (1, "f"), "b": (2, "g")}, {"b": (1, "g"), "a": (2, "f")}, {}),  # a rescoring
        ({"a": (None, "f")}, {"b": (1, "g"), "a": (None, "f")}, {}),
        ({"b": (1, "g"), "a": (2, "f")}, {"b": (1, "h"), "a": (2, "f")}, {}),  # it was ahead
        ({"a": (1, "f"), "b": (2, "g")}, {"b": (None, "h"), "a": (1, "f")}, {}),
    ],
)
def test_who_was_overtaken(before, now, expected):
    assert overtaken(before, now) == expected


def test_a_board_that_has_not_changed_is_not_looked_at(world):
    world.scored()
    assert look_at_boards() == 1
    assert look_at_boards() == 0  # at most once a minute
    looked(world)
    Standing.objects.update(next_look_at=timezone.now())
    assert look_at_boards() == 0


# --- secrecy ----------------------------------------------------------------------------------------------------------
def test_no_notice_and_no_mail_holds_a_score_of_any_phase(world):
    from django.core import mail

    from challenge.notices.kinds import Mail
    from challenge.notices.services import wish

    for user in (world.alice, world.bob, world.mallory):
        wish(user, {Kind.SCORED: (True, Mail.NOW), Kind.OVERTAKEN: (True, Mail.NOW)})
    secret = {f"{mos:.6f}"[:-2] for mos in hidden_mos().values()}
    files = [world.scored(noise=0.8), world.scored(phase=world.final), looked(world)][:2]
    files.append(world.scored(world.mallory, noise=0.2, seed=2))
    looked(world)
    for submission in files:
        analyse(submission.evaluations.get().pk)
        secret |= traces(submission.evaluations.get().analysis.result)
    constant = "".join(f"{name},3\n" for name in hidden_mos()).encode()
    world.scored(phase=world.final, content=constant)
    tell_everybody()
    assert Notice.objects.filter(kind=Kind.OVERTAKEN).exists()
    texts = [f"{one.subject} {one.body}" for one in mail.outbox]
    texts += [f"{title} {text}" for title, text in Notice.objects.values_list("title", "text")]
    assert len(texts) > 5
    assert [text for text in texts if found_in(text, secret) or "undefined" in text] == []
    # Of two files in a blind phase, one of them undefined, the notices differ by nothing but their addresses.
    blind = Notice.objects.filter(kind=Kind.SCORED, title__contains="Final")
    assert blind.values_list("title", "text").distinct().count() == 1
