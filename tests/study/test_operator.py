"""The operator's view: who rates carefully, opening a session again, tables, import, archive."""

import csv
import io
import random
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

import scoring
from challenge.study import rating, setup
from challenge.study.exports import RAW_COLUMNS, csv_bytes, raw_rows
from challenge.study.models import Rating, RatingSession, Study, Trial
from challenge.study.opinions import sealed_content
from challenge.study.quality import longest_run, measure
from scoring.ratings import read_ratings
from tests.study.studies import answer, invited, make_study, rate, stored

pytestmark = pytest.mark.django_db


def quality_of(name: str) -> float:
    """The true quality of an image, 0.5 to 4.5."""
    return 0.5 + 4 * random.Random(name).random()


def careful(noise: float, seed: int):
    draw = random.Random(seed)

    def value(trial: Trial) -> float:
        return round(min(5.0, max(0.0, quality_of(trial.image.name) + draw.gauss(0, noise))), 1)

    return value


@pytest.fixture
def study(world):
    return make_study(world.challenge, world.organiser, images=40, session_images=40, golds=2, repeats=4)


def sessions_of(world, study: Study, raters) -> list[RatingSession]:
    made = []
    for value in raters:
        subject, _ = invited(study, world.organiser)
        made.append(rating.start_session(subject))
        rate(made[-1], value)
    return made


def test_the_matrix_tells_careful_from_careless(world, study):
    draw = random.Random(3)
    raters = [*(careful(0.3, seed) for seed in range(4)), lambda trial: round(5 * draw.random(), 1), lambda trial: 3.0]
    sessions = sessions_of(world, study, raters)
    Rating.objects.filter(trial__session=sessions[4]).update(response_ms=200)
    found = measure(study)
    good, wild, flat = found.subjects[0], found.subjects[4], found.subjects[5]
    assert good.srocc > 0.8
    assert wild.srocc < 0.6
    assert flat.srocc is None
    (one,) = wild.sessions[0]
    assert {"fast", "repeats differ"} <= set(one.warnings)
    (one,) = flat.sessions[0]
    assert {"little variance", "long run"} <= set(one.warnings)
    (one,) = good.sessions[0]
    assert one.warnings in ((), ("gold missed",))
    assert (one.answered, one.trials, one.seconds) == (48, 48, 1.8)
    assert one.repeat_error < 1
    # Leave-one-out: by hand, for one subject.
    rows = {(r.trial.session_id, r.trial.image.name): r.value for r in Rating.objects.filter(trial__kind="main")}
    names = sorted({name for _, name in rows})
    others = [round(sum(rows[s.pk, name] for s in sessions[1:]) / 5, 9) for name in names]
    assert good.srocc == pytest.approx(scoring.srocc([rows[sessions[0].pk, name] for name in names], others))


@pytest.mark.parametrize(("values", "run"), [([], 0), ([1], 1), ([1, 1, 2, 2, 2, 1], 3), ([4, 4], 2)])
def test_the_longest_run_of_one_score(values, run):
    import numpy as np

    assert longest_run(np.array(values, dtype=np.float64)) == run


def test_a_session_that_is_opened_again_is_rated_once_more_and_counts_no_more(client, world, study):
    (session,) = sessions_of(world, study, [careful(0.3, 1)])
    client.force_login(world.organiser)
    page = f"/c/iqa/studies/{study.pk}/"
    assert client.post(f"{page}sessions/{session.pk}/reopen/", {"reason": " "}).status_code == 422
    assert client.post(f"{page}sessions/{session.pk}/reopen/", {"reason": "Slept."}).status_code == 302
    assert client.post(f"{page}sessions/{session.pk}/reopen/", {"reason": "Again."}).status_code == 422
    event = study.events.get(action="reopened")
    assert (event.reason, event.session, event.actor) == ("Slept.", session, world.organiser)
    again = rating.start_session(session.subject)
    assert (again.group, again.number) == (session.group, 2)
    rate(again, careful(0.3, 2))
    counting = csv_rows(client.get(f"{page}ratings.csv"))
    assert len(counting) == 40
    raw = csv_rows(client.get(f"{page}raw-ratings.csv"))
    assert len(raw) == 2 * 48
    assert sum(row["counts"] == "True" for row in raw) == 40
    shown = client.get(page).content.decode()
    assert "set aside" in shown
    assert "Slept." in shown
    assert client.get(f"{page}matrix/").status_code == 200


def csv_rows(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_the_table_for_scoring_is_one_and_holds_what_counts(client, world, study):
    sessions = sessions_of(world, study, [careful(0.3, seed) for seed in range(3)])
    page = uuid.uuid4()
    RatingSession.objects.filter(pk=sessions[0].pk).update(state="open")
    rating.hold(sessions[0], page, "d", takes_over=True, environment={})
    trial = sessions[0].trials.filter(kind="main").first()
    before = Rating.objects.get(trial=trial)
    flag = answer(trial, None, flag="offensive", supersedes=str(before.pk))
    rating.take_answers(sessions[0], page, [rating.read_answer(flag, study)])
    client.force_login(world.organiser)
    response = client.get(f"/c/iqa/studies/{study.pk}/ratings.csv")
    ratings = read_ratings(response.content)
    assert (len(ratings), len(ratings.subjects), len(ratings.images)) == (3 * 40 - 1, 3, 40)
    assert response.headers["Cache-Control"] == "no-store"
    scores = scoring.mean_opinion_scores(response.content, screening="none")
    assert scoring.srocc(list(scores.table["mos"]), [quality_of(name) for name in scores.table.image]) > 0.8


def test_imported_ratings_are_checked_by_line_and_sealed(client, world, study):
    client.force_login(world.organiser)
    page = f"/c/iqa/studies/{study.pk}/import/"

    def send(text: str):
        return client.post(page, {"ratings": SimpleUploadedFile("r.csv", text.encode()), "note": "Lab B"})

    wrong = send("subject,image,session,rating\na,image_0000.png,1,6\n")
    assert wrong.status_code == 422
    assert b"ine 2" in wrong.content
    assert b"no image of this study" in send("subject,image,session,rating\na,other.png,1,3\n").content
    assert send("subject,image,session,rating\na,image_0000.png,1,3.141593\n").status_code == 302
    sealed = study.sealed_ratings.get()
    assert (sealed.rows, sealed.note) == (1, "Lab B")
    assert b"3.141593" not in stored(sealed.sealed)
    assert b"3.141593" in sealed_content(sealed)


def test_archiving_takes_the_ratings_out_of_the_database(client, world, study):
    sessions_of(world, study, [careful(0.3, seed) for seed in range(3)])
    client.force_login(world.organiser)
    page = f"/c/iqa/studies/{study.pk}/"
    raw = csv_bytes(RAW_COLUMNS, raw_rows(study))  # what is downloaded has the checks, too
    assert client.post(f"{page}archive/").status_code == 302
    assert Rating.objects.exists()  # it is open
    setup.close_study(study, world.organiser)
    assert client.get(f"{page}archive/").status_code == 200
    assert client.post(f"{page}archive/").status_code == 302
    assert not Rating.objects.exists()
    assert sealed_content(study.sealed_ratings.get()).decode() == raw.decode()
    study.refresh_from_db()
    with pytest.raises(setup.ChangeRefused, match="archived"):
        setup.open_study(study, world.organiser)
    assert client.get(page).status_code == 200
