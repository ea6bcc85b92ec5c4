"""The organisers' pages of a rescoring, its report and its export; what participants see of it."""

import csv
import io

import pytest

from challenge.rescorings.models import Rescoring
from challenge.rescorings.report import make_report
from challenge.rescorings.rescoring_run import rescore
from challenge.rescorings.services import publish
from challenge.submissions.models import Evaluation
from tests.factories import new_answer_key
from tests.rescorings.conftest import begin, corrected_key, finished

OVERVIEW = "/c/iqa/development/rescoring/"


@pytest.fixture
def organiser(world, client):
    client.force_login(world.organiser)
    return client


def text(client, url: str) -> str:
    content: bytes = client.get(url).content
    return content.decode()


def test_from_the_form_to_the_new_board(world, organiser):
    world.scored()
    key = new_answer_key(world.development, corrected_key())
    page = text(organiser, OVERVIEW)
    assert "of the MOS that both have differ" in page
    data = {"answer_key": str(key.pk), "formula": "(srocc + plcc) / 2", "reason": "MOS were mixed up"}
    response = organiser.post(OVERVIEW, data)
    rescoring = Rescoring.objects.get()
    assert response.url == rescoring.get_absolute_url()
    assert "0 of 1 files are scored" in text(organiser, response.url)
    rescore(rescoring.pk)
    page = text(organiser, response.url)
    assert "hx-get" not in page.split('id="rescoring-status"')[1].split(">")[0]
    assert "Largest change" in page
    assert "Publish this rescoring?" in text(organiser, response.url + "publish/")
    page = organiser.post(response.url + "publish/", follow=True).content.decode()
    assert "The board shows the new scores" in page
    assert "Published" in text(organiser, OVERVIEW)
    assert "cannot be published" in text(organiser, response.url + "publish/")
    assert "published already" in text(organiser, response.url + "discard/")
    again = organiser.post(response.url + "publish/", follow=True).content.decode()
    assert "published already" in again


def test_a_wrong_form_says_what_is_wrong_and_keeps_what_was_typed(world, organiser):
    world.scored()
    key = new_answer_key(world.development, corrected_key())
    response = organiser.post(OVERVIEW, {"answer_key": str(key.pk), "formula": "fame", "reason": "because"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "The formula:" in page
    assert "because" in page


def test_only_checked_keys_can_be_chosen(world, organiser):
    wrong = new_answer_key(world.development, scale=(4.0, 5.0))
    assert "Cannot be used." in text(organiser, OVERVIEW)
    response = organiser.post(OVERVIEW, {"answer_key": str(wrong.pk), "formula": "srocc", "reason": "x"})
    assert response.status_code == 422


def test_scores_of_another_scorer_are_pointed_out(world, organiser):
    world.scored()
    assert "another version of the scorer" not in " ".join(text(organiser, OVERVIEW).split())
    Evaluation.objects.update(scorer_version="1.0.0")
    page = " ".join(text(organiser, OVERVIEW).split())
    assert "1 evaluation on the board comes from another version of the scorer" in page
    world.scored(world.mallory, seed=2)
    Evaluation.objects.update(scorer_version="1.0.0")
    assert "2 evaluations on the board come from" in " ".join(text(organiser, OVERVIEW).split())


def test_discarding_and_going_on_by_the_page(world, organiser):
    world.scored()
    rescoring = begin(world)
    Rescoring.objects.update(state="failed", failure="Something went wrong on our side.")
    assert "Go on where it stopped" in text(organiser, rescoring.get_absolute_url())
    organiser.post(rescoring.get_absolute_url() + "retry/")
    assert Rescoring.objects.get().state == "waiting"
    assert (
        "nothing to go on with" in organiser.post(rescoring.get_absolute_url() + "retry/", follow=True).content.decode()
    )
    assert "Stop and discard" in text(organiser, rescoring.get_absolute_url() + "discard/")
    page = organiser.post(rescoring.get_absolute_url() + "discard/", follow=True).content.decode()
    assert "Nothing has changed on the board" in page
    assert "Stopped before it was done" in page


def test_the_report_says_who_moves_and_by_how_much(world):
    mine, theirs = world.scored(noise=0.3), world.scored(world.mallory, noise=0.6, seed=2)
    rescoring = finished(world)
    report = make_report(rescoring)
    assert {row["label"] for row in report["rows"]} == {"Aces", "Rivals"}
    values = {}
    for submission in (mine, theirs):
        old, new = (submission.evaluations.get(is_current=flag).result["main"] for flag in (True, False))
        values[submission.label] = (old, new, new - old)
    for row in report["rows"]:
        assert (row["old_main"], row["new_main"], row["change"]) == values[row["label"]]
    best = sorted(values, key=lambda label: -values[label][1])
    assert {row["label"]: row["new_rank"] for row in report["rows"]} == {best[0]: 1, best[1]: 2}
    assert abs(report["largest"]["change"]) == max(abs(change) for _, _, change in values.values())
    assert (report["changed"], report["rescored"], report["failures"]) == (2, 2, [])


def test_the_report_stays_as_it_was_when_it_was_decided(world, organiser):
    world.scored()
    rescoring = finished(world)
    before = make_report(rescoring)
    publish(rescoring, world.organiser)
    world.scored(world.mallory, seed=5)
    rescoring.refresh_from_db()
    assert rescoring.report == before
    assert "As it was when it was decided" in text(organiser, rescoring.get_absolute_url())


def test_the_export_has_every_file_in_full_precision(world, organiser):
    submissions = [world.scored(seed=seed) for seed in range(3)]
    rescoring = finished(world)
    rows = list(csv.DictReader(io.StringIO(text(organiser, rescoring.get_absolute_url() + "changes.csv"))))
    assert [row["submission"] for row in rows] == [str(one.pk) for one in submissions]
    for row, submission in zip(rows, submissions, strict=True):
        old, new = (submission.evaluations.get(is_current=flag).result["main"] for flag in (True, False))
        assert (float(row["main_before"]), float(row["main_after"])) == (old, new)
        assert float(row["change"]) == new - old


def test_participants_see_new_scores_and_the_history_only_when_it_is_published(world, client):
    submission = world.scored()
    rescoring = finished(world)
    new = submission.evaluations.get(is_current=False)
    main = f"{new.result['main']:.4f}"
    client.force_login(world.alice)
    assert main not in text(client, submission.get_absolute_url())
    publish(rescoring, world.organiser)
    page = text(client, submission.get_absolute_url())
    assert main in page
    assert page.count("/receipts/") - page.count("/receipts/verify/") == 2
    old = submission.evaluations.get(is_current=False)
    assert f"{old.result['main']:.4f}" in page
    assert "key 1, scorer" in page
    assert "key 2, scorer" in page


def test_the_tab_is_for_organisers(world, client):
    client.force_login(world.alice)
    assert OVERVIEW not in text(client, "/c/iqa/development/leaderboard/")
    client.force_login(world.organiser)
    assert OVERVIEW in text(client, "/c/iqa/development/leaderboard/")
