"""Checks and training before the first session: who must, what counts as passed, what a browser gets to know."""

import io
import uuid
from typing import Any

import numpy as np
import pytest
from PIL import Image

from challenge.accounts.erasure import erase_account
from challenge.study import optotypes, preparations, rating, setup
from challenge.study.exports import RECORDED_COLUMNS, recorded_rows
from challenge.study.models import Study
from challenge.study.preparation_rules import attempts_left, pending
from challenge.study.preparations import LINES, summaries
from challenge.study.records import Preparation
from tests.study.studies import entered, invited, make_study, rate

pytestmark = pytest.mark.django_db
DISPLAY = {"card": "324", "ratio": "2", "width": "1600", "height": "900", "zoom": "100"}
ALL = {"display_check": "pass", "acuity_check": "pass", "colour_check": "pass"}


def prepared_study(world, **fields: Any) -> Study:
    return make_study(world.challenge, world.organiser, images=4, **fields)


def attempt(subject, kind: str, reply=lambda step: step["right"], said=DISPLAY) -> Preparation:
    """Go through one attempt with `reply(step)` as the answers."""
    row = preparations.begin(subject, kind, said)
    while (place := preparations.place_of(row)) is not None:
        row = preparations.answer(row.pk, place, str(reply(row.steps[place])))
    return row


def decoded(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_no_session_starts_before_checks_are_passed_and_training_is_done(world):
    study = prepared_study(world, anchors=3, **ALL)
    subject, token = invited(study, world.organiser)
    assert pending(subject) == ["display", "acuity", "colour", "training"]
    with pytest.raises(rating.NotNow, match="checks_first"):
        rating.start_session(subject)
    home = f"/rate/{study.pk}/"
    browser = entered(token)
    assert "Check how you see colours" in browser.get(home).content.decode()
    for kind in ("display", "acuity", "colour"):
        assert attempt(subject, kind).passed is True
    attempt(subject, "training", lambda step: step["low"])
    assert pending(subject) == []
    rate(rating.start_session(subject), lambda _: 3.0)
    with pytest.raises(preparations.NotNow):
        preparations.begin(subject, "training", DISPLAY)
    assert "Practise" not in browser.get(home).content.decode()


def test_results_that_are_only_recorded_stop_nobody_and_are_asked_once(world):
    subject, _ = invited(prepared_study(world, colour_check="record"), world.organiser)
    row = attempt(subject, "colour", lambda _: "none")
    assert (row.passed, row.result["right"], row.result["demo"]) == (False, 0, False)
    assert pending(subject) == []
    assert attempts_left(subject, "colour") == 0


def test_a_check_that_must_be_passed_may_be_tried_three_times(world):
    subject, token = invited(prepared_study(world, display_check="pass"), world.organiser)
    for left in (2, 1, 0):
        attempt(subject, "display", lambda _: "none")
        assert attempts_left(subject, "display") == left
    with pytest.raises(preparations.NotNow):
        preparations.begin(subject, "display", DISPLAY)
    page = f"/rate/{subject.study_id}/checks/display/"
    assert "write to the people who invited you" in entered(token).get(page).content.decode()


def test_lines_are_as_large_as_their_angle_and_none_is_finer_than_a_pixel(world):
    study = prepared_study(world, acuity_check="pass", viewing_distance=100)
    subject, _ = invited(study, world.organiser)
    row = attempt(subject, "acuity", lambda step: step["right"] if step["line"] < 0.8 else wrong(step))
    assert row.result == {"acuity": 0.63, "finest": 1.0, "distance_cm": 100}
    assert row.passed is True
    minutes = {step["line"]: np.degrees(np.arctan(step["gap"] / (324 * 2 / 85.6) / 1000)) * 60 for step in row.steps}
    assert minutes == pytest.approx({line: 1 / line for line in LINES}, rel=1e-3)
    coarse, _ = invited(study, world.organiser)
    seen = attempt(coarse, "acuity", said=DISPLAY | {"card": "150", "ratio": "1"})
    assert seen.result["acuity"] == seen.result["finest"] == 0.5
    assert seen.passed is True
    assert min(step["gap"] for step in seen.steps) >= 1
    poor, _ = invited(study, world.organiser)
    assert attempt(poor, "acuity", wrong).result["acuity"] is None


def wrong(step) -> str:
    return next(way for way in optotypes.DIRECTIONS if way != step["right"])


def test_rings_open_where_they_should():
    dark = {}
    for way in optotypes.DIRECTIONS:
        pixels = 255 - decoded(optotypes.landolt_ring(8.0, way)).astype(float)
        centre = (np.arange(pixels.shape[0]) + 0.5) - pixels.shape[0] / 2
        dark[way] = (pixels.sum(axis=0) @ centre / pixels.sum(), pixels.sum(axis=1) @ centre / pixels.sum())
    assert dark["right"][0] < -0.5 < 0.5 < dark["left"][0]  # the weight lies away from the gap
    assert dark["down"][1] < -0.5 < 0.5 < dark["up"][1]
    area = np.pi * 8**2 * (2.5**2 - 1.5**2) - 8 * 8
    assert (255 - decoded(optotypes.landolt_ring(8.0, "up")).astype(float)).sum() / 255 == pytest.approx(area, rel=0.01)


@pytest.mark.parametrize(("kind", "cone"), [("protan", 0), ("deutan", 1)])
def test_plates_differ_in_one_cone_alone(kind, cone):
    ground, figure = optotypes.plate_colours(kind)
    assert min(*ground, *figure) > 0
    assert max(*ground, *figure) < 1
    change = optotypes.LMS_OF_RGB @ (figure - ground) / (optotypes.LMS_OF_RGB @ ground)
    assert abs(change[cone]) > 0.15
    assert np.abs(np.delete(change, cone)).max() < 1e-9
    first, again, other = (optotypes.plate(kind, digit, 7) for digit in (3, 3, 8))
    assert first == again != other
    assert decoded(first).shape == (optotypes.PLATE_SIDE, optotypes.PLATE_SIDE, 3)


def test_training_tells_whether_the_score_is_in_range_and_may_be_repeated(world):
    study = prepared_study(world, anchors=12, training_images=5)
    subject, token = invited(study, world.organiser)
    browser, page = entered(token), f"/rate/{study.pk}/checks/training/"
    assert browser.post(page, {"do": "begin"}).status_code == 302
    row = Preparation.objects.get()
    assert sorted(step["low"] for step in row.steps) == [0, 1, 2, 3, 4]
    asked = browser.get(page).content.decode()
    assert "expected range" not in asked
    assert f"/rate/checks/{row.pk}/0.png" in asked
    assert b"".join(browser.get(f"/rate/checks/{row.pk}/0.png")).startswith(b"\x89PNG")
    assert browser.post(page, {"place": "0", "answer": "nine"}).status_code == 422
    told = browser.post(page, {"place": "0", "answer": str(row.steps[0]["high"])}, follow=True).content.decode()
    assert "lies in the expected range" in told
    low = row.steps[1]["low"]
    told = browser.post(page, {"place": "1", "answer": "5" if low < 3 else "0"}, follow=True).content.decode()
    assert "lies outside the expected range" in told
    for place in range(2, 5):
        browser.post(page, {"place": str(place), "answer": str(row.steps[place]["low"])})
    row.refresh_from_db()
    assert row.result == {"inside": 4, "images": 5}
    assert "4 of your 5 scores" in browser.get(page).content.decode()
    browser.post(page, {"do": "begin"})
    assert subject.preparations.count() == 2
    assert pending(subject) == []


def test_a_browser_gets_pictures_and_no_right_answers(world):
    study = prepared_study(world, **ALL)
    subject, token = invited(study, world.organiser)
    browser = entered(token)
    page = f"/rate/{study.pk}/checks/acuity/"
    assert browser.post(page, {"do": "begin"}).status_code == 422
    assert browser.post(page, {"do": "begin", **DISPLAY, "card": "3"}).status_code == 422
    assert browser.post(page, {"do": "begin", **DISPLAY}).status_code == 302
    row = Preparation.objects.get()
    pages = set()
    for way in optotypes.DIRECTIONS:
        row.steps[0]["right"] = way
        row.save()
        pages.add(browser.get(page).content.partition(b'name="place"')[2].partition(b"</form>")[0])
    assert len(pages) == 1  # the same bytes whatever is right
    assert b'value="left"' in pages.pop()
    assert "no-store" in browser.get(f"/rate/checks/{row.pk}/0.png").headers["Cache-Control"]
    assert browser.get(f"/rate/checks/{row.pk}/1.png").status_code == 404
    stranger = entered(invited(study, world.organiser)[1])
    assert stranger.get(f"/rate/checks/{row.pk}/0.png").status_code == 404
    for _ in range(2):  # a key pressed twice answers once
        browser.post(page, {"place": "0", "answer": "up"})
    row.refresh_from_db()
    assert preparations.place_of(row) == 1
    assert browser.post(page, {"place": "1", "answer": "sideways"}).status_code == 422
    assert browser.get(f"/rate/{study.pk}/checks/{uuid.uuid4().hex}/").status_code == 404
    assert subject.preparations.count() == 1


def test_pages_are_in_the_language_of_the_subject(world):
    study = prepared_study(world, languages="both", **ALL)
    _, token = invited(study, world.organiser)
    browser = entered(token)
    browser.get(f"/rate/{study.pk}/?language=zh")
    assert "检查色觉" in browser.get(f"/rate/{study.pk}/checks/colour/").content.decode()


def test_organisers_see_results_in_the_matrix_and_the_table(client, world):
    study = prepared_study(world, **ALL)
    subject, _ = invited(study, world.organiser)
    attempt(subject, "colour", lambda _: "none")
    for kind in ("display", "acuity", "colour"):
        attempt(subject, kind)
    rate(rating.start_session(subject), lambda _: 3.0)
    assert summaries(study)[1]["colour"] == {"text": "6 of 6", "passed": True, "attempts": 2}
    first = dict(zip(RECORDED_COLUMNS, next(recorded_rows(study)), strict=True))
    assert (first["acuity_check"], first["colour_check"], first["display_check"]) == ("1", "6 of 6", "4 of 4 steps")
    client.force_login(world.organiser)
    shown = client.get(f"/c/iqa/studies/{study.pk}/matrix/").content.decode()
    assert "6 of 6" in shown
    assert "(attempt 2)" in shown


def test_what_checks_say_goes_with_the_subject_and_with_the_account(world):
    study = prepared_study(world, **ALL)
    subject, _ = invited(study, world.organiser)
    attempt(subject, "colour")
    setup.withdraw(subject)
    assert not Preparation.objects.exists()
    other, _ = invited(study, world.organiser)
    other.user = world.outsider
    other.save()
    attempt(other, "colour")
    erase_account(world.outsider)
    assert not Preparation.objects.exists()
