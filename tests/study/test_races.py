"""Many at once, in real transactions: on SQLite here, on PostgreSQL through tests/test_on_postgres.py."""

import uuid

import pytest

from challenge.study import rating
from challenge.study.models import Rating, RatingSession
from tests.factories import make_world
from tests.study.studies import answer, entered, invited, make_study
from tests.submissions.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
SUBJECTS = 21


def test_twenty_one_subjects_at_once_lose_no_rating():
    world = make_world()
    study = make_study(world.challenge, world.organiser, images=8)
    browsers = [entered(invited(study, world.organiser)[1]) for _ in range(SUBJECTS)]

    def rate_all(number: int) -> int:
        browser, page = browsers[number], str(uuid.uuid4())
        path = browser.post(f"/rate/{study.pk}/start/").headers["Location"]
        holding = {"page": page, "device": page}
        assert browser.post(f"{path}hold/", holding, content_type="application/json").status_code == 200
        for trial in browser.get(f"{path}state.json").json()["trials"]:
            sent = {"page": page, "answers": [answer(trial["id"], number % 6)]}
            for _ in range(2):  # sent twice, as after a lost reply
                assert browser.post(f"{path}answers/", sent, content_type="application/json").status_code == 200
        return int(browser.post(f"{path}finish/").status_code)

    assert set(at_once(SUBJECTS, rate_all)) == {200}
    trials = RatingSession.objects.first().trials.count()
    assert Rating.objects.filter(is_superseded=False).count() == Rating.objects.count() == SUBJECTS * trials


def test_many_starts_at_once_make_one_session_and_many_answers_one_that_counts():
    world = make_world()
    study = make_study(world.challenge, world.organiser, images=8)
    subject, _ = invited(study, world.organiser)
    sessions = at_once(8, lambda _: rating.start_session(subject).pk)
    assert len(set(sessions)) == 1
    session, page = RatingSession.objects.select_related("subject__study").get(), uuid.uuid4()
    trial = session.trials.first()
    rating.hold(session, page, "d", takes_over=False, environment={})
    answers = [rating.read_answer(answer(trial, number % 6), study) for number in range(8)]
    taken = at_once(8, lambda number: rating.take_answers(session, page, [answers[number]]))
    assert all(one.stored for one in taken)
    assert (Rating.objects.count(), Rating.objects.filter(is_superseded=False).count()) == (8, 1)
