"""When a study will be done: what is left by the rules of sessions, the pace, each subject's calendar; raw Parquet."""

import datetime
import io
import sys

import pytest
from django.core.cache import caches
from django.utils import timezone

from challenge.study import rating, setup
from challenge.study.exports import RECORDED_COLUMNS, recorded_rows
from challenge.study.models import RatingSession
from challenge.study.pace import measure
from tests.study.studies import answer, invited, make_study, rate

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def study(world):
    """Three groups of eight images; with 2 warm-ups and 2 repeats a session has 12 trials."""
    return make_study(
        world.challenge, world.organiser, images=24, session_images=8, rest_minutes=60, sessions_per_day=2
    )


def test_what_is_left_is_everybodys_groups_less_what_is_answered(world, study):
    first, _ = invited(study, world.organiser)
    invited(study, world.organiser, consents=False)
    before = measure(study)
    assert (before.ratings, before.sessions, before.seconds, before.pace) == (72, 6, None, None)
    rate(rating.start_session(first), lambda _: 3.0)
    RatingSession.objects.update(finished_at=timezone.now() - 2 * HOUR)
    session = rating.start_session(first)
    page = session.pk
    rating.hold(session, page, "test", takes_over=True, environment={})
    given = [rating.read_answer(answer(trial), study) for trial in session.trials.order_by("position")[:5]]
    rating.take_answers(session, page, given)
    now = measure(study)
    assert (now.ratings, now.sessions) == (72 - 12 - 5, 5)
    assert now.seconds == pytest.approx(1.8)
    assert now.hours == pytest.approx(55 * 1.8 / 3600)
    own = now.calendars[1]
    assert (own.done, own.open, own.left, own.next_at) == (1, 1, 1, None)


def test_pace_and_rules_say_when_the_last_session_may_be(world, study):
    subject, _ = invited(study, world.organiser)
    rate(rating.start_session(subject), lambda _: 3.0)
    found = measure(study)
    ended = RatingSession.objects.get().finished_at
    assert found.pace == 1  # one session within the first day
    assert found.calendars[1].next_at == ended + HOUR
    assert abs(found.done_by - timezone.now() - datetime.timedelta(days=2)) < HOUR
    assert found.earliest == ended + HOUR  # two sessions are left, and two a day are allowed
    setup.withdraw(subject)
    gone = measure(study)
    assert (gone.ratings, gone.sessions, gone.done_by, gone.calendars) == (0, 0, None, {})


def test_the_operator_reads_it_above_the_matrix(client, world, study):
    subject, _ = invited(study, world.organiser)
    rate(rating.start_session(subject), lambda _: 3.0)
    client.force_login(world.organiser)
    shown = " ".join(client.get(f"/c/iqa/studies/{study.pk}/matrix/").content.decode().split())
    assert "24 ratings in 2 sessions are left" in shown
    assert "1 done, 2 left" in shown
    assert "next from" in shown
    caches["local"].clear()


def test_everything_recorded_is_a_parquet_file_too(client, world, study):
    pq = pytest.importorskip("pyarrow.parquet")
    subject, _ = invited(study, world.organiser)
    rate(rating.start_session(subject), lambda trial: 2.5)
    client.force_login(world.organiser)
    content = client.get(f"/c/iqa/studies/{study.pk}/raw-ratings.parquet").content
    table = pq.read_table(io.BytesIO(content))
    assert table.column_names == list(RECORDED_COLUMNS)
    rows = list(recorded_rows(study))
    assert table.num_rows == len(rows) == 12
    assert table["rating"].to_pylist() == [row[3] for row in rows]
    assert table["rating_id"].to_pylist() == [str(row[RECORDED_COLUMNS.index("rating_id")]) for row in rows]
    empty = make_study(world.challenge, world.organiser)
    content = client.get(f"/c/iqa/studies/{empty.pk}/raw-ratings.parquet").content
    assert pq.read_table(io.BytesIO(content)).num_rows == 0


def test_a_server_without_pyarrow_says_so(client, world, study, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    client.force_login(world.organiser)
    response = client.get(f"/c/iqa/studies/{study.pk}/raw-ratings.parquet", follow=True)
    assert "pyarrow is not installed" in response.content.decode()
