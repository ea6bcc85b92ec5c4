"""What a session is and what the server takes: the order, the rest, one answer that counts, one page that rates."""

import datetime
import uuid
from collections import Counter

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from challenge.study import rating, setup
from challenge.study.models import Rating, RatingSession, Trial
from challenge.study.order import LEAST_GAP, group_order, session_order
from tests.study.studies import answer, entered, invited, make_study, rate

pytestmark = pytest.mark.django_db
JSON = "application/json"


@given(
    images=st.integers(0, 120),
    warm=st.integers(0, 4),
    golds=st.integers(0, 4),
    repeats=st.integers(0, 20),
    seed=st.text(),
)
def test_an_order_has_every_image_once_and_repeats_far_from_the_first_time(images, warm, golds, repeats, seed):
    names = [f"i{n}" for n in range(images)]
    order = session_order(names, [f"w{n}" for n in range(warm)], [f"g{n}" for n in range(golds)], repeats, seed)
    assert order == session_order(names, [f"w{n}" for n in range(warm)], [f"g{n}" for n in range(golds)], repeats, seed)
    assert Counter(kind for kind, _ in order[:warm]) == ({"warmup": warm} if warm else {})
    main = [name for kind, name in order if kind == "main"]
    assert sorted(main) == sorted(names)
    assert [name for kind, name in order if kind == "gold"].__len__() == golds
    again = [name for kind, name in order if kind == "repeat"]
    assert len(set(again)) == len(again) <= repeats
    places = {name: place for place, (kind, name) in enumerate(order) if kind == "main"}
    gap = min(LEAST_GAP, images // 3)
    assert all(place - places[name] > gap for place, (kind, name) in enumerate(order) if kind == "repeat")


@given(count=st.integers(1, 40), number=st.integers(1, 200))
def test_each_subject_meets_every_group_once_beginning_one_further_on(count, number):
    order = group_order(range(count), number)
    assert sorted(order) == list(range(count))
    assert order[0] == (number - 1) % count


@pytest.fixture
def study(world):
    return make_study(world.challenge, world.organiser, images=30, session_images=15, golds=2)


@pytest.fixture
def session(world, study):
    subject, _ = invited(study, world.organiser)
    return rating.start_session(subject)


def trials_of(session) -> list[tuple[int, str, str]]:
    return list(session.trials.order_by("position").values_list("position", "kind", "image__name"))


def test_a_session_has_its_group_controls_and_one_order_for_ever(session):
    kinds = Counter(kind for _, kind, _ in trials_of(session))
    assert kinds == {"main": 15, "warmup": 2, "repeat": 2, "gold": 2}
    before = trials_of(session)
    assert rating.start_session(session.subject) == session
    assert trials_of(session) == before


def test_the_browser_learns_nothing_that_tells_images_apart(world, study):
    _, token = invited(study, world.organiser)
    browser = entered(token)
    page = browser.post(f"/rate/{study.pk}/start/").headers["Location"]
    state = browser.get(f"{page}state.json")
    assert not any(name in state.content for name in (b"gold", b"repeat", b"image_0", b"group", b"main"))
    trial = state.json()["trials"][0]
    image = browser.get(f"/rate/images/{trial['id']}.png")
    assert image.headers["Content-Type"] == "image/png"
    assert "immutable" in image.headers["Cache-Control"]
    assert "Content-Disposition" not in image.headers
    assert b"".join(image).startswith(b"\x89PNG")
    _, other = invited(study, world.organiser)
    stranger = entered(other)
    for path in (f"{page}", f"{page}state.json", f"/rate/images/{trial['id']}.png"):
        assert stranger.get(path).status_code == 404


def test_an_answer_counts_once_however_often_and_late_it_is_sent(session):
    page = uuid.uuid4()
    rating.hold(session, page, "d", takes_over=False, environment={})
    study, trial = session.subject.study, session.trials.first()
    given_once = rating.read_answer(answer(trial, 3.7), study)
    for _ in range(3):
        taken = rating.take_answers(session, page, [given_once, given_once])
        assert (set(taken.stored), taken.refused) == ({given_once.id}, {})
    assert Rating.objects.get().value == 3.7


def test_a_correction_supersedes_and_the_old_value_stays(session):
    page = uuid.uuid4()
    rating.hold(session, page, "d", takes_over=False, environment={})
    study, trial = session.subject.study, session.trials.first()
    first = answer(trial, 2)
    second = answer(trial, 4, supersedes=first["id"])
    rating.take_answers(session, page, [rating.read_answer(one, study) for one in (first, second)])
    assert set(Rating.objects.values_list("value", "is_superseded")) == {(2.0, True), (4.0, False)}


def test_a_second_opinion_from_another_device_is_kept_and_does_not_count(session):
    here, there = uuid.uuid4(), uuid.uuid4()
    study, trial = session.subject.study, session.trials.first()
    assert rating.hold(session, here, "laptop", takes_over=False, environment={})
    assert not rating.hold(session, there, "phone", takes_over=False, environment={})
    assert rating.hold(session, there, "phone", takes_over=True, environment={})
    rating.take_answers(session, there, [rating.read_answer(answer(trial, 4), study)])
    late = rating.take_answers(session, here, [rating.read_answer(answer(trial, 1), study)])
    assert not late.holds
    assert len(late.stored) == 1
    assert set(Rating.objects.values_list("value", "is_superseded")) == {(4.0, False), (1.0, True)}
    assert rating.take_answers(session, uuid.uuid4(), []) is None


def test_a_page_that_went_silent_holds_nothing(session):
    assert rating.hold(session, uuid.uuid4(), "laptop", takes_over=False, environment={})
    silent = timezone.now() - datetime.timedelta(seconds=rating.PAGE_SILENT_SECONDS + 1)
    RatingSession.objects.update(page_seen_at=silent)
    assert rating.hold(session, uuid.uuid4(), "phone", takes_over=False, environment={})


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 5.1},
        {"value": -0.1},
        {"value": 3.75},
        {"value": "3"},
        {"value": True},
        {"value": float("nan")},
        {"value": None},
        {"value": 3, "flag": "broken"},
        {"value": None, "flag": "ugly"},
        {"id": "no id"},
        {"input": "thought"},
        {"response_ms": float("inf")},
        {"response_ms": None},
        {"first_ms": "soon"},
        {"supersedes": "x"},
    ],
)
def test_answers_that_are_none_are_refused(study, fields):
    with pytest.raises(rating.InvalidAnswer):
        rating.read_answer(answer(uuid.uuid4(), **{"value": 3.0, **fields}), study)


def test_a_clock_that_was_set_in_between_costs_no_score(study):
    read = rating.read_answer(answer(uuid.uuid4(), 3.0, response_ms=-5, first_ms=10**12, client_at="yesterday"), study)
    assert (read.value, read.response_ms, read.first_ms) == (3.0, 0, rating.LONGEST_MS)


def test_the_database_holds_one_counting_answer_and_either_score_or_flag(session):
    trial = session.trials.first()
    common = {"trial": trial, "input": "key", "response_ms": 1, "client_at": timezone.now()}
    Rating.objects.create(id=uuid.uuid4(), value=1, **common)
    for wrong in ({"value": 2}, {"value": None, "is_superseded": True}, {"value": 2, "flag": "broken"}, {"value": 10}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Rating.objects.create(id=uuid.uuid4(), **{"is_superseded": wrong != {"value": 2}, **common, **wrong})


def test_finishing_needs_every_answer_and_then_comes_the_rest(study, session):
    assert not rating.finish(session)
    rate(session, lambda trial: 3.0)
    study.rest_minutes = 30
    study.save()
    session.subject.study.refresh_from_db()
    with pytest.raises(rating.NotNow, match="rest") as caught:
        rating.start_session(session.subject)
    wait = caught.value.until - timezone.now()
    assert datetime.timedelta(minutes=29) < wait <= datetime.timedelta(minutes=30)
    RatingSession.objects.update(finished_at=timezone.now() - datetime.timedelta(minutes=31))
    following = rating.start_session(session.subject)
    assert following.group != session.group
    rate(following, lambda trial: 3.0)
    RatingSession.objects.update(finished_at=timezone.now() - datetime.timedelta(minutes=31))
    with pytest.raises(rating.NotNow, match="all_done"):
        rating.start_session(session.subject)


def test_there_are_so_many_sessions_a_day(study, session):
    rate(session, lambda trial: 3.0)
    study.sessions_per_day = 1
    study.save()
    session.subject.study.refresh_from_db()
    with pytest.raises(rating.NotNow, match="enough_today"):
        rating.start_session(session.subject)


def test_a_closed_study_starts_nothing_and_still_takes_what_browsers_hold(world, study, session):
    page = uuid.uuid4()
    rating.hold(session, page, "d", takes_over=False, environment={})
    setup.close_study(study, world.organiser)
    taken = rating.take_answers(session, page, [rating.read_answer(answer(session.trials.first()), study)])
    assert len(taken.stored) == 1
    other, _ = invited(study, world.organiser)
    other.study.refresh_from_db()
    with pytest.raises(rating.NotNow, match="not_open"):
        rating.start_session(other)


def test_the_pages_of_a_subject_lead_from_the_link_to_the_end(world):
    study = make_study(world.challenge, world.organiser, images=4, languages="both", rest_minutes=30)
    subject, token = invited(study, world.organiser, consents=False)
    browser = entered(token)
    home = f"/rate/{study.pk}/"
    assert "我同意" in browser.get(f"{home}?language=zh").content.decode()
    assert browser.post(home, {}).status_code == 422
    assert browser.post(home, {"agree": "on", "question_0": "under 30"}).status_code == 302
    subject.refresh_from_db()
    assert (subject.language, subject.consent_version) == ("zh", 1)
    assert subject.answers == [{"question": "Age", "answer": "under 30"}]
    browser.get(f"{home}?language=en")
    page = browser.post(f"{home}start/").headers["Location"]
    assert b"rating.js" in browser.get(page).content
    key = str(uuid.uuid4())
    holding = {"page": key, "device": "d", "environment": {"dpr": 2, "width": 1280}}
    assert browser.post(f"{page}hold/", holding, content_type=JSON).json() == {"holds": True}
    other = {"page": str(uuid.uuid4()), "device": "e"}
    assert browser.post(f"{page}hold/", other, content_type=JSON).status_code == 409
    trials = browser.get(f"{page}state.json").json()["trials"]
    sent = [answer(trial["id"], 4) for trial in trials]
    wrong = {**answer(trials[0]["id"]), "value": 77}
    reply = browser.post(f"{page}answers/", {"page": key, "answers": [*sent, wrong]}, content_type=JSON).json()
    assert reply["stored"] == [one["id"] for one in sent]
    assert list(reply["refused"]) == [wrong["id"]]
    assert browser.post(f"{page}answers/", {"page": key, "answers": []}, content_type=JSON).json()["holds"]
    for bad in (b"", b"[]", b'{"page": "x"}', b'{"page": 1, "answers": []}'):
        assert browser.post(f"{page}answers/", bad, content_type=JSON).status_code == 400
    assert (
        browser.post(f"{page}answers/", {"page": str(uuid.uuid4()), "answers": sent}, content_type=JSON).status_code
        == 409
    )
    assert browser.post(f"{page}finish/").json() == {"done": True}
    after = browser.get(home).content.decode()
    assert "please rest" in after or "rated everything" in after
    assert browser.get(page).headers["Location"] == home
    assert RatingSession.objects.get().environment == {"dpr": 2, "width": 1280}


def test_whoever_takes_part_in_the_challenge_cannot_rate_it(client, world):
    study = make_study(world.challenge, world.organiser)
    _, token = invited(study, world.organiser)
    for user in (world.alice, world.organiser):
        client.force_login(user)
        assert client.get(f"/rate/invitation/{token}/").status_code == 403
    client.force_login(world.outsider)
    assert client.get(f"/rate/invitation/{token}/").status_code == 302


def test_withdrawing_deletes_everything_but_the_number(world, study):
    subject, token = invited(study, world.organiser)
    rate(rating.start_session(subject), lambda trial: 3.0)
    browser = entered(token)
    assert browser.get(f"/rate/{study.pk}/withdraw/").status_code == 200
    assert browser.post(f"/rate/{study.pk}/withdraw/").status_code == 200
    subject.refresh_from_db()
    assert subject.withdrawn_at
    assert (Trial.objects.count(), Rating.objects.count(), subject.answers, subject.token_digest) == (0, 0, [], "")
    assert browser.get(f"/rate/{study.pk}/").status_code == 404
